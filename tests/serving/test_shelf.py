"""The shelf says what is on duty, and why what is not is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bookshelf.contracts import ModelName
from bookshelf.errors import ModelUnavailable
from serving.shelf import Shelf


def load(name: ModelName) -> Any:
    if name == "recommender":
        raise ModelUnavailable("no version of recommender is champion: promote one")
    return SimpleNamespace(champion=SimpleNamespace(name=name, version="7"))


def load_none(name: ModelName) -> Any:
    raise ModelUnavailable(f"no version of {name} is champion: promote one")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_before_loading_every_model_says_that_it_is_being_loaded(shelf: Shelf) -> None:
    with pytest.raises(ModelUnavailable, match="'price' cannot answer: it is still being loaded"):
        shelf.answers("price")
    with pytest.raises(ModelUnavailable, match="sentiment: it is still being loaded"):
        shelf.check_ready()


def test_a_missing_champion_keeps_nobody_else_from_answering(shelf: Shelf) -> None:
    shelf.fill(load)
    assert shelf.answers("price").champion.version == "7"
    assert [one.champion.name for one in shelf.on_duty()] == ["price", "sentiment"]
    with pytest.raises(ModelUnavailable, match="no version of recommender is champion"):
        shelf.answers("recommender")


def test_a_shelf_is_ready_once_it_is_open_and_something_is_on_duty(shelf: Shelf) -> None:
    shelf.fill(load)
    with pytest.raises(ModelUnavailable):
        shelf.check_ready()
    shelf.open()
    shelf.check_ready()


def test_an_empty_shelf_is_never_ready_and_says_why(shelf: Shelf) -> None:
    shelf.fill(load_none)
    shelf.open()
    with pytest.raises(ModelUnavailable, match="price: no version of price is champion: promote one; rec"):
        shelf.check_ready()
