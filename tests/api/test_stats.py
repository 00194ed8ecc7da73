"""Categories and statistics, of a full catalogue and of an empty one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_categories_say_how_many_books_they_hold(client: Any) -> None:
    assert client.get("/api/v1/categories").json == {
        "items": [{"name": "Poetry", "books": 15}, {"name": "Science Fiction", "books": 30}]
    }


def test_the_overview_counts_every_rating(client: Any) -> None:
    assert client.get("/api/v1/stats/overview").json == {
        "total_books": 45,
        "average_price": pytest.approx(32.22),
        "average_rating": 3.0,
        "rating_distribution": {"1": 9, "2": 9, "3": 9, "4": 9, "5": 9},
        "currency": "GBP",
    }


def test_category_statistics_cover_prices_ratings_and_stock(client: Any) -> None:
    [poetry, _] = client.get("/api/v1/stats/categories").json["items"]
    assert poetry == {
        "name": "Poetry",
        "books": 15,
        "average_price": 17.07,
        "min_price": 10.0,
        "max_price": 24.14,
        "average_rating": 3.0,
        "in_stock": 14,
        "currency": "GBP",
    }


def test_an_empty_catalogue_has_no_averages_and_is_no_error(
    make_app: Callable[..., Any], tmp_path: Path
) -> None:
    client = make_app(tmp_path, books=0).test_client()
    assert client.get("/api/v1/stats/overview").json == {
        "total_books": 0,
        "average_price": None,
        "average_rating": None,
        "rating_distribution": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
        "currency": None,
    }
    assert client.get("/api/v1/stats/categories").json == {"items": []}
    assert client.get("/api/v1/categories").json == {"items": []}
    assert client.get("/api/v1/books").json == {
        "items": [],
        "page": 1,
        "page_size": 20,
        "total": 0,
        "pages": 0,
    }
