"""A challenger beside the incumbent, and beside its own claim: on rows held out, which neither has seen."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from features.schema import JOIN_KEY
from training.explanation import HELD_OUT, HELD_OUT_FILE, TRAINING_SET_FILE
from training.gates import Gate
from training.metrics import Estimate, bootstrap_mean
from training.registry import load_version

Losses = NDArray[np.float64]

#: On fewer rows that neither has seen, a difference is not measured but guessed.
FEWEST_ROWS = 2
_TEXT = "text"  # by which a row without a book is known
_SEED = 0


def are_comparable(challenger: ModelVersion, incumbent: ModelVersion) -> bool:
    """Whether the rows that one held out say something of the other: both are of one source and one unit.

    A version from before sources were told counts as one of the same.
    """
    if "feature_service" not in challenger.tags:  # it learns from a corpus, and no source changes that
        return True
    return all(
        challenger.tags.get(name, "") == incumbent.tags.get(name, challenger.tags.get(name, ""))
        for name in ("source", "unit")
    )


def measured_score(gate: Gate, version: ModelVersion) -> float | None:
    """The version's score as it follows from the losses of its held-out rows; None where it does not."""
    if gate.score_of_losses is None:
        return None
    mean = float(np.mean(_losses(version, _artifact(version, HELD_OUT_FILE))))
    return mean if gate.score_of_losses == "mean" else 1 - mean


def worse_by(gate: Gate, challenger: ModelVersion, incumbent: ModelVersion) -> Estimate | None:
    """Challenger's loss less incumbent's, row by row (paired bootstrap); None where too few rows are left.

    On the rows that the challenger held out, without those that the incumbent has learnt from: which rows
    are held out depends on the row alone, but the share of them is a parameter. Where models know single
    books, of these only those that the incumbent held out itself.
    """
    rows, known = _artifact(challenger, HELD_OUT_FILE), _artifact(incumbent, TRAINING_SET_FILE)
    key = JOIN_KEY if JOIN_KEY in rows else _TEXT
    held_out = known[HELD_OUT].astype(bool)
    unseen = rows[~rows[key].isin(known.loc[~held_out, key])]
    if gate.knows_single_books:
        unseen = unseen[unseen[key].isin(known.loc[held_out, key])]
    unseen = unseen.reset_index(drop=True)
    if len(unseen) < FEWEST_ROWS:
        return None
    return bootstrap_mean(_losses(challenger, unseen) - _losses(incumbent, unseen), seed=_SEED)


def _artifact(version: ModelVersion, name: str) -> pd.DataFrame:
    try:
        path = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=name)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"{version.name} version {version.version} has no {name}") from error
    return pd.read_parquet(Path(path))


def _losses(version: ModelVersion, rows: pd.DataFrame) -> Losses:
    judge = import_module(f"training.{version.name}")  # each model's module says what its loss is
    losses: Losses = judge.held_out_losses(load_version(version.name, version.version), rows)
    return losses
