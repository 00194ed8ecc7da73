"""The tables for people who work with data."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bookshelf.catalogue import Catalogue
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from bookshelf.table_contracts import TableReply, TableRequest
from features import schema
from serving.online import OnlineFeatures
from serving.past import PastFeatures
from serving.tables import features_table, training_table


def table(home: Settings, online: OnlineFeatures, request: TableRequest) -> TableReply:
    past = PastFeatures(lambda: open_feature_store(home, mlflow=False))
    return asyncio.run(features_table(lambda: Catalogue.open(home.catalogue_url), online, past, request))


def features(home: Settings, online: OnlineFeatures, page: int, page_size: int) -> list[dict[str, object]]:
    reply = table(home, online, TableRequest(page=page, page_size=page_size))
    assert (reply.total, reply.page, reply.page_size) == (61, page, page_size)
    return list(reply.items)


def test_features_have_a_row_a_book_with_all_columns_in_order(home: Settings, online: OnlineFeatures) -> None:
    items = features(home, online, page=2, page_size=10)
    assert [item["book_id"] for item in items] == list(range(11, 21))
    numbers_and_texts = [*schema.VIEWS[schema.DETAILS_VIEW], *schema.VIEWS[schema.PRICE_VIEW]]
    assert list(items[0]) == ["book_id", *numbers_and_texts]
    assert items[0]["title"] == "Book number 11"


def test_a_book_that_is_not_published_yet_has_nulls(home: Settings, online: OnlineFeatures) -> None:
    [last] = features(home, online, page=7, page_size=10)
    assert (last["book_id"], last["title"]) == (61, None)


def test_a_page_behind_the_last_is_empty(home: Settings, online: OnlineFeatures) -> None:
    assert features(home, online, page=8, page_size=10) == []


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path, online: OnlineFeatures) -> None:
    (tmp_path / "catalogue.db").write_bytes(
        b"this is no database, but it is long enough to look like one" * 50
    )
    broken = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/catalogue.db")
    with pytest.raises(ModelUnavailable, match="the catalogue cannot be read"):
        table(broken, online, TableRequest())


def test_a_training_set_comes_in_pages_without_vectors_and_as_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "training_set.parquet"
    pd.DataFrame(
        {
            "book_id": range(25),
            "stock": [np.nan, *range(24)],
            "event_timestamp": datetime(2025, 3, 1, tzinfo=UTC),
            "embedding": list(np.eye(25, dtype=np.float32)),
        },
        index=range(100, 125),
    ).to_parquet(path)
    reply = training_table(path, TableRequest(page=1, page_size=10))
    assert (reply.total, reply.pages, len(reply.items)) == (25, 3, 10)
    first = json.loads(reply.model_dump_json())["items"][0]
    assert first == {"book_id": 0, "stock": None, "event_timestamp": "2025-03-01T00:00:00Z"}
    assert len(training_table(path, TableRequest(page=3, page_size=10)).items) == 5
    assert training_table(path, TableRequest(page=4, page_size=10)).items == ()


def test_of_a_source_come_only_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "training_set.parquet"
    rows = pd.DataFrame({"book_id": range(6), "source": ["shop", "list"] * 3})
    rows.to_parquet(path)
    reply = training_table(path, TableRequest(source="list", page_size=2))
    assert (reply.total, [row["book_id"] for row in reply.items]) == (3, [1, 3])
    assert training_table(path, TableRequest(source="another")).total == 0
    rows.drop(columns="source").to_parquet(path)
    with pytest.raises(NotFound, match="not told apart by source"):
        training_table(path, TableRequest(source="list"))


def test_the_features_of_one_source_are_those_of_its_books(home: Settings, online: OnlineFeatures) -> None:
    assert table(home, online, TableRequest(source="https://shop.example/", page_size=1)).total == 61
    assert table(home, online, TableRequest(source="elsewhere")).items == ()


def test_what_is_to_come_and_what_has_no_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="must not lie in the future"):
        TableRequest(as_of=datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(ValidationError, match="timezone"):
        TableRequest(as_of=datetime(2025, 3, 1))
