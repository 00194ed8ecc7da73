"""Tables as of a past moment, from a real catalogue and a real feature store."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest

from bookshelf.book import Book, ListedBook
from bookshelf.catalogue import Catalogue
from bookshelf.contracts import PriceReply, PriceRequest
from bookshelf.errors import ModelUnavailable
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from bookshelf.table_contracts import (
    FileRequest,
    TableReply,
    TableRequest,
    TrainingDataRequest,
    TrainingFileRequest,
)
from features import schema
from features.price import PriceRegressor
from features.tabular import book_frame
from ingestion.publish import publish_features
from serving import whole_tables
from serving.answers import PriceAnswers
from serving.champions import Champion
from serving.encoding import Encoding
from serving.freshness import Freshness, LastRead
from serving.online import TABLE_FEATURES, OnlineFeatures
from serving.past import PastFeatures
from serving.tables import features_table, past_training_table
from serving.whole_tables import all_features, all_past_training_rows

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)


def a_book(number: int, price: str = "51.77", **facts: Any) -> Book:
    usual: dict[str, Any] = {
        "upc": f"upc-{number}",
        "title": f"Tale {number}",
        "rating": 4,
        "category": "Poetry",
    }
    return Book(**(usual | facts), price=Decimal(price))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two published days of a shop, and a list of the third day whose features are not published."""
    folder = tmp_path_factory.mktemp("past")
    settings = Settings(home=folder / "var", mlruns=folder / "mlruns", database_url="")
    catalogue = Catalogue.open(settings.catalogue_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOKSHELF_HOME", str(settings.home))
        catalogue.publish([a_book(1), a_book(2, rating=None)], "shop", MONDAY)
        publish_features(catalogue, settings, MONDAY)
        catalogue.publish([a_book(1, "1.00")], "shop", MONDAY + DAY)
        catalogue.publish([a_book(9, "9.00")], "list", MONDAY + DAY)
        publish_features(catalogue, settings, MONDAY + DAY)
    catalogue.publish([a_book(9, "8.00")], "list", MONDAY + 2 * DAY)
    return settings


@pytest.fixture
def past(home: Settings) -> PastFeatures:
    return PastFeatures(lambda: open_feature_store(home, mlflow=False))


def asked(home: Settings, past: PastFeatures, at: datetime, **wanted: Any) -> TableReply:
    online = OnlineFeatures(lambda: open_feature_store(home, mlflow=False))
    request = TableRequest(as_of=at, **wanted)
    return asyncio.run(features_table(partial(Catalogue.open, home.catalogue_url), online, past, request))


def test_features_are_those_that_were_known_then(home: Settings, past: PastFeatures) -> None:
    def prices(at: datetime) -> dict[object, object]:
        return {row["title"]: row["price"] for row in asked(home, past, at).items}

    assert prices(MONDAY) == prices(MONDAY + DAY - INSTANT) == {"Tale 1": 51.77, "Tale 2": 51.77}
    assert prices(MONDAY + DAY) == {"Tale 1": 1.0}
    assert prices(MONDAY + DAY + INSTANT) == {"Tale 1": 1.0, "Tale 9": 9.0}


def test_before_the_first_crawl_the_table_is_empty(home: Settings, past: PastFeatures) -> None:
    reply = asked(home, past, MONDAY - INSTANT)
    assert (reply.total, reply.pages, reply.items) == (0, 0, ())


def test_pages_are_of_the_books_that_were_on_offer(home: Settings, past: PastFeatures) -> None:
    reply = asked(home, past, MONDAY, page=2, page_size=1)
    assert (reply.total, reply.pages, [row["book_id"] for row in reply.items]) == (2, 2, [2])
    assert list(reply.items[0]) == ["book_id", *(name.partition(":")[2] for name in TABLE_FEATURES)]


def test_one_source_gives_its_books_alone(home: Settings, past: PastFeatures) -> None:
    [row] = asked(home, past, MONDAY + DAY + INSTANT, source="list").items
    assert row["title"] == "Tale 9"


def test_a_number_that_was_not_known_is_null(home: Settings, past: PastFeatures) -> None:
    items = asked(home, past, MONDAY).items
    assert [row["rating"] for row in items] == [4, None]
    json.dumps(items, allow_nan=False)


def test_what_is_not_published_yet_is_unavailable(home: Settings, past: PastFeatures) -> None:
    with pytest.raises(ModelUnavailable, match="features of snapshot 4 are not published yet"):
        asked(home, past, MONDAY + 2 * DAY)


def test_training_data_is_what_the_service_would_have_given(home: Settings, past: PastFeatures) -> None:
    def rows(service: str) -> list[dict[str, Any]]:
        request = TrainingDataRequest(as_of=MONDAY + DAY)
        open_catalogue = partial(Catalogue.open, home.catalogue_url)
        return list(asyncio.run(past_training_table(open_catalogue, past, service, request)).items)

    [row] = rows(schema.PRICE_SERVICE)
    assert (row["book_id"], row["price"], row["currency"]) == (1, 1.0, "GBP")
    [row] = rows(schema.RECOMMENDER_SERVICE)
    told = [*("title", "category", "description", "author"), *("genre", "language", "year", "reviews")]
    assert list(row) == ["book_id", *told]


def test_a_price_by_id_needs_no_number_that_the_shop_does_not_give(home: Settings) -> None:
    online = OnlineFeatures(lambda: open_feature_store(home, mlflow=False))
    frame = book_frame(
        [ListedBook(number, "shop", a_book(number, f"{number}.00")) for number in range(1, 21)],
        MONDAY,
        MONDAY,
    )
    model = PriceRegressor("ridge").fit(frame, frame[schema.LABEL].to_numpy())
    model.currency = "EUR"
    catalogue = Catalogue.open(home.catalogue_url)
    freshness = Freshness(LastRead(lambda: catalogue), schema.PRICE_SERVICE, timedelta(hours=48))
    answers = PriceAnswers(Champion("price", "1", "run", model, {}), online, freshness, Encoding())
    [reply] = asyncio.run(answers([PriceRequest.model_validate({"book_id": 2})]))
    assert isinstance(reply, PriceReply)
    assert (reply.currency, np.isfinite(reply.price)) == ("EUR", True)


@pytest.mark.parametrize("part", [1, 5_000])
def test_whole_tables_of_a_moment_tell_what_its_pages_tell(
    home: Settings, past: PastFeatures, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_tables, "PART", part)
    open_catalogue = partial(Catalogue.open, home.catalogue_url)
    online = OnlineFeatures(lambda: open_feature_store(home, mlflow=False))

    async def rows(table: Any) -> list[dict[str, Any]]:
        return [row async for part in (await table).parts for row in part.to_pylist()]

    wanted = FileRequest(as_of=MONDAY, format="parquet")
    features = asyncio.run(rows(all_features(open_catalogue, online, past, wanted)))
    assert features == list(asked(home, past, MONDAY).items)
    training = TrainingFileRequest(as_of=MONDAY, format="parquet", vectors=True)
    learnt = asyncio.run(rows(all_past_training_rows(open_catalogue, past, schema.PRICE_SERVICE, training)))
    assert [(row["book_id"], row["price"]) for row in learnt] == [(1, 51.77), (2, 51.77)]
    assert all(len(row["embedding"]) == 384 for row in learnt)
