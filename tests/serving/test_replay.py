"""Which versions replay a prediction: loaded when they are needed, and few of them kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bookshelf.contracts import ModelName, ModelRef, PriceReply
from bookshelf.errors import NotFound
from bookshelf.prediction import PredictionRecord
from serving.appointment import Appointment
from serving.replay import Replays
from serving.shelf import Shelf
from tests.serving.test_prediction_log import a_prediction

FEATURES = '{"stock":3.0}'


class Registry:
    """Has every version, and notes which were loaded."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def version(self, name: ModelName, version: str, run_id: str) -> Appointment:
        return Appointment(name, version, run_id, {})

    def champion(self, appointed: Appointment) -> Any:
        self.loaded.append(appointed.version)
        return appointed


def answers_of(champion: Any) -> Any:
    """Always the same price."""

    async def again(_request: Any, _used: Any) -> PriceReply:
        model = ModelRef(name=champion.name, version=champion.version)
        interval: Any = {"low": 1.0, "high": 9.0, "coverage": 0.9}
        return PriceReply(price=5.0, interval=interval, informative=True, model=model)

    return SimpleNamespace(again=again, champion=champion)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def replays(registry: Registry) -> Replays:
    return Replays(registry, Shelf(), answers_of)


def made_by(version: str, inputs: str = '{"book_id":7}') -> PredictionRecord:
    return a_prediction(version=version, inputs=inputs, features=FEATURES)


def test_three_versions_are_kept_and_the_one_that_was_asked_longest_ago_goes(
    registry: Registry, replays: Replays
) -> None:
    for version in ("1", "2", "3", "1", "4", "1", "3", "2"):
        replied = asyncio.run(replays.replay(made_by(version)))
        assert replied.model.version == version
    assert registry.loaded == ["1", "2", "3", "4", "2"]


def test_a_question_that_its_contract_does_not_allow_any_more_is_not_asked_again(
    registry: Registry, replays: Replays
) -> None:
    with pytest.raises(NotFound, match="colour") as refused:
        asyncio.run(replays.replay(made_by("1", inputs='{"book_id":7,"colour":"red"}')))
    assert (refused.value.field, registry.loaded) == ("prediction_id", [])
