"""What a model trains on: one row a book of the current catalogue, as the feature store knew it at a time."""

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

from bookshelf.catalogue import Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from features import schema

_ROW = "row"
_NAMED = 5  # rows named in an error
_DTYPES: dict[str, np.dtype[Any]] = {
    "text": np.dtype(object),
    "count": np.dtype(np.int64),
    "pounds": np.dtype(np.float64),
}
_KINDS = {feature: kind for view in schema.VIEWS.values() for feature, kind in view.items()}


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Features of one service.

    `frame` holds the service's features in the schema's order and dtypes, a vector being a float32 array,
    and row i is of the book `book_ids[i]`; ids ascend. `sha256` is of ids, names and values, whenever and
    wherever they were read. `snapshot_id` is the catalogue's snapshot that the books were taken from.
    """

    frame: pd.DataFrame
    book_ids: tuple[int, ...]
    sha256: str
    service: str
    as_of: datetime
    snapshot_id: int


def load_training_set(settings: Settings, service: str, as_of: datetime) -> TrainingSet:
    """What was known at `as_of`, which needs a time zone, of every book in the current catalogue.

    A correction written later is not seen. Within an active MLflow run, Feast tags the run with the
    service, views and features. Raises `FeatureStoreError` if the current snapshot's features were never
    published, or if the store does not give back exactly the rows asked for, every feature present.
    """
    snapshot_id, book_ids = _books_on_offer(settings)
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
        else:
            digest.update(column.to_numpy(dtype="<i8" if kind == "count" else "<f8").tobytes())
    return digest.hexdigest()


def _books_on_offer(settings: Settings) -> tuple[int, tuple[int, ...]]:
    catalogue = Catalogue.open(settings.catalogue_url)
    snapshot = catalogue.snapshot()
    if snapshot is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    if snapshot.features_published_at is None:
        raise FeatureStoreError(
            f"the features of snapshot {snapshot.id} are not published: run `python -m ingestion publish`"
        )
    book_ids = tuple(listed.id for listed in catalogue.all_books())
    if catalogue.snapshot() != snapshot:
        raise FeatureStoreError("a new crawl was published while the training set was being read: try again")
    return snapshot.id, book_ids


def _exactly(asked: pd.DataFrame, found: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The found rows in the order asked. Raises `FeatureStoreError` naming rows lost, doubled or unfilled."""
    found = found.sort_values(_ROW, ignore_index=True)
    times = found[_ROW].value_counts().reindex(asked[_ROW], fill_value=0)
    if not (times == 1).all() or len(found) != len(asked):
        wrong = asked.loc[(times != 1).to_numpy(), schema.JOIN_KEY]
        raise FeatureStoreError(f"the feature store lost or doubled the rows of {_books(wrong)}")
    empty = found[list(features)].isna()
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
