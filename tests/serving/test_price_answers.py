"""Prices from a model that reads vectors: by features with the encoder, by id with the store's vector."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.exc import OperationalError

from bookshelf.book import ListedBook
from bookshelf.contracts import PriceReply, PriceRequest
from features.embedding import Encoder
from features.price import PriceRegressor
from features.price_columns import VECTOR
from features.schema import FRESHNESS, PRICE_SERVICE
from features.tabular import book_frame
from serving.answers import PriceAnswers
from serving.champions import Champion
from serving.encoding import Encoding
from serving.freshness import Freshness, LastRead
from serving.online import OnlineRow
from tests.serving.conftest import TAKEN_AT

SEA, CITY = "A storm breaks over the ocean.", "The bank opens in a busy city street."


class Counting:
    """An encoder that notes what it was asked to encode."""

    def __init__(self, encoder: Encoder) -> None:
        self.dimensions = encoder.dimensions
        self.encoder = encoder
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        return self.encoder.embed(texts)


class KnownRows:
    """In the place of the online store: the rows it would give, of the features it is asked for."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.known = {row["book_id"]: row for row in rows.to_dict("records")}

    async def read(self, ids: Sequence[int], features: Sequence[str]) -> Mapping[int, OnlineRow]:
        names = [feature.partition(":")[2] for feature in features]
        return {
            one: OnlineRow({name: self.known[one][name] for name in names}, {})
            for one in ids
            if one in self.known
        }


@pytest.fixture(scope="module")
def frame(listed: Sequence[ListedBook], encoder: Encoder) -> pd.DataFrame:
    """Books of one word more or less, about the sea or the city; those about the sea are dear."""
    rows = book_frame(listed, TAKEN_AT, TAKEN_AT)
    at_sea = np.arange(len(rows)) % 2 == 0
    rows["description"] = np.where(at_sea, SEA, CITY)
    rows["description"] = [f"{text} Page {place}." for place, text in enumerate(rows["description"])]
    rows.loc[rows.index[:4], "description"] = ""
    rows["price"] = np.where(rows["description"] == "", 30.0, np.where(at_sea, 50.0, 10.0))
    return rows.assign(**{VECTOR: list(encoder.embed(list(rows["description"])))})


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> PriceRegressor:
    shares = {"vectors": 0.6, "category": 0.1, "rest": 0.1}
    return PriceRegressor("ridge", shares=shares).fit(frame, frame["price"].to_numpy())


@pytest.fixture
def counting(encoder: Encoder) -> Counting:
    return Counting(encoder)


@pytest.fixture
def answers(frame: pd.DataFrame, model: PriceRegressor, counting: Counting) -> Iterator[PriceAnswers]:
    champion = Champion("price", "1", "run", model, {}, counting)  # type: ignore[arg-type]
    with Encoding() as encoding:
        freshness = Freshness(LastRead(no_catalogue), PRICE_SERVICE, FRESHNESS[PRICE_SERVICE])
        yield PriceAnswers(champion, KnownRows(frame), freshness, encoding)  # type: ignore[arg-type]


def no_catalogue() -> Any:
    raise OperationalError("there is none", None, Exception())


def asked(answers: PriceAnswers, *bodies: Mapping[str, Any]) -> list[PriceReply]:
    replies = asyncio.run(answers([PriceRequest.model_validate(body) for body in bodies]))
    assert all(isinstance(reply, PriceReply) for reply in replies), replies
    return replies  # type: ignore[return-value]


def about(text: str | None, **more: Any) -> Mapping[str, Any]:
    return {"rating": 4.5, "category": "Fiction", "availability": "In stock", "description": text, **more}


def test_what_a_description_means_makes_the_price(answers: PriceAnswers) -> None:
    sea, city = asked(answers, about("Waves and wind far out on the ocean."), about("A street in the city."))
    assert sea.price > city.price + 10


def test_a_book_by_id_has_the_price_that_its_features_have_and_nothing_is_encoded(
    answers: PriceAnswers, counting: Counting, frame: pd.DataFrame
) -> None:
    row = frame.iloc[10]
    [by_id] = asked(answers, {"book_id": int(row["book_id"])})
    assert counting.asked == []
    given = {name: row[name] for name in ("rating", "category", "availability", "title", "description")}
    [by_features] = asked(answers, {**given, "rating": float(row["rating"]), "stock": int(row["stock"])})
    assert by_features == by_id.model_copy(update={"features": None})
    assert counting.asked == [row["description"]]


def test_a_book_without_description_has_the_price_that_such_a_book_has_by_id(
    answers: PriceAnswers, counting: Counting, frame: pd.DataFrame
) -> None:
    row = frame.iloc[0]
    given = {"rating": float(row["rating"]), "category": row["category"], "availability": row["availability"]}
    without, blank, by_id = asked(
        answers, given, {**given, "description": ""}, {"book_id": int(row["book_id"])}
    )
    assert without == blank == by_id.model_copy(update={"features": None})
    assert counting.asked == []


def test_many_are_answered_in_order_whether_or_not_they_have_a_text(
    answers: PriceAnswers, counting: Counting
) -> None:
    bodies = [about(SEA), {"book_id": 9}, about(None), about(CITY), {"book_id": 10}]
    together = asked(answers, *bodies)
    assert counting.asked == [SEA, CITY]
    alone = [asked(answers, body)[0] for body in bodies]
    assert [one.price for one in together] == pytest.approx([one.price for one in alone], abs=0.02)


def test_everything_a_request_may_tell_is_taken(answers: PriceAnswers) -> None:
    told = about(
        SEA,
        author="Jane Austen, Mary Shelley",
        publisher="Egerton",
        year=1813,
        binding="Paperback",
        language="English",
        genre="Novel",
        reviews=12,
    )
    assert asked(answers, told)[0].price > 0
