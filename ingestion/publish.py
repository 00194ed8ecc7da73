"""Publishing: what the history says and the feature store does not hold yet, offline, online and checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Engine
from tqdm import tqdm

from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.kept_vectors import EncoderChanged, KeptVectors
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from ingestion import history
from ingestion.history import Revision
from ingestion.mark import Published
from ingestion.offline import (
    Embed,
    RowFiles,
    add_steps,
    frame_of,
    offline_is_there,
    remove_others,
    with_vectors,
)
from ingestion.online import bring_online, check_online, definitions_hash, online_files


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What one publish did: offline rows of all views together, distinct texts, and the time it took.

    `books` are on offer at `snapshot_id`, the last that is published.
    """

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
class Plan:
    """Write the rows of the revisions above `written`, and bring online and check those above `checked`.

    0 is before the first: then whatever else lies there is removed, or brought online anew. `apply`
    registers the definitions. `new_encoder` writes a new vector of every book beside the old one.
    """

    written: int
    checked: int
    apply: bool
    new_encoder: bool


def publish_features(
    catalogue: Catalogue, settings: Settings, at: datetime, progress: bool | None = None
) -> PublishReport:
    """Bring every revision that the feature store does not hold yet into it, and check the online rows.

    A book has a row for each revision and view in which its features differ from what was said before.
    Rows carry the time at which the shop was read as event, and the moment at which the catalogue began to
    say so as created, so that rows written anew from the history are the same. Vectors of another encoder
    than before are added with `at` as created. Of several publishers at once one works and the others
    wait; one that was killed is made good by the next. Books that left keep their rows.
    `at` is when it begins; each revision is marked with the time at which its rows were there, checked.
    `progress` draws a bar; by default where stderr is a terminal.

    Raises `FeatureStoreError`, and leaves the revisions unpublished, if the catalogue is empty or if a
    value differs online.
    """
    started = time.monotonic()
    home = settings.home.resolve() / "feast"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.publish_lock):
        revisions = history.revisions(catalogue.engine)
        if not revisions:
            raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
        last = revisions[-1]
        _, books = catalogue.page(BookFilter(as_of=last.published_at), number=1, size=1)
        report = PublishReport(snapshot_id=last.snapshot_id, books=books)
        mark = home / "published.json"
        if plan := _plan(Published.read(mark), revisions, settings):
            bar = sys.stderr.isatty() if progress is None else progress
            publisher = _Publisher(catalogue.engine, settings, at, revisions, report, bar)
            try:
                report = publisher.publish(plan, mark)
            except EncoderChanged:  # another model by the name of the one before
                report = publisher.publish(replace(plan, new_encoder=True, checked=0), mark)
        for revision in revisions:
            if not revision.features_published:
                done = at + timedelta(seconds=time.monotonic() - started)
                catalogue.snapshots.mark_features_published(revision.snapshot_id, done)
    return report


def _plan(before: Published | None, revisions: Sequence[Revision], settings: Settings) -> Plan | None:
    """What is to be done; None for nothing."""
    if (
        before is None
        or not before.is_of(revisions)
        or before.definitions != definitions_hash(settings)
        or not offline_is_there(settings.offline_store)
    ):
        return Plan(written=0, checked=0, apply=True, new_encoder=False)
    apply = not all(Path(file).exists() for file in before.online or online_files(settings))
    new_encoder = before.encoder != settings.encoder
    if not apply and not new_encoder and before.revision == revisions[-1].number:
        return None
    checked = 0 if apply or new_encoder else before.revision
    return Plan(written=before.revision, checked=checked, apply=apply, new_encoder=new_encoder)


@dataclass(frozen=True, slots=True)
class _Publisher:
    """Carries out one plan; its caller holds the lock."""

    engine: Engine
    settings: Settings
    at: datetime
    revisions: Sequence[Revision]
    report: PublishReport
    progress: bool

    def publish(self, plan: Plan, mark: Path) -> PublishReport:
        started = time.monotonic()
        before = None if plan.written == 0 or plan.new_encoder else Published.read(mark)
        fingerprint = None if before is None else before.fingerprint
        load = partial(Encoder.load, self.settings.encoder, self.settings.encoders)
        with KeptVectors(self.settings.kept_vectors, load, fingerprint) as vectors:
            rows = self._write(plan, vectors)
            encoded, reused = vectors.encoded, vectors.reused
            self._bring_online(plan, rows)
            self._check(plan.checked, vectors.embed)
            self._mark(vectors.fingerprint).write(mark)
        return replace(
            self.report,
            rows_written=sum(rows.values()),
            texts_encoded=encoded,
            texts_reused=reused,
            seconds=time.monotonic() - started,
        )

    def _write(self, plan: Plan, vectors: KeptVectors) -> dict[str, int]:
        """Number of rows written by view."""
        rows = dict.fromkeys(schema.VIEWS, 0)
        offline, names = self.settings.offline_store, []
        total = history.count_steps(self.engine, plan.written, self.revisions[-1].number)
        with tqdm(total=total, desc="features", unit="book", disable=not self.progress) as bar:
            for revision in self._above(plan.written):
                names.append(f"{revision.number:08}.parquet")
                with RowFiles(offline, names[-1]) as files:
                    for part in history.steps(self.engine, revision):
                        add_steps(files, part, revision.event_time, revision.published_at, vectors.embed)
                        bar.update(len(part))
                rows = {view: count + files.rows[view] for view, count in rows.items()}
        if plan.written == 0:
            remove_others(offline, frozenset(names))
        if plan.new_encoder:
            rows[schema.EMBEDDING_VIEW] += self._write_vectors_anew(vectors)
        return rows

    def _write_vectors_anew(self, vectors: KeptVectors) -> int:
        last = self.revisions[-1]
        # After all that was ever written, so that these are the vectors that count from now on.
        created = max(self.at, last.published_at + timedelta(microseconds=1))
        name = f"{last.number:08}-encoder-{vectors.fingerprint[:12]}.parquet"
        event_times = {one.snapshot_id: one.event_time for one in self.revisions}
        with RowFiles(self.settings.offline_store, name) as files:
            for part in history.books_of(self.engine, 0, last.number):
                times = [event_times[snapshot_id] for snapshot_id, _ in part]
                frame = frame_of([listed for _, listed in part], times, created)
                files.add(schema.EMBEDDING_VIEW, with_vectors(frame, vectors.embed))
        return files.rows[schema.EMBEDDING_VIEW]

    def _bring_online(self, plan: Plan, rows: dict[str, int]) -> None:
        whole = plan.checked == 0
        views = [view for view, count in rows.items() if count or whole]
        if views:
            start = min(one.event_time for one in self._above(plan.checked))
            # To the newest of all, or an older event, written late, would take the place of a newer one.
            end = max(one.event_time for one in self.revisions)
            bring_online(self.settings, views, start, end, apply=plan.apply)

    def _check(self, after: int, embed: Embed) -> None:
        """Compare online what the revisions above `after` say last of each of their books."""
        store = open_feature_store(self.settings, mlflow=False)
        last = self.revisions[-1]
        for part in history.books_of(self.engine, after, last.number):
            listed = [one for _, one in part]
            frame = frame_of(listed, [last.event_time] * len(listed), last.published_at)
            check_online(store, with_vectors(frame, embed))

    def _above(self, number: int) -> list[Revision]:
        return [one for one in self.revisions if one.number > number]

    def _mark(self, fingerprint: str) -> Published:
        last = self.revisions[-1]
        return Published(
            revision=last.number,
            snapshot_id=last.snapshot_id,
            published_at=last.published_at,
            encoder=self.settings.encoder,
            fingerprint=fingerprint,
            definitions=definitions_hash(self.settings),
            online=online_files(self.settings),
        )
