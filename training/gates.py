"""What a version must show before it serves: thresholds as data, and the judgement as a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import binom

from training.fitted import Score
from training.metrics import Estimate


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The thresholds of one model.

    `may_be_uninformative`: a model that says itself that it knows no more than its baseline may serve.
    `coverage_shortfall` is the share by which its intervals may hold fewer truths than they promise,
    beyond what chance does once in a hundred times; None for a model without intervals.
    `must_show_skill`: one that says that it knows more than its baseline must have a skill over it whose
    whole interval on held-out rows lies above 0.
    """

    may_be_uninformative: bool = False
    coverage_shortfall: float | None = None
    must_show_skill: bool = False


GATES: Mapping[str, Gate] = {
    "price": Gate(may_be_uninformative=True, coverage_shortfall=0.03, must_show_skill=True),
    "recommender": Gate(),
    "sentiment": Gate(),
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
    `skill` is the share of the baseline's loss on held-out rows that it saves; None if nobody measured it.
    """

    score: Score
    informative: bool | None = None
    coverage: Coverage | None = None
    skill: Estimate | None = None
    worse_by: Estimate | None = None
    incumbent: str | None = None


def refusal(gate: Gate, evidence: Evidence) -> str | None:
    """Why the version may not serve, in one sentence; None if it may."""
    return (
        _no_better_than_baseline(gate, evidence)
        or _unskilled(gate, evidence)
        or _dishonest(gate, evidence)
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


def _unskilled(gate: Gate, evidence: Evidence) -> str | None:
    if not gate.must_show_skill or evidence.informative is False:
        return None
    skill = evidence.skill
    if skill is None:
        return "it says that it knows more than the baseline, and its skill was not measured"
    if skill.low > 0:
        return None
    return (
        f"it says that it knows more than the baseline, and its skill on held-out rows, {skill.mean:.3f} "
        f"with a 95 % interval from {skill.low:.3f} to {skill.high:.3f}, is not surely above 0"
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


def _worse(evidence: Evidence) -> str | None:
    worse_by = evidence.worse_by
    if worse_by is None or worse_by.low <= 0:
        return None
    return (
        f"it is worse than the incumbent, version {evidence.incumbent}, on the same held-out rows: mean loss "
        f"higher by {worse_by.mean:.4g}, 95 % interval {worse_by.low:.4g} to {worse_by.high:.4g}"
    )
