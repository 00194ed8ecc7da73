"""Features by book id, from a real Feast online store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from serving.online import PRICE_FEATURES, TABLE_FEATURES, OnlineFeatures, of_book


def test_the_price_model_is_given_its_features_and_never_the_label() -> None:
    assert "book_details:category" in PRICE_FEATURES
    assert not [name for name in PRICE_FEATURES if name.startswith("book_price:")]


def test_a_table_has_every_feature_but_the_vectors() -> None:
    assert "book_price:price" in TABLE_FEATURES
    assert not [name for name in TABLE_FEATURES if "embedding" in name]


def test_a_known_book_has_its_values(online: OnlineFeatures) -> None:
    row = of_book(asyncio.run(online.rows([2], PRICE_FEATURES)), 2)
    assert (row["title"], row["category"], row["rating"]) == ("Book number 2", "Travel", 3)


def test_a_book_without_a_description_is_known(online: OnlineFeatures) -> None:
    assert of_book(asyncio.run(online.rows([1], PRICE_FEATURES)), 1)["description"] == ""


def test_unknown_books_are_left_out_of_many_and_are_an_error_alone(online: OnlineFeatures) -> None:
    rows = asyncio.run(online.rows([999_999, 3, 2, 3], PRICE_FEATURES))
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
