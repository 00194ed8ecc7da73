"""What a version must show before it serves: thresholds as data, each with its reason, and the judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import binom

from training.findings import Findings
from training.fitted import Score
from training.metrics import Estimate
from training.requirements import Requirement


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The thresholds of one model, whose held-out rows are judged by `loss`, in words.

    `may_be_uninformative`: a model that says itself that it knows no more than its baseline may serve.
    `coverage_shortfall` is the share by which its intervals may hold fewer truths than they promise,
    beyond what chance does once in a hundred times; None for a model without intervals.
    `must_show_skill`: one that says that it knows more than its baseline must have a skill over it whose
    whole interval on held-out rows lies above 0.
    `knows_single_books`: it can tell nothing of a book that it was not trained with, so that two versions are
    compared by books that both have. `most_worse` is the mean loss by which the whole interval may lie above
    the incumbent's. `requirements` are of the metrics that are found at the gate.
    """

    loss: str
    may_be_uninformative: bool = False
    coverage_shortfall: float | None = None
    must_show_skill: bool = False
    knows_single_books: bool = False
    most_worse: float = 0.0
    requirements: tuple[Requirement, ...] = ()


GATES: Mapping[str, Gate] = {
    "price": Gate(
        loss="absolute error of the price, in its currency",
        # Where prices follow nothing there is a model all the same: it answers a constant and says so.
        may_be_uninformative=True,
        # Intervals are made on other rows than they are tried on; nobody notices three points.
        coverage_shortfall=0.03,
        # One that says that prices follow from books must be nearer to them than the median, beyond chance.
        must_show_skill=True,
    ),
    "recommender": Gate(
        loss="1 less the reciprocal rank of the right answer",
        # Books that are new since would count against the incumbent, and it cannot help not knowing them.
        knows_single_books=True,
    ),
    "sentiment": Gate(
        loss="log loss, in nats; ln 3 = 1.099 knows nothing",
        requirements=(
            Requirement(
                metric="probe_accuracy",
                at_least=0.8,
                why="statements that nobody could mistake show whether good and bad are the right way round, "
                "and a corpus with every label turned agrees with itself",
            ),
            Requirement(
                metric="carry_over_accuracy",
                at_least=0.65,
                why="it is asked about texts that are not those it learnt from",
            ),
            # Another shop's catalogue holds none of the books that were labelled.
            Requirement(
                metric="hand_macro_f1",
                beats="baseline_hand_macro_f1",
                why="people who read the descriptions should be agreed with more than the commonest label is",
                if_measured=True,
            ),
        ),
    ),
}

#: What chance does less often than this is not put down to it: one model in a hundred is refused unjustly.
RARE = 0.01
#: Share by which a claimed score and the one measured at the gate may differ: rounding of sums, nothing else.
CLAIM_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a version claims at its gate, and what was found of it, by which alone it is judged.

    `worse_by` is the challenger's loss less the incumbent's on the same rows, below 0 where the challenger
    is better; None where there is no incumbent. `broken` says what is wrong with the data it would be served
    with.
    """

    claimed: Score
    found: Findings
    worse_by: Estimate | None = None
    incumbent: str | None = None
    broken: str | None = None


def refusal(gate: Gate, evidence: Evidence) -> str | None:
    """Why the version may not serve, in one sentence; None if it may."""
    return (
        evidence.broken
        or _untrue(evidence)
        or _no_better_than_baseline(gate, evidence)
        or _unskilled(gate, evidence)
        or _dishonest(gate, evidence)
        or _lacking(gate, evidence)
        or _worse(gate, evidence)
    )


def _untrue(evidence: Evidence) -> str | None:
    claimed, score = evidence.claimed, evidence.found.score
    for of, said, found in (
        (_named(score), claimed.value, score.value),
        (f"a baseline's {score.metric}", claimed.baseline, score.baseline),
    ):
        if not abs(found - said) <= CLAIM_TOLERANCE * max(1.0, abs(found)):  # what is no number is untrue too
            unit = score.unit
            return f"it claims {of} of {said:.4g} {unit}, and {found:.4g} was measured on its held-out rows"
    return None


def _no_better_than_baseline(gate: Gate, evidence: Evidence) -> str | None:
    score = evidence.found.score
    if score.beats_baseline or (gate.may_be_uninformative and evidence.found.informative is False):
        return None
    return (
        f"its {score.metric} of {score.value:.4g} {score.unit} is no better than the baseline's "
        f"{score.baseline:.4g}"
    )


def _unskilled(gate: Gate, evidence: Evidence) -> str | None:
    if not gate.must_show_skill or evidence.found.informative is False:
        return None
    skill = evidence.found.skill
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
    found = evidence.found.coverage
    if found is None:
        return "the coverage of its intervals was not measured"
    by_chance = binom.cdf(round(found.held * found.rows), found.rows, found.promised)
    if found.held >= found.promised - gate.coverage_shortfall or by_chance >= RARE:
        return None
    return (
        f"its intervals promise to hold {found.promised:.0%} of the truths and hold {found.held:.0%} of "
        f"{found.rows} held-out ones"
    )


def _lacking(gate: Gate, evidence: Evidence) -> str | None:
    breaches = (
        one.breach(evidence.found.metrics)
        for one in gate.requirements
        if not (one.unless_uninformative and evidence.found.informative is False)
    )
    return next((breach for breach in breaches if breach is not None), None)


def _worse(gate: Gate, evidence: Evidence) -> str | None:
    worse_by = evidence.worse_by
    if worse_by is None or worse_by.low <= gate.most_worse:
        return None
    return (
        f"it is worse than the incumbent, version {evidence.incumbent}, on the same held-out rows: mean loss "
        f"higher by {worse_by.mean:.4g}, 95 % interval {worse_by.low:.4g} to {worse_by.high:.4g}"
    )


def _named(score: Score) -> str:
    return f"an {score.metric}" if score.metric[0] in "AEFHILMNORSX" else f"a {score.metric}"
