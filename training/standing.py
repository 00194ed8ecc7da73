"""What a registered version claims of itself: its score beside its baseline's, and what it learnt from."""

from __future__ import annotations

from math import isfinite
from typing import Any

from mlflow.entities.model_registry import ModelVersion

from training.metrics import Estimate


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
    """By the version's tags; what has none, as a version registered by hand, is null."""
    tags = version.tags
    return {
        "version": str(version.version),
        "metric": tags.get("metric"),
        "unit": tags.get("unit"),
        "score": _number(float(tags.get("score", "nan"))),
        "informative": {"true": True, "false": False}.get(tags.get("informative", "")),
        "baseline": _number(float(tags.get("baseline", "nan"))),
        "dataset_sha256": tags.get("dataset_sha256"),
    }


def _number(value: float) -> float | None:
    return value if isfinite(value) else None  # JSON has no other numbers
