"""A challenger beside the incumbent, and beside its own claim: on rows held out, which neither has seen."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from features.schema import JOIN_KEY
from training.explanation import HELD_OUT, TRAINING_SET_FILE
from training.findings import Findings
from training.gates import Gate
from training.metrics import Estimate, bootstrap_mean
from training.registry import load_version
from training.servable import why_unservable

Losses = NDArray[np.float64]

#: On fewer rows that neither has seen, a difference is not measured but guessed.
FEWEST_ROWS = 2
_TEXT = "text"  # by which a row without a book is known
_SEED = 0


def why_not_compared(challenger: ModelVersion, incumbent: ModelVersion) -> str | None:
    """Why the rows that the challenger held out say nothing of the incumbent; None if they do.

    They do where both are of one source and one unit, and the incumbent can still be asked. A version from
    before sources were told counts as one of the same; what learns from a corpus has no source.
    """
    others = [] if "feature_service" not in challenger.tags else ["source", "unit"]
    for name in others:
        own = challenger.tags.get(name, "")
        if own != incumbent.tags.get(name, own):
            return "learnt from other books"
    return None if why_unservable(incumbent) is None else "cannot be served any more"


def findings_of(version: ModelVersion, settings: Settings) -> Findings:
    """What the version's model and the rows it was given show, whatever its run and its tags claim."""
    found: Findings = _judge(version).findings(_model(version), _rows(version), settings)
    return found


def worse_by(gate: Gate, challenger: ModelVersion, incumbent: ModelVersion) -> Estimate | None:
    """Challenger's loss less incumbent's, row by row (paired bootstrap); None where too few rows are left.

    On the rows that the challenger held out, without those that the incumbent has learnt from: which rows
    are held out depends on the row alone, but the share of them is a parameter. Where models know single
    books, of these only those that the incumbent held out itself.
    """
    rows, known = _rows(challenger), _rows(incumbent)
    key = JOIN_KEY if JOIN_KEY in rows else _TEXT
    judging = rows[HELD_OUT] & ~rows[key].isin(known.loc[~known[HELD_OUT], key])
    if gate.knows_single_books:
        judging &= rows[key].isin(known.loc[known[HELD_OUT], key])
    unseen = rows[judging].reset_index(drop=True)
    if len(unseen) < FEWEST_ROWS:
        return None
    return bootstrap_mean(_losses(challenger, unseen) - _losses(incumbent, unseen), seed=_SEED)


def _rows(version: ModelVersion) -> pd.DataFrame:
    """The version's training set. Those of its rows that were held out are in no other file that counts."""
    try:
        path = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=TRAINING_SET_FILE)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"{version.name} version {version.version} has no {TRAINING_SET_FILE}") from error
    rows = pd.read_parquet(Path(path))
    return rows.astype({HELD_OUT: bool})


def _losses(version: ModelVersion, rows: pd.DataFrame) -> Losses:
    losses: Losses = _judge(version).held_out_losses(_model(version), rows)
    return losses


def _model(version: ModelVersion) -> Any:
    return load_version(version.name, version.version)


def _judge(version: ModelVersion) -> Any:
    return import_module(f"training.{version.name}")  # each model's module says how it is judged
