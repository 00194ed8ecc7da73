"""Who is on trial as the registry changes its mind, and what a challenger that cannot be tried is told of."""

from __future__ import annotations

from typing import Any

import pytest

from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES, ModelName, ServedModel
from bookshelf.errors import ModelUnavailable
from bookshelf.trial import Trial
from serving.appointment import Appointment
from serving.challengers import TrialFollower
from serving.champions import Champion
from serving.shelf import Shelf
from serving.wanted_trials import WantedTrial


class ScriptedRegistry:
    """Says what a test tells it to, and notes what it is told."""

    def __init__(self) -> None:
        self.wanted: WantedTrial | None = None
        self.broken: set[str] = set()
        self.away = False
        self.loaded: list[str] = []
        self.refused: list[tuple[str, str]] = []

    def on_trial(self, name: ModelName) -> WantedTrial | None:
        if self.away:
            raise ModelUnavailable("the registry does not answer")
        return self.wanted if name == "price" else None

    def champion(self, appointed: Appointment, **_beside: bool) -> Champion:
        self.loaded.append(appointed.version)
        if appointed.version in self.broken:
            raise ModelUnavailable(f"{appointed.name} version {appointed.version} has no signature")
        return Champion(appointed.name, appointed.version, appointed.run_id, object(), appointed.tags)

    def note_refused(self, appointed: Appointment, reason: str) -> None:
        self.refused.append((appointed.version, reason))


class BareAnswers:
    """A version that is only looked at."""

    def __init__(self, champion: Champion) -> None:
        self.champion = champion


def a_trial(number: str, **shares: float) -> WantedTrial:
    trial = Trial(version=number, **shares)
    return WantedTrial(trial, Appointment("price", number, f"run-{number}", {}))


@pytest.fixture
def registry() -> ScriptedRegistry:
    return ScriptedRegistry()


@pytest.fixture
def shelf() -> Shelf:
    shelf, on_duty = Shelf(), Champion("price", "1", "run-1", object(), {})
    bare: Any = BareAnswers(on_duty)
    shelf.put("price", bare, now())
    return shelf


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def follower(registry: ScriptedRegistry, shelf: Shelf, clock: list[float]) -> TrialFollower:
    prepare: Any = BareAnswers
    return TrialFollower(registry, shelf, prepare, clock=lambda: clock[0])


def look(follower: TrialFollower) -> None:
    """One look at every model."""
    for _ in MODEL_NAMES:
        follower.look()


def price(shelf: Shelf) -> ServedModel:
    return shelf.served()[0]


def tried(shelf: Shelf) -> str | None:
    found = shelf.challenger("price")
    return None if found is None or found.answers is None else found.answers.champion.version


def test_a_version_on_trial_is_loaded_once_and_its_shares_change_live(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    for shadow in (0.2, 0.2, 0.7):
        registry.wanted = a_trial("2", shadow=shadow)
        look(follower)
        assert tried(shelf) == "2"
        told = price(shelf).trial
        assert told is not None
        assert (told.version, told.shadow, told.share, told.refused) == ("2", shadow, 0.0, None)
    assert registry.loaded == ["2"]
    registry.wanted = None
    look(follower)
    assert (tried(shelf), price(shelf).trial) == (None, None)


def test_a_challenger_that_cannot_be_loaded_is_refused_and_the_champion_stays(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf, clock: list[float]
) -> None:
    registry.broken.add("2")
    registry.wanted = a_trial("2", share=0.5)
    for _ in range(3):
        look(follower)
    assert (tried(shelf), price(shelf).version, price(shelf).refused) == (None, "1", None)
    told = price(shelf).trial
    assert told is not None
    assert told.refused == "price version 2 has no signature"
    assert registry.loaded == ["2"]
    assert registry.refused == [("2", "price version 2 has no signature")]
    registry.broken.clear()
    clock[0] += 11
    look(follower)
    assert tried(shelf) == "2"


def test_what_is_told_of_a_refused_challenger_is_what_the_registry_wants_now(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.broken.add("2")
    for wanted in (a_trial("2", share=0.5), a_trial("2", share=0.1)):
        registry.wanted = wanted
        look(follower)
    told = price(shelf).trial
    assert told is not None
    assert (told.version, told.share, told.refused) == ("2", 0.1, "price version 2 has no signature")
    registry.wanted = a_trial("1", share=0.1)  # the champion, which is loaded
    look(follower)
    registry.wanted = a_trial("2", share=0.1)  # named anew, it is tried at once
    look(follower)
    told = price(shelf).trial
    assert told is not None
    assert (told.version, told.refused) == ("2", "price version 2 has no signature")
    assert registry.loaded == ["2", "2"]


def test_a_trial_without_a_version_says_why(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.wanted = WantedTrial(Trial(shadow=1), None, "no version of price is challenger")
    look(follower)
    told = price(shelf).trial
    assert told is not None
    assert told.refused == "no version of price is challenger"


def test_the_champion_is_not_tried_against_itself(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.wanted = a_trial("2", share=1.0)
    look(follower)
    promoted: Any = BareAnswers(registry.champion(Appointment("price", "2", "run-2", {})))
    shelf.put("price", promoted, now())
    told = price(shelf).trial
    assert told is not None
    assert (tried(shelf), told.refused) == (None, "it is the champion")


def test_a_trial_goes_on_while_the_registry_is_away(
    follower: TrialFollower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.wanted = a_trial("2", shadow=1.0)
    look(follower)
    registry.away = True
    look(follower)
    assert tried(shelf) == "2"
