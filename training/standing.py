"""What a registered version claims of itself: its score beside its baseline's, and what it learnt from."""

from __future__ import annotations

from math import isfinite
from typing import Any

from mlflow.entities.model_registry import ModelVersion

from training.fitted import Score
from training.metrics import Estimate


def score_of(version: ModelVersion) -> Score:
    """The score in the version's tags."""
    tags = version.tags
    return Score(
        metric=tags["metric"],
        unit=tags["unit"],
        value=float(tags["score"]),
        baseline=float(tags["baseline"]),
        higher_is_better=tags["higher_is_better"] == "true",
    )


def snapshot_of(version: ModelVersion) -> int | None:
    """The catalogue's snapshot that it learnt from; None where it learnt from none."""
    found = version.tags.get("snapshot_id")
    return int(found) if found else None


def scores_of_both(
    to: ModelVersion | None, before: ModelVersion | None, worse_by: Estimate | None = None
) -> dict[str, Any]:
    """As JSON values: each version's own score, and the difference of both on the same rows if measured."""
    found: dict[str, Any] = {
        "to": None if to is None else _as_json(to),
        "from": None if before is None else _as_json(before),
    }
    if worse_by is not None:
        interval = {"low": _number(worse_by.low), "high": _number(worse_by.high)}
        found["loss_difference"] = {"mean": _number(worse_by.mean), **interval}
    return found


def _as_json(version: ModelVersion) -> dict[str, Any]:
    score = score_of(version)
    return {
        "version": str(version.version),
        "metric": score.metric,
        "unit": score.unit,
        "score": _number(score.value),
        "baseline": _number(score.baseline),
        "higher_is_better": score.higher_is_better,
        "dataset_sha256": version.tags.get("dataset_sha256"),
    }


def _number(value: float) -> float | None:
    return value if isfinite(value) else None  # JSON has no other numbers
