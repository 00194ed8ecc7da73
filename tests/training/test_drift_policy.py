"""A retraining starts when k of the last n windows violate, and one cause starts one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.drift import AnswerDrift, DriftWindow, FeatureDrift
from training.drift_policy import Policy, reason_to_retrain

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(violations=3, windows=5, cooldown=timedelta(0))
VIOLATED = (FeatureDrift(feature="stock", kind="number", psi=0.31, psi_limit=0.2),)
KEPT = (FeatureDrift(feature="stock", kind="number", psi=0.01, psi_limit=0.2),)


def a_window(
    day: int, violated: bool, *, version: str = "4", learnt: int = -1, order: bool = False
) -> DriftWindow:
    """The window of that day's publish, of a champion that learnt on day `learnt`."""
    return DriftWindow(
        id=day,
        model="price",
        version=version,
        snapshot_id=day,
        source="shop",
        published_at=START + day * DAY,
        reference_at=START + learnt * DAY,
        measured_at=START + day * DAY,
        reference_rows=1000,
        window_rows=1000,
        features=VIOLATED if violated else KEPT,
        run_id="run",
        order_id=f"order {day}" if order else None,
    )


def days(story: str, *, version: str = "4", since: int = 0, learnt: int = -1) -> list[DriftWindow]:
    """A letter a day: `.` keeps the limits, `x` violates, `O` violates and led to an order."""
    return [
        a_window(since + day, letter != ".", version=version, learnt=learnt, order=letter == "O")
        for day, letter in enumerate(story)
    ]


def orders_of(story: Iterable[bool], policy: Policy, *, publishes_a_day: int = 1) -> list[int]:
    """On which windows the model is ordered to be trained, if no order ever brings a new champion."""
    history: list[DriftWindow] = []
    for number, violated in enumerate(story):
        at = START + number * DAY / publishes_a_day
        window = replace(a_window(number, violated), published_at=at, measured_at=at)
        if reason_to_retrain([*history, window], policy, at):
            window = replace(window, order_id="some")
        history.append(window)
    return [number for number, window in enumerate(history) if window.order_id]


@pytest.mark.parametrize("story", ["xxx", "x.x.x", ".....xxx", "xx..x"])
def test_k_of_the_last_n_windows_that_violate_call_for_a_retraining(story: str) -> None:
    assert reason_to_retrain(days(story), POLICY, START + 9 * DAY)


@pytest.mark.parametrize("story", ["", "x", "xx", "xx...x", "x..x..x", ".....", "xx.."])
def test_fewer_do_not(story: str) -> None:
    assert reason_to_retrain(days(story), POLICY, START + 9 * DAY) is None


def test_the_reason_tells_how_many_and_what_moved() -> None:
    assert reason_to_retrain(days("x.xx"), POLICY, START + 9 * DAY) == (
        "3 of the last 4 windows drift from what version 4 learnt from; in the newest stock (PSI 0.31)"
    )


def test_nothing_is_asked_for_while_the_newest_window_keeps_its_limits() -> None:
    assert reason_to_retrain(days("xxx."), POLICY, START + 9 * DAY) is None


def test_windows_against_the_champion_before_do_not_count() -> None:
    history = days("xx", version="3") + days("x", version="4", since=2)
    assert reason_to_retrain(history, POLICY, START + 9 * DAY) is None
    history += days("xx", version="4", since=3)
    assert reason_to_retrain(history, POLICY, START + 9 * DAY)


def test_windows_before_a_rollback_do_not_count_for_the_version_that_comes_back() -> None:
    history = days("xx", version="3") + days(".", version="4", since=2) + days("x", version="3", since=3)
    assert reason_to_retrain(history, POLICY, START + 9 * DAY) is None


def test_publishes_that_the_champion_has_learnt_from_do_not_count() -> None:
    assert reason_to_retrain(days("xxx", learnt=2), POLICY, START + 9 * DAY) is None
    assert reason_to_retrain(days("xxxx", learnt=0), POLICY, START + 9 * DAY)


def test_after_an_order_windows_are_counted_afresh() -> None:
    assert reason_to_retrain(days("xxOx"), POLICY, START + 9 * DAY) is None
    assert reason_to_retrain(days("xxOxx"), POLICY, START + 9 * DAY) is None
    assert reason_to_retrain(days("xxOxxx"), POLICY, START + 9 * DAY)


def test_within_the_cooldown_nothing_is_ordered() -> None:
    policy = Policy(violations=1, windows=1, cooldown=3 * DAY)
    assert reason_to_retrain(days("Oxx"), policy, START + 2 * DAY) is None
    assert reason_to_retrain(days("Oxxx"), policy, START + 3 * DAY)


def test_the_cooldown_holds_although_there_is_a_new_champion() -> None:
    policy = Policy(violations=1, windows=1, cooldown=3 * DAY)
    history = days("O", version="3") + days("x", version="4", since=1)
    assert reason_to_retrain(history, policy, START + DAY) is None
    assert reason_to_retrain(history, policy, START + 3 * DAY)


def test_retrainings_in_vain_come_ever_more_rarely() -> None:
    policy = Policy(violations=3, windows=5, cooldown=2 * DAY)
    assert orders_of([True] * 100, policy) == [2, 5, 9, 17, 33, 65]


def test_the_cooldown_stops_growing() -> None:
    policy = Policy(violations=1, windows=1, cooldown=DAY)
    gaps = orders_of([True] * 200, policy)
    assert [later - earlier for earlier, later in itertools.pairwise(gaps)][-2:] == [32, 32]


def test_a_catalogue_that_comes_and_goes_does_not_flap() -> None:
    policy = Policy(violations=3, windows=5, cooldown=DAY)
    assert orders_of([False, True] * 3 + [False] * 20, policy, publishes_a_day=24) == [5]
    assert orders_of([True, False, False] * 30, policy) == []


def test_what_callers_were_told_counts_only_where_the_settings_say_so() -> None:
    moved = FeatureDrift(feature="answer", kind="number", psi=0.44, psi_limit=0.2)
    answers = AnswerDrift(days=7, questions=900, drift=moved, error=None)
    history = [replace(one, answers=answers) for one in days("...")]
    assert reason_to_retrain(history, POLICY, START + 9 * DAY) is None
    told = reason_to_retrain(history, replace(POLICY, by_answers=True), START + 9 * DAY)
    assert told is not None
    assert told.endswith("in the newest answer (PSI 0.44)")
    kept = replace(answers, drift=replace(moved, psi=0.1))
    history = [*history[:2], replace(history[2], answers=kept)]
    assert reason_to_retrain(history, replace(POLICY, by_answers=True), START + 9 * DAY) is None
