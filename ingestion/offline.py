"""The offline rows: Parquet files that Feast reads, at most one a view and revision, never changed after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bookshelf.book import ListedBook
from features import schema
from features.tabular import book_frame
from ingestion.history import Step

#: Vectors (n, d) of n texts, in their order.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

_TIME = pa.timestamp("us", tz="UTC")  # DuckDB cannot cast nanoseconds that have a zone
_TYPES = {
    "text": pa.string(),
    "count": pa.int64(),
    "number": pa.float64(),
    "amount": pa.float64(),
    "vector": pa.list_(pa.float32()),
}
_ARROW = {
    view: pa.schema(
        [
            (schema.JOIN_KEY, pa.int64()),
            (schema.EVENT_TIMESTAMP, _TIME),
            (schema.CREATED_TIMESTAMP, _TIME),
            *((feature, _TYPES[kind]) for feature, kind in features.items()),
        ]
    )
    for view, features in schema.VIEWS.items()
}


class RowFiles:
    """The files of one name, one in each view's folder that gets rows.

    They are written elsewhere and moved when all is there: a reader sees a file whole or not at all, and
    one of the same name, left by a run that was killed, is replaced. `rows` counts by view.
    """

    def __init__(self, offline: Path, name: str) -> None:
        self.rows = dict.fromkeys(schema.VIEWS, 0)
        self._offline = offline
        self._name = name
        self._staging = offline.parent / "staging"
        self._open = ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> RowFiles:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._open.close()
        if failed is None:
            for view in self._writers:
                target = self._offline / view / self._name
                target.parent.mkdir(parents=True, exist_ok=True)
                self._staged(view).replace(target)

    def add(self, view: str, frame: pd.DataFrame) -> None:
        """Write every row of `frame`, which has the view's columns, perhaps among others."""
        if frame.empty:
            return
        if view not in self._writers:
            # Elsewhere first, because Feast reads every file in the view's folder.
            self._staging.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(self._staged(view), _ARROW[view])
            self._writers[view] = self._open.enter_context(writer)
        self._writers[view].write_table(pa.Table.from_pandas(frame, _ARROW[view], preserve_index=False))
        self.rows[view] += len(frame)

    def _staged(self, view: str) -> Path:
        return self._staging / f"{view}-{self._name}"


def add_steps(
    files: RowFiles, steps: Sequence[Step], event_time: datetime, published_at: datetime, embed: Embed
) -> None:
    """A row for each view in which a book is not what it was before, known from `published_at` on."""
    after = book_frame([step.now for step in steps], event_time, published_at)
    known = np.array([step.before is not None for step in steps])
    # A book never seen stands for its own past, so that the two frames have the same rows.
    before = book_frame([step.before or step.now for step in steps], event_time, published_at)
    for view, features in schema.VIEWS.items():
        # A vector differs where its text does, and to make it costs a thousand times as much.
        read = ["description"] if view == schema.EMBEDDING_VIEW else list(features)
        rows = after[~known | differing(before[read], after[read])]
        files.add(view, with_vectors(rows, embed) if view == schema.EMBEDDING_VIEW else rows)


def with_vectors(frame: pd.DataFrame, embed: Embed) -> pd.DataFrame:
    """The frame with the vector of each row's description."""
    if frame.empty:
        return frame
    return frame.assign(embedding=list(embed(frame["description"].tolist())))


def differing(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows (n,) of two frames of one shape differ; what is known of neither is the same."""
    same = (one == other) | (one.isna() & other.isna())
    found: NDArray[np.bool_] = ~same.all(axis=1).to_numpy()
    return found


def frame_of(
    listed: Sequence[ListedBook], event_times: Iterable[datetime], created: datetime
) -> pd.DataFrame:
    """`book_frame` of books that were seen at different times."""
    times = pd.Series(pd.to_datetime(list(event_times), utc=True)).astype("datetime64[us, UTC]")
    return book_frame(listed, created, created).assign(**{schema.EVENT_TIMESTAMP: times})


def offline_is_there(offline: Path) -> bool:
    """Whether there are rows of every view."""
    return all(any((offline / view).glob("*.parquet")) for view in schema.VIEWS)


def remove_others(offline: Path, names: Collection[str]) -> None:
    """Delete the files that have none of these names: they are of another catalogue, or of older rules."""
    for view in schema.VIEWS:
        for file in (offline / view).glob("*.parquet"):
            if file.name not in names:
                file.unlink()
