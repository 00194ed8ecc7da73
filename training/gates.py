"""What a version must show before it serves: thresholds as data, and the judgement as a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scipy.stats import binom

from training.fitted import Score
from training.metrics import Estimate


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The thresholds of one model.

    `may_be_uninformative`: a model that says itself that it knows no more than its baseline may serve.
    `coverage_shortfall` is the share by which its intervals may hold fewer truths than they promise,
    beyond what chance does once in a hundred times; None for a model without intervals. `at_least` holds
    metrics of the run that must be so high, and `above_baseline` those that must exceed `baseline_<name>`
    where they were measured: evidence from outside the data that the model learnt from, which could be
    wrong from end to end and still agree with itself.
    """

    may_be_uninformative: bool = False
    coverage_shortfall: float | None = None
    at_least: Mapping[str, float] = field(default_factory=dict)
    above_baseline: tuple[str, ...] = ()


GATES: Mapping[str, Gate] = {
    "price": Gate(may_be_uninformative=True, coverage_shortfall=0.03),
    "recommender": Gate(),
    # A corpus with every label turned round passes its own held-out rows, and fails these.
    "sentiment": Gate(
        at_least={"probe_accuracy": 0.8, "carry_over_accuracy": 0.65}, above_baseline=("hand_macro_f1",)
    ),
}

_RARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The share of truths that intervals promise to hold, and the share they held of the held-out rows."""

    promised: float
    held: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a version at its gate.

    `coverage` is None for a model without intervals. `worse_by` is the challenger's loss less the
    incumbent's on the same rows, below 0 where the challenger is better; None where there is no incumbent.
    `metrics` are all that its run logged.
    """

    score: Score
    informative: bool | None = None
    coverage: Coverage | None = None
    worse_by: Estimate | None = None
    incumbent: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def refusal(gate: Gate, evidence: Evidence) -> str | None:
    """Why the version may not serve, in one sentence; None if it may."""
    return (
        _no_better_than_baseline(gate, evidence)
        or _dishonest(gate, evidence)
        or _short_of(gate, evidence.metrics)
        or _worse(evidence)
    )


def _no_better_than_baseline(gate: Gate, evidence: Evidence) -> str | None:
    score = evidence.score
    if score.beats_baseline or (gate.may_be_uninformative and evidence.informative is False):
        return None
    return (
        f"its {score.metric} of {score.value:.4g} {score.unit} is no better than the baseline's "
        f"{score.baseline:.4g}"
    )


def _dishonest(gate: Gate, evidence: Evidence) -> str | None:
    if gate.coverage_shortfall is None:
        return None
    found = evidence.coverage
    if found is None:
        return "the coverage of its intervals was not measured"
    by_chance = binom.cdf(round(found.held * found.rows), found.rows, found.promised)
    if found.held >= found.promised - gate.coverage_shortfall or by_chance >= _RARE:
        return None
    return (
        f"its intervals promise to hold {found.promised:.0%} of the truths and hold {found.held:.0%} of "
        f"{found.rows} held-out ones"
    )


def _short_of(gate: Gate, metrics: Mapping[str, float]) -> str | None:
    for name, least in gate.at_least.items():
        if name not in metrics:
            return f"its {name} was not measured, and must be {least:g} or more"
        if metrics[name] < least:
            return f"its {name} is {metrics[name]:.3g}, and must be {least:g} or more"
    for name in gate.above_baseline:
        if name not in metrics:
            continue
        found, baseline = metrics[name], metrics[f"baseline_{name}"]
        if found <= baseline:
            return f"its {name} is {found:.3g}, no better than the baseline's {baseline:.3g}"
    return None


def _worse(evidence: Evidence) -> str | None:
    worse_by = evidence.worse_by
    if worse_by is None or worse_by.low <= 0:
        return None
    return (
        f"it is worse than the incumbent, version {evidence.incumbent}, on the same held-out rows: mean loss "
        f"higher by {worse_by.mean:.4g}, 95 % interval {worse_by.low:.4g} to {worse_by.high:.4g}"
    )
