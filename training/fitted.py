"""What a training step hands to the registry: a fitted model with all that explains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

#: Loss of each held-out row under a model, lower is better, in the same order for every model.
RowLosses = Callable[[Any], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Score:
    """The one number a model is judged by, beside its baseline's on the same held-out rows."""

    metric: str
    unit: str
    value: float
    baseline: float
    higher_is_better: bool

    @property
    def beats_baseline(self) -> bool:
        return (self.value > self.baseline) if self.higher_is_better else (self.value < self.baseline)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model, judged, and not yet registered.

    `model` is an estimator of ours from `features` whose `predict` takes `input_example`'s shape, and whose
    `libraries`, if it has them, name packages that it needs beside those that every model does.
    `metrics` holds every number measured, baselines as `baseline_<name>`. `held_out_losses` gives the
    loss of each held-out row under any version of this model, so that two versions can be compared
    pair by pair. `dataset` is what the model was trained on, one row a training row. `informative` is
    False where the model has no skill over its baseline and says so; None where that is no question.
    `figures` and `tables` are by the name of their file.
    """

    name: str
    model: Any
    score: Score
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    held_out_losses: RowLosses
    dataset: pd.DataFrame
    dataset_sha256: str
    dataset_source: str
    input_example: Any
    card: str
    feature_service: str = ""
    informative: bool | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
