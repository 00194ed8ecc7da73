"""What a model trains on: one row a book that was on offer at a time, as the feature store knew it then."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import mlflow
import numpy as np
import pandas as pd

from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from features import schema

#: Column of a logged training set with the source of each row's book.
SOURCE = "source"

_ROW = "row"
_NAMED = 5  # rows named in an error
_DTYPES: dict[str, np.dtype[Any]] = {
    "text": np.dtype(object),
    "count": np.dtype(np.int64),
    "number": np.dtype(np.float64),
    "amount": np.dtype(np.float64),
}
_KINDS = {feature: kind for view in schema.VIEWS.values() for feature, kind in view.items()}


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Features of one service.

    `frame` holds the service's features in the schema's order and dtypes, a vector being a float32 array,
    and row i is of the book `book_ids[i]` of `sources[i]`; ids ascend. A number that was not known is NaN.
    `sha256` is of ids, names and values, whenever and wherever they were read. `snapshot_id` is the last
    snapshot, of the source that was asked for or of any, that the catalogue had published at `as_of`.
    """

    frame: pd.DataFrame
    book_ids: tuple[int, ...]
    sha256: str
    service: str
    as_of: datetime
    snapshot_id: int
    sources: tuple[str, ...]

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


def load_training_set(
    settings: Settings, service: str, as_of: datetime, source: str | None = None
) -> TrainingSet:
    """What was known at `as_of`, which needs a time zone, of every book that was on offer then.

    With `source`, of its books alone. A correction that came later is not seen. Within an active MLflow
    run, Feast tags the run with the service, views and features. Raises `FeatureStoreError` if nothing was
    on offer, if the features of that moment are not published, or if the store does not give back exactly
    the rows asked for, every feature present.
    """
    snapshot_id, offered = _books_on_offer(settings, as_of, source)
    book_ids = tuple(offered)
    asked = pd.DataFrame(
        {
            schema.JOIN_KEY: np.array(book_ids, dtype="int64"),
            schema.EVENT_TIMESTAMP: pd.Series([pd.Timestamp(as_of)] * len(book_ids)).astype(
                "datetime64[us, UTC]"
            ),
            _ROW: np.arange(len(book_ids)),
        }
    )
    # Opening MLflow's backend takes seconds, and there is nothing to tell it without a run.
    store = open_feature_store(settings, mlflow=mlflow.active_run() is not None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
        found = store.get_historical_features(
            asked, features=store.get_feature_service(service), filter_by_created_timestamp=True
        ).to_df()
    features = [feature for view in schema.SERVICES[service].values() for feature in view]
    frame = _typed(_exactly(asked, found, features)[features])
    return TrainingSet(
        frame=frame,
        book_ids=book_ids,
        sha256=content_hash(frame, book_ids),
        service=service,
        as_of=as_of,
        snapshot_id=snapshot_id,
        sources=tuple(offered.values()),
    )


def content_hash(frame: pd.DataFrame, book_ids: Sequence[int]) -> str:
    """Hex SHA-256 of ids, column names and values; the same on every machine and in every file format."""
    digest = hashlib.sha256(np.array(book_ids, dtype="<i8").tobytes())
    for name, column in frame.items():
        kind = _KINDS[str(name)]
        digest.update(f"\0{name} {kind}\0".encode())
        if kind == "text":
            for text in column:
                encoded = text.encode()
                digest.update(len(encoded).to_bytes(8, "little") + encoded)
        elif kind == "vector":
            digest.update(np.stack(list(column)).astype("<f4").tobytes() if len(column) else b"")
        elif kind == "count":
            digest.update(column.to_numpy(dtype="<i8").tobytes())
        else:
            values = column.to_numpy(dtype="<f8")
            digest.update(np.where(np.isnan(values), np.nan, values).tobytes())  # NaN has many spellings
    return digest.hexdigest()


def _books_on_offer(settings: Settings, as_of: datetime, source: str | None) -> tuple[int, dict[int, str]]:
    """The last snapshot at that moment, of that source or of any, and the source of each book, by id."""
    catalogue = Catalogue.open(settings.catalogue_url)
    newest, snapshot = catalogue.snapshot(as_of=as_of), catalogue.snapshot(source, as_of)
    if newest is None and catalogue.snapshot() is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    if newest is not None and newest.features_published_at is None:
        raise FeatureStoreError(
            f"the features of snapshot {newest.id} are not published: run `python -m ingestion publish`"
        )
    wanted = BookFilter(as_of=as_of, source=source)
    offered = {listed.id: listed.source for listed in catalogue.stream_books(wanted)}
    if snapshot is None or not offered:
        of = f" of source {source!r}" if source else ""
        known = f"; there are books of {', '.join(map(repr, catalogue.sources()))}" if source else ""
        raise FeatureStoreError(f"no book{of} was on offer at {as_of.isoformat()}{known}")
    if catalogue.snapshot(as_of=as_of) != newest:
        raise FeatureStoreError("a new crawl was published while the training set was being read: try again")
    return snapshot.id, offered


def _exactly(asked: pd.DataFrame, found: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The found rows in the order asked. Raises `FeatureStoreError` naming rows lost, doubled or unfilled.

    Only a number may be missing: every book that is known has texts, counts, a price and a vector.
    """
    found = found.sort_values(_ROW, ignore_index=True)
    times = found[_ROW].value_counts().reindex(asked[_ROW], fill_value=0)
    if not (times == 1).all() or len(found) != len(asked):
        wrong = asked.loc[(times != 1).to_numpy(), schema.JOIN_KEY]
        raise FeatureStoreError(f"the feature store lost or doubled the rows of {_books(wrong)}")
    empty = found[[name for name in features if _KINDS.get(name) != "number"]].isna()
    if empty.any(axis=None):
        gaps = found.loc[empty.any(axis=1), schema.JOIN_KEY]
        missing = ", ".join(empty.columns[empty.any()])
        raise FeatureStoreError(
            f"the feature store knows no {missing} of {_books(gaps)} at {asked[schema.EVENT_TIMESTAMP].max()}"
        )
    return found


def _books(book_ids: pd.Series[int]) -> str:
    named = ", ".join(map(str, book_ids.head(_NAMED)))
    more = f" and {len(book_ids) - _NAMED} more" if len(book_ids) > _NAMED else ""
    return f"{len(book_ids)} books (book_id {named}{more})"


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    typed: dict[str, pd.Series[Any]] = {}
    for name, column in frame.items():
        kind = _KINDS[str(name)]
        if kind == "vector":
            vectors = [np.asarray(vector, dtype=np.float32) for vector in column]
            typed[str(name)] = pd.Series(vectors, index=frame.index, dtype=object)
        else:
            typed[str(name)] = column.astype(_DTYPES[kind])
    return pd.DataFrame(typed, index=frame.index)
