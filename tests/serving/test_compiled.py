"""Few books are priced by the model's compiled form, which is seen to give the model's prices first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from prometheus_client import REGISTRY

from bookshelf.contracts import PriceReply, PriceRequest
from features.price import PriceRegressor
from features.price_compiled import CompiledPrices
from features.schema import FRESHNESS, PRICE_SERVICE
from serving.answers import PriceAnswers
from serving.champions import Champion
from serving.compiled import compiled_form
from serving.encoding import Encoding
from serving.freshness import Freshness, LastRead
from serving.online import OnlineFeatures

BOOK = {"rating": 4, "category": "Fiction", "availability": "In stock", "description": "A story of the sea."}
MANY = 12


def answers_of(champion: Champion) -> PriceAnswers:
    def away() -> Any:
        raise AssertionError("nobody asked for a book by its id")

    freshness = Freshness(LastRead(away), PRICE_SERVICE, FRESHNESS[PRICE_SERVICE])
    return PriceAnswers(champion, OnlineFeatures(away), freshness, Encoding())


def prices(answers: PriceAnswers, *books: Mapping[str, Any]) -> list[float]:
    replies = asyncio.run(answers([PriceRequest.model_validate(book) for book in books]))
    return [reply.price for reply in replies if isinstance(reply, PriceReply)]


def is_compiled(version: str) -> float | None:
    return REGISTRY.get_sample_value("bookshelf_price_compiled", {"version": version})


@pytest.fixture
def champion(champions: dict[str, Champion]) -> Champion:
    return replace(champions["price"], version="81")


def test_few_books_and_many_have_the_same_prices_though_they_go_different_ways(
    champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answers_of(champion)
    assert is_compiled("81") == 1
    many = prices(answers, *[BOOK] * MANY)
    monkeypatch.setattr(PriceRegressor, "predict", lambda *_: pytest.fail("a frame for one book"))
    assert prices(answers, BOOK, BOOK) == pytest.approx(many[:2], abs=0.011)


def test_a_form_that_gives_other_prices_is_not_served_and_the_log_and_a_metric_say_so(
    champion: Champion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = prices(answers_of(champion), BOOK)
    monkeypatch.setattr(CompiledPrices, "predict", lambda *_: (1.0, 1.0, 1.0))
    wrong = replace(champion, version="82")
    monkeypatch.setattr(logging.getLogger("serving"), "propagate", True)
    with caplog.at_level(logging.WARNING, logger="serving.compiled"):
        assert prices(answers_of(wrong), BOOK) == pytest.approx(right, abs=0.011)
    assert "price version 82 is served by scikit-learn alone: ValueError: a price differs" in caplog.text
    assert is_compiled("82") == 0


def test_the_example_of_a_version_is_among_what_it_is_checked_on(
    champion: Champion, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    predict = CompiledPrices.predict

    def noting(self: CompiledPrices, book: Mapping[str, Any]) -> tuple[float, float, float]:
        seen.append(book)
        return predict(self, book)

    monkeypatch.setattr(CompiledPrices, "predict", noting)
    example = pd.DataFrame([dict.fromkeys(champion.model.inputs, "Seen nowhere else")])
    example = example.assign(rating=4.25, reviews=None, year=None, stock=2.0)
    assert compiled_form(replace(champion, example=example)) is not None
    assert seen[0]["title"] == "Seen nowhere else"


def test_a_model_that_is_no_price_model_has_none(champion: Champion) -> None:
    assert compiled_form(replace(champion, model=object(), version="83")) is None
    assert is_compiled("83") == 0
