"""Predictions that were made, as the API passes them on; feedback is for those who may write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from api.prediction_examples import A_PREDICTION_ID

MADE = f"/api/v1/ml/predictions/{A_PREDICTION_ID}"
UNKNOWN = f"/api/v1/ml/predictions/{uuid4()}"

Refused = Callable[[Any, int], list[str]]


def test_a_prediction_is_shown_with_what_was_said_about_it(client: Any) -> None:
    shown = client.get(MADE)
    assert shown.json["inputs"]["category"] == "Fiction"
    assert [one["value"] for one in shown.json["feedback"]] == [51.77]
    assert shown.headers["X-Model-Version"] == "price/1"


def test_a_replay_shows_both_answers(client: Any) -> None:
    replayed = client.get(f"{MADE}/replay").json
    assert (replayed["equal"], replayed["differs"]) == (True, [])
    assert replayed["answer"]["price"] == replayed["replayed"]["price"]


def test_a_prediction_that_the_log_does_not_have_is_not_found(client: Any, refused: Refused) -> None:
    assert refused(client.get(UNKNOWN), 404) == ["prediction_id"]
    assert refused(client.get(f"{UNKNOWN}/replay"), 404) == ["prediction_id"]
    assert refused(client.get("/api/v1/ml/predictions/7"), 422) == ["prediction_id"]


def test_feedback_is_kept_for_those_who_are_logged_in(
    client: Any, as_admin: dict[str, str], refused: Refused, model_server: Any
) -> None:
    refused(client.post(f"{MADE}/feedback", json={"value": 51.77}), 401)
    assert model_server.asked == []
    kept = client.post(f"{MADE}/feedback", json={"value": 51.77}, headers=as_admin)
    assert (kept.status_code, kept.json["value"]) == (201, 51.77)
    [(_, question)] = model_server.asked
    assert (question["prediction_id"], question["feedback_id"]) == (A_PREDICTION_ID, kept.json["feedback_id"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["chosen"]),
        ({"value": 1.0, "sentiment": "neutral"}, ["chosen"]),
        ({"value": -1}, ["value"]),
        ({"value": "much"}, ["value"]),
        ({"sentiment": "splendid"}, ["sentiment"]),
        ({"chosen": 0}, ["chosen"]),
        ({"stars": 5}, ["stars", "chosen"]),
        ({"sentiment": "neutral"}, ["value"]),
    ],
)
def test_feedback_that_says_nothing_of_that_prediction_is_refused_by_its_field(
    client: Any, as_admin: dict[str, str], refused: Refused, body: dict[str, Any], fields: list[str]
) -> None:
    reply = client.post(f"{MADE}/feedback", json=body, headers=as_admin)
    assert set(refused(reply, 422)) == set(fields)
