"""Reading the feature store as of each row's own moment: every row asked for, in order, and no more."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import mlflow
import numpy as np
import pandas as pd

from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from features import schema
from training.entity_rows import EntityRows
from training.offline_check import contradictions

if TYPE_CHECKING:
    from feast import FeatureStore

#: What becomes of a row of whose book nothing was known at its moment: an error, or a row of nothing.
Unknown = Literal["refuse", "keep"]

KINDS = {feature: kind for view in schema.VIEWS.values() for feature, kind in view.items()}

_ROW = "row"
_DTYPES: dict[str, np.dtype[Any]] = {
    "text": np.dtype(object),
    "count": np.dtype(np.int64),
    "number": np.dtype(np.float64),
    "amount": np.dtype(np.float64),
}


def features_of(
    settings: Settings, service: str, rows: EntityRows, unknown: Unknown = "refuse"
) -> pd.DataFrame:
    """The service's features of each row, in the rows' order and the schema's dtypes.

    Within an active MLflow run, Feast tags the run with the service, views and features. Raises
    `FeatureStoreError` naming the rows that the store lost, doubled, knows nothing of, or gives values for
    that were not written by their moment.
    """
    # Opening MLflow's backend takes seconds, and there is nothing to tell it without a run.
    store = open_feature_store(settings, mlflow=mlflow.active_run() is not None)
    frame = read_rows(store, service, rows)
    _check_known(rows, frame, unknown)
    _check_written(settings, service, rows, frame)
    return frame


def read_rows(store: FeatureStore, service: str, rows: EntityRows) -> pd.DataFrame:
    """What the store says of each row, in their order and the schema's dtypes, unchecked but for the rows.

    What was not known is NaN or, of texts and vectors, None; counts are floats then. Raises
    `FeatureStoreError` naming the rows that the store lost or doubled, or if it cannot be read.
    """
    asked = pd.DataFrame(
        {
            schema.JOIN_KEY: rows.book_ids,
            schema.EVENT_TIMESTAMP: rows.moments,
            _ROW: np.arange(len(rows)),
        }
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
            found = store.get_historical_features(
                asked, features=store.get_feature_service(service), filter_by_created_timestamp=True
            ).to_df()
    # Each kind of store and its driver raise errors of their own.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise FeatureStoreError(f"the offline feature store cannot be read: {reason}") from error
    features = [feature for view in schema.SERVICES[service].values() for feature in view]
    ordered = _exactly(rows, found, features)
    return pd.DataFrame({name: _column(str(name), column) for name, column in ordered.items()})


def _exactly(rows: EntityRows, found: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The found rows in the order asked. Raises `FeatureStoreError` naming rows lost or doubled."""
    times = found[_ROW].value_counts().reindex(range(len(rows)), fill_value=0).to_numpy()
    for what, wrong in (("lost", times == 0), ("doubled", times > 1)):
        if wrong.any():
            told = rows.named(np.flatnonzero(wrong).tolist())
            raise FeatureStoreError(f"the feature store {what} {wrong.sum()} of {len(rows)} rows: {told}")
    if len(found) != len(rows):
        raise FeatureStoreError(f"the feature store invented rows: {len(rows)} were asked for")
    return found.sort_values(_ROW, ignore_index=True)[list(features)]


def _check_known(rows: EntityRows, frame: pd.DataFrame, unknown: Unknown) -> None:
    """Only a number may be missing: every book that is known has texts, counts, a price and a vector."""
    empty = frame[[name for name in frame if KINDS[str(name)] != "number"]].isna()
    nothing = frame.isna().all(axis=1).to_numpy()
    gaps = empty.any(axis=1).to_numpy() & ~nothing
    if gaps.any():
        missing = ", ".join(empty.columns[empty[gaps].any()])
        told = rows.named(np.flatnonzero(gaps).tolist())
        raise FeatureStoreError(f"the feature store knows no {missing} of {gaps.sum()} rows: {told}")
    if nothing.any() and unknown == "refuse":
        told = rows.named(np.flatnonzero(nothing).tolist())
        raise FeatureStoreError(f"nothing was known yet of {nothing.sum()} of {len(rows)} rows: {told}")


def _check_written(settings: Settings, service: str, rows: EntityRows, frame: pd.DataFrame) -> None:
    found = contradictions(settings.offline_store, service, rows, frame)
    if found:
        first = found[0]
        places = list(dict.fromkeys(one.place for one in found))
        raise FeatureStoreError(
            f"the feature store gave {first.feature} {shortly(first.given)} where "
            f"{shortly(first.written)} was written by then; rows that differ: {rows.named(places)}"
        )


def shortly(value: Any) -> str:
    """A value in words that fit into a line."""
    plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    text = "nothing" if plain is None else repr(plain)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _column(name: str, column: pd.Series[Any]) -> pd.Series[Any]:
    kind = KINDS[name]
    if kind == "vector":
        vectors = [None if _is_nothing(one) else np.asarray(one, dtype=np.float32) for one in column]
        return pd.Series(vectors, index=column.index, dtype=object)
    if kind == "text":
        return column.astype(object).where(column.notna(), None)
    return column.astype(np.float64 if column.isna().any() else _DTYPES[kind])


def _is_nothing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and np.isnan(cell))
