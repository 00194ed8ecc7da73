"""The shelf says what is on duty, and why what is not is not."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bookshelf.contracts import ModelName
from bookshelf.errors import ModelUnavailable
from serving.shelf import Shelf

AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
NOBODY = "no version of recommender is champion: promote one"


def of_version(name: ModelName, version: str) -> Any:
    return SimpleNamespace(
        champion=SimpleNamespace(name=name, version=version, run_id="run", informative=None)
    )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_before_loading_every_model_says_that_it_is_being_loaded(shelf: Shelf) -> None:
    with pytest.raises(ModelUnavailable, match="'price' cannot answer: it is still being loaded"):
        shelf.answers("price")
    with pytest.raises(ModelUnavailable, match="sentiment: it is still being loaded"):
        shelf.check_ready()


def test_a_missing_champion_keeps_nobody_else_from_answering(shelf: Shelf) -> None:
    shelf.put("price", of_version("price", "7"), AT)
    shelf.want("recommender", None, NOBODY)
    assert shelf.answers("price").champion.version == "7"
    assert [one.champion.name for one in shelf.on_duty()] == ["price"]
    with pytest.raises(ModelUnavailable, match=NOBODY):
        shelf.answers("recommender")


def test_who_is_on_duty_stays_there_while_another_is_refused(shelf: Shelf) -> None:
    shelf.put("price", of_version("price", "7"), AT)
    assert shelf.want("price", "8", "it has no signature")
    assert not shelf.want("price", "8", "it has no signature")  # which is no news
    price = shelf.served()[0]
    assert (price.version, price.since) == ("7", AT)
    assert (price.wanted_version, price.refused) == ("8", "it has no signature")


def test_a_version_that_is_put_on_duty_is_wanted_and_refused_by_nobody(shelf: Shelf) -> None:
    shelf.want("price", "8", "it has no signature")
    shelf.put("price", of_version("price", "8"), AT)
    price = shelf.served()[0]
    assert (price.version, price.wanted_version, price.refused) == ("8", "8", None)


def test_a_shelf_is_ready_once_it_is_open_and_something_is_on_duty(shelf: Shelf) -> None:
    shelf.put("price", of_version("price", "7"), AT)
    with pytest.raises(ModelUnavailable):
        shelf.check_ready()
    shelf.open()
    shelf.check_ready()


def test_an_empty_shelf_is_never_ready_and_says_why(shelf: Shelf) -> None:
    shelf.want("recommender", None, NOBODY)
    shelf.open()
    with pytest.raises(ModelUnavailable, match=f"still being loaded; recommender: {NOBODY}; sent"):
        shelf.check_ready()
