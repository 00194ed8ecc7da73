"""Features by book id, from a real Feast online store."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from feast import FeatureStore
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value as ValueProto

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import PriceReply, PriceRequest
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from features import schema
from features.schema import FRESHNESS
from serving.answers import PriceAnswers
from serving.champions import Champion
from serving.encoding import Encoding
from serving.freshness import Freshness, LastRead
from serving.online import PRICE_FEATURES, TABLE_FEATURES, OnlineFeatures, of_book
from serving.past import PastFeatures
from tests.serving.conftest import TAKEN_AT


def test_the_price_model_is_given_its_features_and_never_the_label() -> None:
    assert "book_details:category" in PRICE_FEATURES
    assert not [name for name in PRICE_FEATURES if name.startswith("book_price:")]


def test_a_table_has_every_feature_but_the_vectors() -> None:
    assert "book_price:price" in TABLE_FEATURES
    assert not [name for name in TABLE_FEATURES if "embedding" in name]


def test_a_known_book_has_its_values(online: OnlineFeatures) -> None:
    row = of_book(asyncio.run(online.read([2], PRICE_FEATURES)), 2)
    assert (row["title"], row["category"], row["rating"]) == ("Book number 2", "Travel", 3)


def test_a_book_without_a_description_is_known(online: OnlineFeatures) -> None:
    assert of_book(asyncio.run(online.read([1], PRICE_FEATURES)), 1)["description"] == ""


def test_unknown_books_are_left_out_of_many_and_are_an_error_alone(online: OnlineFeatures) -> None:
    rows = asyncio.run(online.read([999_999, 3, 2, 3], PRICE_FEATURES))
    assert sorted(rows) == [2, 3]
    with pytest.raises(NotFound, match="999999") as caught:
        of_book(rows, 999_999)
    assert caught.value.field == "book_id"


def test_more_books_than_one_part_all_come(online: OnlineFeatures) -> None:
    rows = asyncio.run(online.rows(range(1, 601), TABLE_FEATURES))
    assert sorted(rows) == list(range(1, 61))


def test_a_store_that_was_never_published_is_named_and_tried_again(tmp_path: Path, home: Settings) -> None:
    homes = iter([Settings(home=tmp_path), home])
    online = OnlineFeatures(lambda: open_feature_store(next(homes), mlflow=False))
    with pytest.raises(ModelUnavailable, match=r"online feature store cannot be read: .*published"):
        asyncio.run(online.rows([2], PRICE_FEATURES))
    assert asyncio.run(online.rows([2], PRICE_FEATURES))


def test_what_a_driver_says_of_a_store_that_is_away_is_for_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("serving"), "propagate", True)

    def away() -> FeatureStore:
        raise ConnectionError("no answer from user bob at db.internal")

    monday = datetime(2026, 3, 2, tzinfo=UTC)
    for read in (
        OnlineFeatures(away).read([2], PRICE_FEATURES),
        PastFeatures(away).rows([2], PRICE_FEATURES, monday),
    ):
        with pytest.raises(ModelUnavailable, match=r"feature store cannot be read: ConnectionError$"):
            asyncio.run(read)
    assert caplog.text.count("user bob at db.internal") == 2


def test_a_row_says_when_the_shop_was_seen_to_offer_it(online: OnlineFeatures) -> None:
    row = asyncio.run(online.read([2], PRICE_FEATURES))[2]
    assert row.event_times == {"book_details": TAKEN_AT, "book_embedding": TAKEN_AT}
    assert row.missing == ()


def test_the_store_tells_which_features_were_published(online: OnlineFeatures) -> None:
    known = online.known_features()
    assert known is not None
    assert known >= set(PRICE_FEATURES)


def test_what_was_never_published_has_no_features_to_tell(tmp_path: Path) -> None:
    nothing = OnlineFeatures(lambda: open_feature_store(Settings(home=tmp_path), mlflow=False))
    assert nothing.known_features() is None


@pytest.fixture
def damaged(home: Settings, tmp_path: Path) -> OnlineFeatures:
    """A store in which book 3 has lost its rating and book 4 its title."""
    shutil.copytree(home.home, tmp_path / "var")
    moved = home.model_copy(update={"home": tmp_path / "var"})
    store = open_feature_store(moved, mlflow=False)
    connection = store._get_provider().online_store._get_conn(store.config)
    for book_id, feature in ((3, "rating"), (4, "title")):
        key = {schema.JOIN_KEY: ValueProto(int64_val=book_id)}
        entity = serialize_entity_key(
            EntityKey(join_keys=list(key), entity_values=list(key.values())),
            entity_key_serialization_version=store.config.entity_key_serialization_version,
        )
        table = f"{store.config.project}_{schema.DETAILS_VIEW}"
        gone = f"DELETE FROM {table} WHERE entity_key = ? AND feature_name = ?"
        assert connection.execute(gone, (entity, feature)).rowcount == 1
    connection.commit()
    return OnlineFeatures(lambda: open_feature_store(moved, mlflow=False))


def test_a_feature_that_the_store_has_lost_is_missing_by_its_name(damaged: OnlineFeatures) -> None:
    rows = asyncio.run(damaged.read([2, 3, 4], PRICE_FEATURES))
    assert [rows[one].missing for one in (2, 3)] == [(), ("book_details:rating",)]
    assert of_book(rows, 3)["rating"] is None
    with pytest.raises(NotFound, match=r"^features of book 4 are MISSING in .*: title$"):
        of_book(rows, 4)


def test_without_a_store_a_price_by_features_is_answered_and_one_by_id_says_what_is_missing(
    champions: dict[str, Champion], tmp_path: Path
) -> None:
    away = OnlineFeatures(lambda: open_feature_store(Settings(home=tmp_path), mlflow=False))
    limit = FRESHNESS[schema.PRICE_SERVICE]
    catalogue = Catalogue.open(Settings(home=tmp_path).catalogue_url)
    freshness = Freshness(LastRead(lambda: catalogue), schema.PRICE_SERVICE, limit)
    answers = PriceAnswers(champions["price"], away, freshness, Encoding())
    told = {"rating": 4, "category": "Fiction", "availability": "In stock"}
    [reply] = asyncio.run(answers([PriceRequest.model_validate(told)]))
    assert isinstance(reply, PriceReply)
    with pytest.raises(ModelUnavailable, match="the online feature store cannot be read"):
        asyncio.run(answers([PriceRequest.model_validate({"book_id": 2})]))


def test_values_and_times_are_those_that_feast_itself_gives(online: OnlineFeatures, home: Settings) -> None:
    rows = asyncio.run(online.read(range(1, 61), PRICE_FEATURES))
    response = open_feature_store(home, mlflow=False).get_online_features(
        features=list(PRICE_FEATURES), entity_rows=[{schema.JOIN_KEY: one} for one in rows]
    )
    columns = response.to_dict()
    for place, book_id in enumerate(columns.pop(schema.JOIN_KEY)):
        assert rows[book_id].values == {name: values[place] for name, values in columns.items()}
        assert set(rows[book_id].event_times.values()) == {TAKEN_AT}


def test_a_few_rows_wait_for_nobody_but_who_reads_the_same_file_now(online: OnlineFeatures) -> None:
    online.warm_up()
    may_end = Event()
    busy = online._thread.submit(may_end.wait, 60)
    assert asyncio.run(online.read([2], PRICE_FEATURES))
    assert not busy.done()
    may_end.set()
    with ThreadPoolExecutor(1) as other:
        with online._reading:
            waiting = other.submit(asyncio.run, online.read([3], PRICE_FEATURES))
            time.sleep(0.2)
            assert not waiting.done()
        assert sorted(waiting.result(timeout=60)) == [3]
