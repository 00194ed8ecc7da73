"""A run's training set, read anew from where it came from, and what differs from it if anything does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from features import schema
from training.corpus import OPTIONAL, REQUIRED, corpus_hash, load_corpus
from training.dataset import load_training_set
from training.explanation import TRAINING_SET_FILE
from training.point_in_time import KINDS, shortly
from training.provenance import AS_OF, SERVICE, Provenance
from training.runs import tracking_client


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """The data of a run as they are read today; `difference` is None where they are what they were."""

    told: Provenance
    table: pd.DataFrame
    sha256: str
    snapshot_id: str
    difference: str | None

    def as_json(self) -> dict[str, Any]:
        """Everything but the rows."""
        return {
            "run_id": self.told.run_id,
            "feature_service": self.told.service or None,
            "corpus": self.told.corpus or None,
            "as_of": self.told.as_of.isoformat(),
            "source": self.told.source,
            "snapshot_id": self.snapshot_id,
            "rows": len(self.table),
            "logged_sha256": self.told.sha256,
            "sha256": self.sha256,
            "equal": self.difference is None,
            "difference": self.difference,
        }

    def write(self, file: Path) -> None:
        """Keep the rows as Parquet. Raises `TrainingError` if they cannot be kept there."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.table.to_parquet(file, index=False)
        except OSError as error:
            raise TrainingError(f"{file} cannot be written: {error}") from error

    def __str__(self) -> str:
        of = f"feature service {self.told.service}" if self.told.service else f"corpus {self.told.corpus}"
        what = f"{len(self.table):,} rows of {of} as of {self.told.as_of.isoformat()}"
        if self.difference is None:
            return f"{what}\nsha256 {self.sha256}, equal to the one that run {self.told.run_id} tells"
        return f"{what}\nsha256 {self.sha256}, logged {self.told.sha256}: {self.difference}"


def rebuild(settings: Settings, run_id: str) -> Rebuilt:
    """Read the data of a run anew. Raises `TrainingError` or `FeatureStoreError` if that cannot be done."""
    told = Provenance.of_run(tracking_client(settings), run_id)
    if told.service:
        found = load_training_set(settings, told.service, told.as_of, told.source or None)
        table, sha256, snapshot_id = found.table(), found.sha256, str(found.snapshot_id)
    else:
        table = load_corpus(told.corpus)
        sha256, snapshot_id = corpus_hash(table), told.snapshot_id
    difference = None
    if sha256 != told.sha256:
        difference = _difference(_logged(run_id), table, schema.JOIN_KEY if told.service else None)
    elif snapshot_id != told.snapshot_id:
        difference = f"the rows are equal, but of snapshot {snapshot_id} and not {told.snapshot_id}"
    return Rebuilt(told=told, table=table, sha256=sha256, snapshot_id=snapshot_id, difference=difference)


def strange_rows(settings: Settings, run_id: str) -> str | None:
    """Why the rows that a run learnt from and is judged by are not those that the feature store gives.

    None if they are, for a model of a corpus, and for a run of no training command, which does not tell as
    of which moment its data are. Raises as `rebuild` does.
    """
    tags = tracking_client(settings).get_run(run_id).data.tags
    if not tags.get(SERVICE) or AS_OF not in tags:
        return None
    rebuilt = rebuild(settings, run_id)
    found = rebuilt.difference or _first_unlike(_logged(run_id), rebuilt.table, schema.JOIN_KEY)
    return None if found is None else f"it did not learn from what the feature store gives: {found}"


def _logged(run_id: str) -> pd.DataFrame:
    try:
        path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=TRAINING_SET_FILE)
    except (MlflowException, OSError) as error:
        raise TrainingError(
            f"the data differ from those of run {run_id}, which has no {TRAINING_SET_FILE} to compare with"
        ) from error
    return pd.read_parquet(Path(path))


def _difference(logged: pd.DataFrame, found: pd.DataFrame, key: str | None) -> str:
    """In words, what is another, or may be."""
    if told := _first_unlike(logged, found, key):
        return told
    rest = ", ".join(column for column in _wanted(key) if column in found and column not in logged)
    lies = f"of {rest} the run has no value to compare with" if rest else "they are in another order"
    return f"every value that the run logged is the same; {lies}"


def _wanted(key: str | None) -> list[str]:
    return list(KINDS) if key else [*REQUIRED, *OPTIONAL]


def _first_unlike(logged: pd.DataFrame, found: pd.DataFrame, key: str | None) -> str | None:
    """In words, the first difference: rows that came or left, then values row by row; None if there is none.

    Rows go by `key`, or by their places.
    """
    name = "book" if key else "row"
    if key:
        logged, found = logged.set_index(key), found.set_index(key)
    if len(left := logged.index.difference(found.index)):
        return f"{name} {left[0]} is not there any more, nor are {len(left) - 1} others"
    if len(come := found.index.difference(logged.index)):
        return f"{name} {come[0]} was not there, nor were {len(come) - 1} others"
    shared = [column for column in _wanted(key) if column in logged and column in found]
    unlike = {column: _unlike(logged[column], found[column].reindex(logged.index)) for column in shared}
    rows = np.logical_or.reduce(list(unlike.values()))
    if not rows.any():
        return None
    place = logged.index[rows][0]
    column = next(column for column in shared if unlike[column][rows.argmax()])
    values = f"{shortly(found.at[place, column])}, and was {shortly(logged.at[place, column])}"
    total = int(sum(one.sum() for one in unlike.values()))
    return f"{column} of {name} {place} is {values}; {total} values differ in {rows.sum()} rows"


def _unlike(logged: pd.Series[Any], found: pd.Series[Any]) -> Any:
    """Which cells (n,) differ; two that are not known are alike."""
    if KINDS.get(str(logged.name)) == "vector":
        return np.array([not np.array_equal(one, other) for one, other in zip(logged, found, strict=True)])
    return ((logged != found) & ~(logged.isna() & found.isna())).to_numpy()
