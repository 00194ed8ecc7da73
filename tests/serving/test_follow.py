"""Who is on duty as the registry changes its mind, goes away, or names what cannot be served."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bookshelf.contracts import ModelName, ServedModel
from bookshelf.errors import ModelUnavailable
from serving.appointment import Appointment
from serving.champions import Champion
from serving.follow import Follower
from serving.shelf import Shelf


def version(number: str, name: ModelName = "price") -> Appointment:
    return Appointment(name, number, f"run-{number}", {})


class ScriptedRegistry:
    """Says what a test tells it to, and notes what it is told."""

    def __init__(self) -> None:
        self.named: dict[str, Appointment | None] = {
            name: version("1", name) for name in ("price", "recommender", "sentiment")
        }
        self.last: dict[str, Appointment] = {}
        self.broken: set[str] = set()
        self.away = False
        self.loaded: list[tuple[str, str]] = []
        self.beside: list[bool] = []
        self.told: list[tuple[str, str]] = []

    def appointed(self, name: ModelName) -> Appointment | None:
        if self.away:
            raise ModelUnavailable("the registry does not answer")
        return self.named[name]

    def last_on_duty(self, name: ModelName) -> Appointment | None:
        return self.last.get(name)

    def champion(self, appointed: Appointment, *, beside: bool = False) -> Champion:
        self.loaded.append((appointed.name, appointed.version))
        self.beside.append(beside)
        if appointed.version in self.broken:
            raise ModelUnavailable(f"{appointed.name} version {appointed.version} has no signature")
        return Champion(appointed.name, appointed.version, appointed.run_id, object(), appointed.tags)

    def note_on_duty(self, champion: Champion, at: str) -> None:
        self.last[champion.name] = champion.appointment
        self.told.append((champion.version, f"serving since {at}"))

    def note_refused(self, appointed: Appointment, reason: str) -> None:
        self.told.append((appointed.version, reason))


class BareAnswers:
    """A champion that is only looked at."""

    def __init__(self, champion: Champion) -> None:
        self.champion = champion


@pytest.fixture
def registry() -> ScriptedRegistry:
    return ScriptedRegistry()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def follower(registry: ScriptedRegistry, shelf: Shelf, clock: list[float]) -> Follower:
    prepare: Any = BareAnswers
    return Follower(registry, shelf, prepare, clock=lambda: clock[0])


def price(shelf: Shelf) -> ServedModel:
    return shelf.served()[0]


def test_who_is_named_is_put_on_duty_and_who_stays_is_loaded_once(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    for _ in range(3):
        follower.look()
    assert [one.version for one in shelf.served()] == ["1", "1", "1"]
    assert len(registry.loaded) == 3


def test_versions_are_loaded_beside_the_answers_once_there_are_any(
    follower: Follower, registry: ScriptedRegistry
) -> None:
    follower.look()
    registry.named["price"] = version("2")
    follower.look()
    assert registry.beside == [False, False, False, True]


def test_another_version_takes_over_and_a_rollback_brings_the_first_back(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    for number in ("1", "2", "1"):
        registry.named["price"] = version(number)
        follower.look()
        assert (price(shelf).version, price(shelf).wanted_version, price(shelf).refused) == (
            number,
            number,
            None,
        )


def test_the_same_number_of_another_run_is_another_version(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    follower.look()
    registry.named["price"] = replace(version("1"), run_id="of a registry made anew")
    follower.look()
    assert price(shelf).run_id == "of a registry made anew"


def test_a_broken_version_never_goes_on_duty_and_the_old_one_stays(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    follower.look()
    registry.broken, registry.named["price"] = {"2"}, version("2")
    follower.look()
    assert (price(shelf).version, price(shelf).wanted_version) == ("1", "2")
    assert price(shelf).refused == "price version 2 has no signature"
    assert ("2", "price version 2 has no signature") in registry.told


def test_a_refused_version_is_tried_again_ever_more_seldom(
    follower: Follower, registry: ScriptedRegistry, clock: list[float]
) -> None:
    follower.look()
    registry.broken, registry.named["price"] = {"2"}, version("2")
    tried = []
    for clock[0] in range(100):
        before = len(registry.loaded)
        follower.look()
        if len(registry.loaded) > before:
            tried.append(clock[0])
    assert tried == [0, 10, 30, 70]


def test_a_refused_version_goes_on_duty_once_it_can(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf, clock: list[float]
) -> None:
    registry.broken, registry.named["price"] = {"2"}, version("2")
    follower.look()
    registry.broken, clock[0] = set(), 10.0
    follower.look()
    assert (price(shelf).version, price(shelf).refused) == ("2", None)


def test_a_version_named_anew_is_tried_at_once(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.broken = {"2"}
    for number in ("1", "2", "1"):
        registry.named["price"] = version(number)
        follower.look()
    assert (price(shelf).version, price(shelf).refused) == ("1", None)
    registry.broken, registry.named["price"] = set(), version("2")
    follower.look()
    assert price(shelf).version == "2"


def test_an_alias_that_is_taken_away_leaves_the_old_one_on_duty_and_says_so(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    follower.look()
    registry.named["price"] = None
    follower.look()
    assert (price(shelf).version, price(shelf).wanted_version) == ("1", None)
    assert price(shelf).refused == "no version of price is champion: promote one"
    registry.named["price"] = version("1")
    follower.look()
    assert price(shelf).refused is None


def test_a_refused_version_whose_alias_was_taken_away_and_given_again_is_tried_at_once(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    follower.look()
    registry.broken = {"2"}
    for named in (version("2"), None, version("2")):
        registry.named["price"] = named
        follower.look()
    assert (price(shelf).wanted_version, price(shelf).refused) == ("2", "price version 2 has no signature")
    assert registry.loaded.count(("price", "2")) == 2


def test_serving_goes_on_while_the_registry_is_away(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    follower.look()
    registry.away = True
    follower.look()
    assert str(follower.away) == "the registry does not answer"
    assert (price(shelf).version, price(shelf).refused) == ("1", None)
    registry.away, registry.named["price"] = False, version("2")
    follower.look()
    assert price(shelf).version == "2"
    assert follower.away is None


def test_without_a_registry_serving_begins_with_who_was_on_duty_last(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.away, registry.last["price"] = True, version("7")
    follower.look()
    assert (price(shelf).version, price(shelf).refused) == ("7", None)
    recommender = shelf.served()[1]
    assert (recommender.version, recommender.refused) == (None, "the registry does not answer")
    assert registry.told == []


def test_a_worker_that_starts_while_a_broken_version_is_named_begins_with_the_last_good_one(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.last["price"] = version("1")
    registry.broken, registry.named["price"] = {"2"}, version("2")
    for _ in range(3):
        follower.look()
    assert (price(shelf).version, price(shelf).wanted_version) == ("1", "2")
    assert price(shelf).refused == "price version 2 has no signature"
    assert registry.loaded.count(("price", "2")) == 1


def test_a_model_of_which_no_version_can_be_served_says_why(
    follower: Follower, registry: ScriptedRegistry, shelf: Shelf
) -> None:
    registry.broken = {"1"}
    registry.last["price"] = version("1")
    follower.look()
    assert (price(shelf).version, price(shelf).refused) == (None, "price version 1 has no signature")
    with pytest.raises(ModelUnavailable, match="'price' cannot answer: price version 1 has no signature"):
        shelf.answers("price")
