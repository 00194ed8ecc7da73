"""A trial out of the prediction log: pairs, arms and feedback in numbers, and in a run."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bookshelf.errors import TrainingError
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import Settings
from tests.training.logged import NOON, Log
from training.__main__ import main
from training.runs import tracking_client
from training.trial_log import read_trial
from training.trial_report import TrialReport, report


@pytest.fixture
def files(tmp_path: Path) -> PredictionFiles:
    return PredictionFiles(tmp_path)


@pytest.fixture
def log(files: PredictionFiles) -> Log:
    return Log(files)


def measured(found: TrialReport) -> dict[str, tuple[int, float]]:
    return {one.name: (one.n, round(one.mean, 6)) for one in found.measures}


def a_price_trial(log: Log) -> None:
    """The challenger asks for 2 pounds more in shadow; of both arms the truth is known: the last one said."""
    for number in range(20):
        first = log.predict("price", "3", value=10.0 + number)
        log.predict("price", "4", role="shadow", shadow_of=first, value=12.0 + number)
        if number < 10:
            log.judge("price", first, value=99.0)
            log.judge("price", first, at=NOON + timedelta(hours=1), value=11.5 + number)
    for number in range(10):
        told: dict[str, Any] = {"arm": "challenger" if number % 2 else "champion"}
        role: dict[str, Any] = {"role": "challenger"} if number % 2 else {}
        answered = log.predict("price", "4" if number % 2 else "3", value=10.0, **told, **role)
        if number < 8:
            log.judge("price", answered, value=10.0 if number % 2 else 13.0)


def test_prices_in_shadow_are_paired_and_both_arms_judged_by_the_last_feedback(
    log: Log, files: PredictionFiles
) -> None:
    log.predict("price", "2", role="shadow", shadow_of="of another trial", value=1.0)
    a_price_trial(log)
    trial = read_trial(files, "price", None, None)
    assert (trial.champion, trial.challenger, len(trial.pairs)) == ("3", "4", 20)
    assert measured(report(trial)) == {
        "shadow, absolute difference": (20, 2.0),
        "shadow, difference, challenger − champion": (20, 2.0),
        "shadow, absolute error of the champion": (10, 1.5),
        "shadow, absolute error of the challenger": (10, 0.5),
        "shadow, absolute error, challenger − champion": (10, -1.0),
        "champion's arm, price": (5, 10.0),
        "champion's arm, with feedback": (5, 0.8),
        "champion's arm, absolute error": (4, 3.0),
        "challenger's arm, price": (5, 10.0),
        "challenger's arm, with feedback": (5, 0.8),
        "challenger's arm, absolute error": (4, 0.0),
        "arms, absolute error, challenger − champion": (8, -3.0),
    }


def test_recommendations_are_compared_by_the_books_they_share(log: Log, files: PredictionFiles) -> None:
    def books(*ids: int) -> dict[str, Any]:
        return {"items": [{"id": one} for one in ids]}

    first = log.predict("recommender", "1", answer=books(1, 2, 3, 4), value=0.9)
    log.predict("recommender", "2", role="shadow", shadow_of=first, answer=books(1, 3, 8, 9, 2), value=0.8)
    log.judge("recommender", first, chosen=8)
    found = measured(report(read_trial(files, "recommender", None, None)))
    assert found["shadow, overlap@k"] == (1, 0.5)
    assert found["shadow, same first book"] == (1, 1.0)
    assert found["shadow, chosen book not named of the champion"] == (1, 1.0)
    assert found["shadow, chosen book not named of the challenger"] == (1, 0.0)


def test_tones_are_compared_by_their_labels(log: Log, files: PredictionFiles) -> None:
    for label in ("neutral", "positive"):
        first = log.predict("sentiment", "1", label="neutral", value=0.0)
        log.predict("sentiment", "2", role="shadow", shadow_of=first, label=label, value=0.25)
        log.judge("sentiment", first, label="positive")
    found = measured(report(read_trial(files, "sentiment", None, None)))
    assert found["shadow, same label"] == (2, 0.5)
    assert found["shadow, absolute difference of scores"] == (2, 0.25)
    assert found["shadow, wrong label, challenger − champion"] == (2, -0.5)


def test_intervals_hold_their_mean_and_one_answer_has_none(log: Log, files: PredictionFiles) -> None:
    for number in range(30):
        first = log.predict("price", "3", value=10.0)
        log.predict("price", "4", role="shadow", shadow_of=first, value=10.0 + number % 3)
    [apart, _] = report(read_trial(files, "price", None, None)).measures
    assert apart.low is not None
    assert apart.high is not None
    assert apart.low < apart.mean < apart.high
    log.predict("price", "5", role="challenger", value=10.0, arm="challenger")
    [alone, *_] = report(read_trial(files, "price", "5", None)).measures
    assert (alone.n, alone.low) == (1, None)


@pytest.mark.parametrize(("version", "since"), [(None, None), ("9", None), (None, NOON.date())])
def test_where_nothing_was_tried_that_is_said(
    log: Log, files: PredictionFiles, version: str | None, since: Any
) -> None:
    log.predict("price", "3", value=10.0)
    before = NOON - timedelta(days=1)
    if since is not None:
        log.predict("price", "4", at=before, role="challenger", value=10.0, arm="challenger")
    with pytest.raises(TrainingError, match="no question was put to"):
        read_trial(files, "price", version, since)


def test_a_comparison_is_a_run_with_every_number(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    a_price_trial(Log(PredictionFiles(settings.home)))
    assert main(["compare", "price"]) == 0
    told = capsys.readouterr().out
    assert "price: version 4 on trial beside version 3" in told
    assert main(["compare", "--name", "price", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = tracking_client(settings).get_run(found["run_id"])
    assert run.data.params == {"model": "price", "champion": "3", "challenger": "4", "days": "all"}
    assert run.data.metrics["shadow_absolute_difference"] == 2.0
    assert run.data.metrics["arms_absolute_error_challenger_less_champion"] == -3.0
    assert main(["compare", "sentiment"]) == 1
    assert "python -m training trial" in capsys.readouterr().err
