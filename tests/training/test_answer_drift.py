"""What a champion has told its callers beside what it would tell of its books, and how wrong it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bookshelf.drift import AnswerDrift
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import Settings
from tests.training.logged import NOON, Log
from training.answer_drift import answer_drift
from training.drift_predictions import as_told
from training.drift_rows import Champion
from training.drift_statistics import Limits

USUAL = np.linspace(10, 60, 200)
UNTIL = NOON + timedelta(hours=6)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, drift_answer_days=7)


@pytest.fixture
def log(home: Settings) -> Log:
    return Log(PredictionFiles(home.home))


@pytest.fixture
def measured(home: Settings) -> Callable[..., AnswerDrift | None]:
    """The drift of that model's answers, of whom version 3 is champion."""

    def measure(name: str = "price", usual: Any = USUAL) -> AnswerDrift | None:
        of = Champion(name=name, version="3", run_id="run-3", tags={}, source="", service="", learnt_at=NOON)
        return answer_drift(home, of, UNTIL, usual, Limits())

    return measure


def answer(log: Log, prices: Iterable[float], version: str = "3", **facts: Any) -> list[str]:
    """One question and answer each; their ids."""
    return [
        log.predict("price", version, value=price, inputs=json.dumps({"year": place}), **facts)
        for place, price in enumerate(prices)
    ]


def test_answers_like_those_for_the_books_that_it_learnt_from_have_not_moved(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    answer(log, USUAL[::4])
    found = measured()
    assert (found.days, found.questions, found.violated, found.error) == (7, 50, False, None)
    assert found.drift is not None
    assert (found.drift.feature, found.drift.kind) == ("answer", "number")
    assert found.drift.psi < 0.1
    assert found.drift.ks is not None
    assert found.drift.ks < 0.05


def test_answers_that_are_all_high_violate(log: Log, measured: Callable[..., AnswerDrift]) -> None:
    answer(log, USUAL[-50:])
    found = measured()
    assert found.violated
    assert found.drift is not None
    assert found.drift.ks == pytest.approx(0.75)


def test_only_what_that_champion_has_told_callers_in_those_days_counts(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    answer(log, USUAL[::4])
    others: list[dict[str, Any]] = [
        {"version": "4"},
        {"run_id": "run of another registry"},
        {"role": "shadow", "shadow_of": "some"},
        {"role": "challenger"},
        {"at": UNTIL + timedelta(hours=1)},
        {"at": UNTIL - timedelta(days=7, hours=1)},
    ]
    for facts in others:
        answer(log, [500.0] * 5, **facts)
    found = measured()
    assert found.questions == 50
    assert not found.violated


def test_a_question_that_comes_again_and_again_counts_once_with_its_last_answer(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    for _ in range(40):
        log.predict("price", "3", value=500.0, inputs=json.dumps({"year": 0}))
    answer(log, USUAL[::4])
    found = measured()
    assert found.questions == 50
    assert not found.violated


def test_few_answers_are_counted_and_not_compared(log: Log, measured: Callable[..., AnswerDrift]) -> None:
    answer(log, USUAL[-29:])
    found = measured()
    assert (found.questions, found.drift, found.violated) == (29, None, False)


def test_a_log_without_records_is_no_reason_to_fail(measured: Callable[..., AnswerDrift]) -> None:
    found = measured("sentiment")
    assert (found.questions, found.drift, found.error) == (0, None, None)


def test_a_log_that_cannot_be_read_keeps_nothing_else_from_being_measured(
    home: Settings, measured: Callable[..., AnswerDrift | None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = PredictionFiles(home.home).day("predictions", "price", NOON.date())
    folder.mkdir(parents=True)
    (folder / "damaged.parquet").write_bytes(b"no parquet")
    assert measured() is None
    assert "the answers of price were not compared: " in caplog.text


def test_the_error_of_prices_stands_beside_that_of_the_best_single_price(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    ids = answer(log, USUAL[::4])
    for place, truth in enumerate((10.0, 20.0, 60.0)):
        log.judge("price", ids[place], value=999.0)
        log.judge("price", ids[place], at=NOON + timedelta(hours=1), value=truth)
    error = measured().error
    assert error is not None
    told = [USUAL[0], USUAL[4], USUAL[8]]
    apart = np.mean(np.abs(np.array(told) - [10, 20, 60]))
    assert (error.measure, error.unit, error.n) == ("absolute error", "currency", 3)
    assert error.mean == pytest.approx(apart)
    assert error.baseline == pytest.approx((10 + 0 + 40) / 3)
    assert error.low is not None
    assert error.high is not None
    assert error.low <= error.mean <= error.high


def test_the_error_of_tones_is_the_share_of_wrong_ones(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    for label, truth in (("neutral", "neutral"), ("positive", "neutral"), ("negative", "negative")):
        log.judge("sentiment", log.predict("sentiment", "3", value=0.0, label=label), label=truth)
    error = measured("sentiment").error
    assert error is not None
    assert error.mean == pytest.approx(1 / 3)
    assert error.baseline == pytest.approx(1 / 3)


def test_of_recommendations_those_by_book_are_compared_and_the_chosen_book_is_looked_for_in_all(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    books: dict[str, Any] = {"answer": {"items": [{"id": 7}, {"id": 8}]}}
    for place in range(40):
        log.predict("recommender", "3", value=0.5, book_id=place, inputs=str(place), **books)
        wish = log.predict("recommender", "3", value=0.9, inputs=f"wish {place}", **books)
        log.judge("recommender", wish, chosen=8 if place % 4 else 9)
    found = measured("recommender", np.full(100, 0.5))
    assert found.questions == 80
    assert found.drift is not None
    assert found.drift.psi == pytest.approx(0, abs=0.01)
    assert found.drift.ks == 0
    assert found.error is not None
    assert (found.error.n, found.error.mean) == (40, 0.25)
    assert found.error.baseline == pytest.approx(0.98)


def test_a_constant_price_is_rounded_as_callers_are_told_it(
    log: Log, measured: Callable[..., AnswerDrift]
) -> None:
    usual = as_told("price", "3", None, np.full(100, 35.0712))  # type: ignore[arg-type]
    answer(log, [35.07] * 40)
    assert not measured(usual=usual).violated
    assert measured(usual=np.full(100, 35.0712)).violated
