"""What is found of a version at its gate, by its own model and rows that it has not learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.fitted import Score
from training.metrics import Estimate


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The share of truths that intervals promise to hold, and the share they held of the held-out rows."""

    promised: float
    held: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Measured anew: nothing of it is taken from the run or the tags of the version.

    `informative` is what the model says of itself, None where that is no question. `coverage` is None for a
    model without intervals. `skill` is the share of the baseline's loss on held-out rows that it saves, None
    where nobody asks for it. `metrics` are those that requirements are of.
    """

    score: Score
    informative: bool | None = None
    coverage: Coverage | None = None
    skill: Estimate | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
