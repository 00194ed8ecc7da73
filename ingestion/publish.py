"""Publishing: the current snapshot's features into the offline store, then online, then checked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from bookshelf.book import ListedBook
from bookshelf.catalogue import Catalogue, Snapshot
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.tabular import book_frame
from ingestion.offline import append_rows, embed_new
from ingestion.online import bring_online, check_online, definitions_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What one publish did: offline rows of all views together, distinct texts, and the time it took."""

    snapshot_id: int
    books: int
    rows_written: int = 0
    texts_encoded: int = 0
    texts_reused: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.rows_written:
            return f"features of {self.books:,} books are published already; snapshot {self.snapshot_id}"
        return (
            f"features of {self.books:,} books published and checked in {self.seconds:.1f} s: "
            f"{self.rows_written:,} offline rows, {self.texts_encoded:,} texts encoded, "
            f"{self.texts_reused:,} vectors used again; snapshot {self.snapshot_id}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The mark that a checked publish leaves in the home: what was published, and made by what."""

    snapshot_id: int
    event_time: datetime
    encoder: str
    definitions: str

    @classmethod
    def read(cls, file: Path) -> Published | None:
        """The mark in that file; None if there is none, or one of another make."""
        try:
            told = json.loads(file.read_text())
            return cls(**told | {"event_time": datetime.fromisoformat(told["event_time"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, file: Path) -> None:
        """Leave the mark, whole or not at all."""
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self) | {"event_time": self.event_time.isoformat()}, indent=2))
        new.replace(file)


def publish_features(
    catalogue: Catalogue, settings: Settings, at: datetime, progress: bool | None = None
) -> PublishReport:
    """Bring the current snapshot's features into the stores and check that online equals the catalogue.

    Rows carry the time of the crawl as event and `at` as the moment of writing. Texts that this encoder
    has embedded before are not encoded again, and a snapshot published already, with this encoder and
    these definitions, is not published again. Of several at once one works and the others wait. Books
    that left the shop keep their rows. `progress` draws a bar; by default where stderr is a terminal.

    Raises `FeatureStoreError`, and leaves the snapshot unpublished, if the catalogue is empty, if newer
    features were published before, or if a value differs online.
    """
    home = settings.home.resolve() / "feast"
    home.mkdir(parents=True, exist_ok=True)
    mark = home / "published.json"
    with FileLock(home / "publish.lock"):
        snapshot, listed = _on_offer(catalogue)
        report = PublishReport(snapshot_id=snapshot.id, books=len(listed))
        before, now = Published.read(mark), _to_be_published(snapshot, settings)
        if before != now:
            bar = sys.stderr.isatty() if progress is None else progress
            report = _publish(listed, settings, at, before, now, bar)
            now.write(mark)
        if report.rows_written or snapshot.features_published_at is None:
            catalogue.mark_features_published(snapshot.id, at)
    return report


def _publish(
    listed: Sequence[ListedBook],
    settings: Settings,
    at: datetime,
    before: Published | None,
    now: Published,
    progress: bool,
) -> PublishReport:
    if before is not None and before.event_time > now.event_time:
        raise FeatureStoreError(
            f"snapshot {now.snapshot_id} was taken at {now.event_time}, before the features that are "
            f"published already, {before.event_time}: was the clock put back?"
        )
    started = time.monotonic()
    frame = book_frame(listed, now.event_time, at)
    encoder = Encoder.load(settings.encoder)
    embedded = embed_new(frame["description"].tolist(), encoder, settings.offline_store, progress)
    frame = frame.assign(embedding=list(embedded.vectors))
    name = f"{at:%Y%m%dT%H%M%S.%fZ}-snapshot-{now.snapshot_id}.parquet"
    rows = append_rows(frame, encoder.fingerprint, settings.offline_store, name)
    # From the last publish that was checked, whole, so that whatever went missing since is made good.
    start = before.event_time if before else now.event_time
    changed = before is None or before.definitions != now.definitions
    bring_online(settings, start, now.event_time, apply=changed)
    check_online(open_feature_store(settings, mlflow=False), frame)
    return PublishReport(
        snapshot_id=now.snapshot_id,
        books=len(listed),
        rows_written=rows,
        texts_encoded=embedded.encoded,
        texts_reused=embedded.reused,
        seconds=time.monotonic() - started,
    )


def _to_be_published(snapshot: Snapshot, settings: Settings) -> Published:
    return Published(
        snapshot_id=snapshot.id,
        event_time=snapshot.taken_at,
        encoder=settings.encoder,
        definitions=definitions_hash(settings),
    )


def _on_offer(catalogue: Catalogue) -> tuple[Snapshot, list[ListedBook]]:
    """The current snapshot and its books. A crawl may replace both between two reads: then read again."""
    snapshot = catalogue.snapshot()
    if snapshot is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    while True:
        listed = catalogue.all_books()
        if (latest := catalogue.snapshot()) is None or latest.id == snapshot.id:
            return snapshot, listed
        snapshot = latest
