"""What may serve and what may not, and the reason that is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.findings import Coverage, Findings
from training.fitted import Score
from training.gates import GATES, Evidence, refusal
from training.metrics import Estimate
from training.requirements import Requirement

SCORE = Score(metric="MAE", unit="pounds", value=3.0, baseline=8.0, higher_is_better=False)
HONEST = Coverage(promised=0.9, held=0.89, rows=200)
SOUND = {"probe_accuracy": 0.95, "carry_over_accuracy": 0.8}
FOUND = Findings(score=SCORE, informative=True, coverage=HONEST, skill=Estimate(0.6, 0.5, 0.7))
GOOD = Evidence(claimed=SCORE, found=FOUND)
WORTHLESS = replace(SCORE, value=8.0)


def found(findings: Findings) -> Evidence:
    """A version that claims what is found of it."""
    return Evidence(claimed=findings.score, found=findings)


def test_better_than_the_baseline_and_honest_may_serve() -> None:
    assert refusal(GATES["price"], GOOD) is None


def test_no_better_than_the_baseline_may_not() -> None:
    reason = refusal(GATES["price"], found(replace(FOUND, score=WORTHLESS)))
    assert reason == "its MAE of 8 pounds is no better than the baseline's 8"


def test_a_price_model_that_says_it_knows_nothing_may_serve() -> None:
    assert refusal(GATES["price"], found(replace(FOUND, score=WORTHLESS, informative=False))) is None


@pytest.mark.parametrize("skill", [None, Estimate(0.05, -0.01, 0.11), Estimate(-0.2, -0.3, -0.1)])
def test_a_price_model_that_claims_a_skill_must_have_it_for_sure(skill: Estimate | None) -> None:
    assert "it says that it knows more" in str(refusal(GATES["price"], found(replace(FOUND, skill=skill))))
    assert refusal(GATES["price"], found(replace(FOUND, skill=skill, informative=False))) is None


@pytest.mark.parametrize("name", ["recommender", "sentiment"])
def test_no_other_model_may_serve_without_knowing_more_than_its_baseline(name: str) -> None:
    accuracy = Score(metric="accuracy", unit="of 1", value=0.4, baseline=0.4, higher_is_better=True)
    assert refusal(GATES[name], found(Findings(score=accuracy, informative=False))) is not None
    better = Findings(score=replace(accuracy, value=0.6), metrics=SOUND)
    assert refusal(GATES[name], found(better)) is None


@pytest.mark.parametrize(
    ("held", "rows", "may_serve"), [(0.8, 200, False), (0.86, 200, True), (0.5, 2, True)]
)
def test_intervals_must_hold_what_they_promise_but_for_chance(
    held: float, rows: int, may_serve: bool
) -> None:
    of_rows = replace(FOUND, informative=False, coverage=Coverage(promised=0.9, held=held, rows=rows))
    assert (refusal(GATES["price"], found(of_rows)) is None) is may_serve


def test_of_many_rows_a_shortfall_that_matters_to_nobody_is_let_pass() -> None:
    of_many = replace(FOUND, coverage=Coverage(promised=0.9, held=0.89, rows=100_000))
    assert refusal(GATES["price"], found(of_many)) is None


def test_intervals_nobody_measured_may_not_serve() -> None:
    assert refusal(GATES["price"], found(replace(FOUND, coverage=None))) == (
        "the coverage of its intervals was not measured"
    )


def test_worse_than_the_incumbent_beyond_luck_may_not() -> None:
    worse = replace(GOOD, incumbent="4", worse_by=Estimate(0.5, 0.2, 0.8))
    assert refusal(GATES["price"], worse) == (
        "it is worse than the incumbent, version 4, on the same held-out rows: mean loss higher by 0.5, "
        "95 % interval 0.2 to 0.8"
    )


def test_as_good_as_the_incumbent_within_luck_may() -> None:
    assert refusal(GATES["price"], replace(GOOD, incumbent="4", worse_by=Estimate(0.1, -0.2, 0.4))) is None


def test_a_score_or_a_baseline_that_is_claimed_and_not_measured_may_not_serve() -> None:
    assert refusal(GATES["price"], replace(GOOD, claimed=replace(SCORE, value=3.0 + 1e-9))) is None
    assert refusal(GATES["price"], replace(GOOD, claimed=replace(SCORE, value=2.5))) == (
        "it claims an MAE of 2.5 pounds, and 3 was measured on its held-out rows"
    )
    assert refusal(GATES["price"], replace(GOOD, claimed=replace(SCORE, baseline=9.5))) == (
        "it claims a baseline's MAE of 9.5 pounds, and 8 was measured on its held-out rows"
    )
    assert refusal(GATES["price"], replace(GOOD, claimed=replace(SCORE, value=float("nan")))) is not None


def test_no_claim_of_another_direction_turns_a_bad_score_into_a_good_one() -> None:
    claimed = replace(SCORE, value=9.0, higher_is_better=True)
    bad = Evidence(claimed=claimed, found=replace(FOUND, score=replace(SCORE, value=9.0)))
    assert refusal(GATES["price"], bad) == "its MAE of 9 pounds is no better than the baseline's 8"


def test_data_that_differ_between_the_stores_let_nothing_pass() -> None:
    assert refusal(GATES["price"], replace(GOOD, broken="book 7 differs")) == "book 7 differs"


def test_every_requirement_of_a_gate_must_be_met_and_an_uninformative_model_may_be_spared() -> None:
    bounds = Requirement(metric="probe", at_least=0.9, why="probes flip", unless_uninformative=True)
    gate = replace(GATES["price"], requirements=(bounds,))
    assert refusal(gate, found(replace(FOUND, metrics={"probe": 0.95}))) is None
    assert refusal(gate, found(replace(FOUND, metrics={"probe": 0.5}))) == (
        "its probe of 0.5 must be at least 0.9 because probes flip"
    )
    assert refusal(gate, GOOD) == "its probe was not measured, and must be because probes flip"
    assert refusal(gate, found(replace(FOUND, informative=False))) is None


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        (SOUND, None),
        (SOUND | {"probe_accuracy": 0.1}, "its probe_accuracy of 0.1 must be at least 0.8"),
        ({}, "its probe_accuracy was not measured"),
        (SOUND | {"hand_macro_f1": 0.4, "baseline_hand_macro_f1": 0.2}, None),
        (
            SOUND | {"hand_macro_f1": 0.1, "baseline_hand_macro_f1": 0.2},
            "its hand_macro_f1 of 0.1 must be above 0.2",
        ),
    ],
)
def test_a_sentiment_model_needs_evidence_from_outside_its_corpus(
    metrics: dict[str, float], reason: str | None
) -> None:
    score = Score(metric="macro-F1", unit="of 1", value=0.9, baseline=0.2, higher_is_better=True)
    told = refusal(GATES["sentiment"], found(Findings(score=score, metrics=metrics)))
    assert (told or "").startswith(reason or "")
    assert (told is None) is (reason is None)
