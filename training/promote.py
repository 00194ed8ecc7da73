"""Putting a version on duty: the alias `champion` if it passes its gate, and the reason if it does not."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from training.explanation import HELD_OUT_FILE
from training.fitted import Score
from training.gates import GATES, Coverage, Evidence, Gate, refusal
from training.metrics import Estimate, bootstrap_mean
from training.registry import CHAMPION, load_version
from training.runs import tracking_client

PROMOTION_TAG = "promotion"

_ABSENT = tuple(ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE))
_SEED = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate said of one version: why it is refused, or how it came to be champion."""

    name: str
    version: str
    promoted: bool
    reason: str

    def __str__(self) -> str:
        outcome = self.reason if self.promoted else f"refused: {self.reason}"
        return f"{self.name} version {self.version}: {outcome}"


def promote(name: str, settings: Settings, version: str | None = None) -> Decision:
    """Judge a version, the newest if none is named, and put it on duty if it passes.

    An incumbent that learnt from another source's books is not compared with: neither has seen what the
    other knows. The decision is kept as the version's tag `promotion`. Raises `TrainingError` if there is
    no such version, or if it or the incumbent cannot be judged because a model or its held-out rows are
    missing.
    """
    client = tracking_client(settings)
    challenger = _version(client, name, version)
    number = str(challenger.version)
    incumbent = _champion(client, name)
    if incumbent is not None and str(incumbent.version) == number:
        return Decision(name, number, True, f"already {CHAMPION}")
    gate = GATES[name]
    reason = refusal(gate, _evidence(client, gate, challenger, incumbent))
    if reason is not None:
        client.set_model_version_tag(name, number, PROMOTION_TAG, f"refused: {reason}")
        return Decision(name, number, False, reason)
    client.set_registered_model_alias(name, CHAMPION, number)
    client.set_model_version_tag(name, number, PROMOTION_TAG, CHAMPION)
    if incumbent is None:
        return Decision(name, number, True, CHAMPION)
    client.set_model_version_tag(name, incumbent.version, PROMOTION_TAG, f"replaced by version {number}")
    how = "" if _comparable(challenger, incumbent) else ", which learnt from other books and was not compared"
    return Decision(name, number, True, f"{CHAMPION} in place of version {incumbent.version}{how}")


def _version(client: MlflowClient, name: str, version: str | None) -> ModelVersion:
    versions = {int(one.version): one for one in client.search_model_versions(f"name='{name}'")}
    if not versions:
        raise TrainingError(f"no version of {name!r} is registered: run `python -m training {name}` first")
    if version is None:
        return versions[max(versions)]
    if not version.isdecimal() or int(version) not in versions:
        known = ", ".join(map(str, sorted(versions)))
        raise TrainingError(f"{name!r} has no version {version!r}; it has {known}")
    return versions[int(version)]


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise
        return None


def _evidence(
    client: MlflowClient, gate: Gate, challenger: ModelVersion, incumbent: ModelVersion | None
) -> Evidence:
    tags = challenger.tags
    worse_by = None
    if incumbent is not None and _comparable(challenger, incumbent):
        worse_by = _worse_by(challenger, incumbent)
    score = Score(
        metric=tags["metric"],
        unit=tags["unit"],
        value=float(tags["score"]),
        baseline=float(tags["baseline"]),
        higher_is_better=tags["higher_is_better"] == "true",
    )
    return Evidence(
        score=score,
        informative=tags["informative"] == "true" if "informative" in tags else None,
        coverage=None if gate.coverage_shortfall is None else _coverage(client, challenger),
        worse_by=worse_by,
        incumbent=None if incumbent is None else str(incumbent.version),
        metrics=client.get_run(challenger.run_id).data.metrics,
    )


def _comparable(challenger: ModelVersion, incumbent: ModelVersion) -> bool:
    """Whether the rows that one held out say something of the other: both are of one source and one unit.

    A version from before sources were told counts as one of the same.
    """
    if "feature_service" not in challenger.tags:  # it learns from a corpus, and no source changes that
        return True
    return all(
        challenger.tags.get(name, "") == incumbent.tags.get(name, challenger.tags.get(name, ""))
        for name in ("source", "unit")
    )


def _coverage(client: MlflowClient, version: ModelVersion) -> Coverage | None:
    run = client.get_run(version.run_id).data
    if "coverage" not in run.metrics:
        return None
    return Coverage(
        promised=float(run.params["coverage"]),
        held=run.metrics["coverage"],
        rows=int(run.params["held_out_rows"]),
    )


def _worse_by(challenger: ModelVersion, incumbent: ModelVersion) -> Estimate:
    """Challenger's loss less incumbent's, on the rows that the challenger's run held out.

    The incumbent has not seen them either: which rows are held out depends on the row alone.
    """
    rows = _held_out(challenger)
    losses = [_losses(version, rows) for version in (challenger, incumbent)]
    return bootstrap_mean(losses[0] - losses[1], seed=_SEED)


def _held_out(version: ModelVersion) -> pd.DataFrame:
    try:
        path = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path=HELD_OUT_FILE)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"{version.name} version {version.version} has no {HELD_OUT_FILE}") from error
    return pd.read_parquet(Path(path))


def _losses(version: ModelVersion, rows: pd.DataFrame) -> NDArray[np.float64]:
    judge = import_module(f"training.{version.name}")  # each model's module says what its loss is
    losses: NDArray[np.float64] = judge.held_out_losses(load_version(version.name, version.version), rows)
    return losses
