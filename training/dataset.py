"""What a model trains on: books at moments, each row as the feature store knew its book then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.settings import Settings
from bookshelf.snapshots import Snapshot
from features import schema
from training.entity_rows import ROW_ID, EntityRows, RowId
from training.point_in_time import KINDS, Unknown, features_of

#: Column of a logged training set with the source of each row's book.
SOURCE = "source"

_NOTHING = (2**64 - 1).to_bytes(8, "little")  # no text is so long, and no vector


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Features of one service.

    `frame` holds the service's features in the schema's order and dtypes, a vector being a float32 array,
    and row i is of the book `book_ids[i]` of `sources[i]` at `moments[i]`, called `row_ids[i]` by whoever
    asked for it; by default rows are called by their places and are all of `as_of`, the last moment of any.
    A number that was not known is NaN. `sha256` is of books, names and values, whenever and wherever they
    were read. `snapshot_id` is the last snapshot, of the source that was asked for or of any, that the
    catalogue had published at `as_of`.
    """

    frame: pd.DataFrame
    book_ids: tuple[int, ...]
    sha256: str
    service: str
    as_of: datetime
    snapshot_id: int
    sources: tuple[str, ...]
    row_ids: tuple[RowId, ...] = ()
    moments: tuple[datetime, ...] = ()

    def __post_init__(self) -> None:
        if not self.row_ids:
            object.__setattr__(self, "row_ids", tuple(range(len(self.frame))))
        if not self.moments:
            object.__setattr__(self, "moments", (self.as_of,) * len(self.frame))
        for name in ("book_ids", "sources", "row_ids", "moments"):
            if len(getattr(self, name)) != len(self.frame):
                raise ValueError(
                    f"{name} must have {len(self.frame)} entries, got {len(getattr(self, name))}"
                )

    @property
    def source(self) -> str:
        """The source that all rows are of, "" where they are of several."""
        found = set(self.sources)
        return found.pop() if len(found) == 1 else ""

    @property
    def origin(self) -> str:
        """Where the rows come from, in words."""
        of = self.source or f"{len(set(self.sources))} sources"
        told = f"Feast feature service {self.service} as of {self.as_of.isoformat()}"
        return f"{told}, {of}, snapshot {self.snapshot_id}"

    def table(self) -> pd.DataFrame:
        """Everything in one frame: row id, book, moment and source, and then the features."""
        keys = {
            ROW_ID: list(self.row_ids),
            schema.JOIN_KEY: np.array(self.book_ids, dtype=np.int64),
            schema.EVENT_TIMESTAMP: pd.to_datetime(list(self.moments), utc=True),
            SOURCE: pd.Series(self.sources, dtype=object),
        }
        return pd.concat([pd.DataFrame(keys), self.frame.reset_index(drop=True)], axis=1)


def load_training_set(
    settings: Settings, service: str, as_of: datetime, source: str | None = None
) -> TrainingSet:
    """What was known at `as_of`, which needs a time zone, of every book that was on offer then, by id.

    With `source`, of its books alone. A correction that came later is not seen. Raises `FeatureStoreError`
    if nothing was on offer, and as `features_of` does.
    """
    catalogue = Catalogue.open(settings.catalogue_url)
    newest, snapshot = _published(catalogue, as_of), catalogue.snapshot(source, as_of)
    wanted = BookFilter(as_of=as_of, source=source)
    offered = {listed.id: listed.source for listed in catalogue.stream_books(wanted)}
    if newest is None or snapshot is None or not offered:
        of = f" of source {source!r}" if source else ""
        known = f"; there are books of {', '.join(map(repr, catalogue.sources()))}" if source else ""
        raise FeatureStoreError(f"no book{of} was on offer at {as_of.isoformat()}{known}")
    frame = features_of(settings, service, EntityRows.at(offered, as_of))
    _check_unmoved(catalogue, as_of, newest)
    return TrainingSet(
        frame=frame,
        book_ids=tuple(offered),
        sha256=content_hash(frame, tuple(offered)),
        service=service,
        as_of=as_of,
        snapshot_id=snapshot.id,
        sources=tuple(offered.values()),
    )


def training_set_for(
    settings: Settings, service: str, rows: pd.DataFrame, unknown: Unknown = "refuse"
) -> TrainingSet:
    """What was known of each row's book at the row's own moment: these rows, in their order, and no others.

    `rows` has the columns `book_id`, `event_timestamp` (with a time zone) and, to call rows by other names
    than their places, `row_id`; a book may have several rows, equal ones too, and need not be on offer.
    With `unknown="keep"`, a row before the first that was known of its book stays as a row of nothing.
    Raises `FeatureStoreError` for rows that cannot be used, and as `features_of` does.
    """
    asked = EntityRows.of(rows)
    moments = tuple(moment.to_pydatetime() for moment in asked.moments)
    as_of = max(moments)
    catalogue = Catalogue.open(settings.catalogue_url)
    newest = _published(catalogue, as_of)
    frame = features_of(settings, service, asked, unknown)
    _check_unmoved(catalogue, as_of, newest)
    book_ids = tuple(asked.book_ids.tolist())
    sources = catalogue.sources_of(book_ids)
    return TrainingSet(
        frame=frame,
        book_ids=book_ids,
        sha256=content_hash(frame, book_ids),
        service=service,
        as_of=as_of,
        snapshot_id=0 if newest is None else newest.id,
        sources=tuple(sources.get(book_id, "") for book_id in book_ids),
        row_ids=asked.row_ids,
        moments=moments,
    )


def content_hash(frame: pd.DataFrame, book_ids: Sequence[int]) -> str:
    """Hex SHA-256 of ids, column names and values; the same on every machine and in every file format."""
    digest = hashlib.sha256(np.array(book_ids, dtype="<i8").tobytes())
    for name, column in frame.items():
        kind = KINDS[str(name)]
        digest.update(f"\0{name} {kind}\0".encode())
        if kind in ("text", "vector"):
            for cell in column:
                digest.update(_NOTHING if cell is None else _bytes_of(cell))
        elif kind == "count" and not column.isna().any():
            digest.update(column.to_numpy(dtype="<i8").tobytes())
        else:
            values = column.to_numpy(dtype="<f8")
            digest.update(np.where(np.isnan(values), np.nan, values).tobytes())  # NaN has many spellings
    return digest.hexdigest()


def _bytes_of(cell: Any) -> bytes:
    """A text behind its length, or a vector, of which all have the same."""
    if isinstance(cell, str):
        encoded = cell.encode()
        return len(encoded).to_bytes(8, "little") + encoded
    return np.asarray(cell, dtype="<f4").tobytes()


def _published(catalogue: Catalogue, as_of: datetime) -> Snapshot | None:
    """The last snapshot at that moment. Raises `FeatureStoreError` if its features are not published."""
    newest = catalogue.snapshot(as_of=as_of)
    if newest is None and catalogue.snapshot() is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    if newest is not None and newest.features_published_at is None:
        raise FeatureStoreError(
            f"the features of snapshot {newest.id} are not published: run `python -m ingestion publish`"
        )
    return newest


def _check_unmoved(catalogue: Catalogue, as_of: datetime, newest: Snapshot | None) -> None:
    """A publication's moment lies a little before its commit, so one may come to light that lies before."""
    if catalogue.snapshot(as_of=as_of) != newest:
        raise FeatureStoreError("a new crawl was published while the training set was being read: try again")
