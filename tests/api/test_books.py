"""Books by page, by id, by search, by rating and by price."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import now

BOOKS = 45


def test_books_come_page_by_page_in_the_order_of_their_ids(client: Any) -> None:
    first = client.get("/api/v1/books").json
    assert {name: first[name] for name in first if name != "items"} == {
        "page": 1,
        "page_size": 20,
        "total": BOOKS,
        "pages": 3,
    }
    assert [book["id"] for book in first["items"]] == list(range(1, 21))
    last = client.get("/api/v1/books?page=3&page_size=20").json
    assert [book["id"] for book in last["items"]] == list(range(41, 46))


def test_a_page_after_the_last_is_empty_and_no_error(client: Any) -> None:
    reply = client.get("/api/v1/books?page=1000000&page_size=100")
    assert (reply.status_code, reply.json["items"], reply.json["total"]) == (200, [], BOOKS)


def test_a_book_has_every_field_as_the_catalogue_has_it(client: Any) -> None:
    assert client.get("/api/v1/books/1").json == {
        "id": 1,
        "source": "https://shop.test/",
        "upc": "upc-1",
        "isbn": None,
        "key": None,
        "title": "A Light in the Attic",
        "author": None,
        "publisher": None,
        "year": None,
        "binding": None,
        "language": None,
        "price": 10.0,
        "currency": "GBP",
        "rating": 1,
        "reviews": None,
        "availability": "In stock",
        "stock": 1,
        "category": "Poetry",
        "image": "https://shop.test/1.jpg",
        "thumbnail": "https://shop.test/1-small.jpg",
        "description": "It is book 1… ...more",
        "url": "https://shop.test/1",
        "genre": None,
    }


def test_what_a_source_tells_of_a_book_is_told_and_what_it_does_not_is_null(
    make_app: Callable[..., Any], tmp_path: Path
) -> None:
    app = make_app(tmp_path, books=0)
    full = Book(
        isbn="9780306406157",
        title="All Told",
        price=Decimal("7.50"),
        currency="EUR",
        rating=4.5,
        author="A. Writer",
        publisher="A House",
        year=1999,
        binding="paperback",
        language="fr",
        reviews=12,
        genre="Sea stories",
        availability="Out of stock",
    )
    bare = Book(key="row 7", title="Nothing Told", price=Decimal("0.00"))
    app.extensions["bookshelf"].catalogue.publish([full, bare], "paris", now())
    [told, untold] = app.test_client().get("/api/v1/books").json["items"]
    assert (
        told.items()
        >= {
            "source": "paris",
            "upc": None,
            "isbn": "9780306406157",
            "price": 7.5,
            "currency": "EUR",
            "rating": 4.5,
            "author": "A. Writer",
            "publisher": "A House",
            "year": 1999,
            "binding": "paperback",
            "language": "fr",
            "reviews": 12,
            "genre": "Sea stories",
            "availability": "Out of stock",
            "stock": None,
        }.items()
    )
    texts = {"category", "image", "description", "url"}
    given = {"id", "source", "key", "title", "price", "currency"}
    assert {name for name, value in untold.items() if value is None} == set(untold) - texts - given
    assert {untold[name] for name in texts} == {""}


def test_a_whole_rating_is_an_integer_in_the_json(client: Any) -> None:
    assert '"rating":1,' in client.get("/api/v1/books/1").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("title=light in", [1]),
        ("title=LIGHT", [1]),
        ("title=book 4 ", [4]),
        ("title=100%25 w&page_size=1", [2]),
        ("title=100_", []),
        ("category=poe&page_size=2", [1, 2]),
        ("category=fiction&title=Book 20", [20]),
        ("title=&category=&page_size=1", [1]),
        ("title=日本", []),
    ],
)
def test_a_search_matches_parts_of_title_and_category_whatever_the_case(
    client: Any, query: str, expected: list[int]
) -> None:
    reply = client.get(f"/api/v1/books/search?{query}")
    assert [book["id"] for book in reply.json["items"]] == expected


def test_the_best_rated_come_first_with_ties_by_id(client: Any) -> None:
    best = client.get("/api/v1/books/top-rated?limit=10").json
    assert [(book["rating"], book["id"]) for book in best["items"]] == [
        *((5, number) for number in range(5, 46, 5)),
        (4, 4),
    ]
    assert (best["page"], best["page_size"], best["total"], best["pages"]) == (1, 10, BOOKS, 5)
    second = client.get("/api/v1/books/top-rated?page=2&page_size=9").json
    assert {book["rating"] for book in second["items"]} == {4}


def test_a_price_range_includes_both_its_ends_and_starts_with_the_cheapest(client: Any) -> None:
    found = client.get("/api/v1/books/price-range?min=11.01&max=13.03").json
    assert [book["price"] for book in found["items"]] == [11.01, 12.02, 13.03]


def test_either_end_of_a_price_range_may_be_open(client: Any) -> None:
    assert client.get("/api/v1/books/price-range?min=53").json["total"] == 2
    assert client.get("/api/v1/books/price-range?max=10").json["total"] == 1
    assert client.get("/api/v1/books/price-range").json["pages"] == math.ceil(BOOKS / 20)


def test_head_answers_as_get_does_without_the_body(client: Any) -> None:
    reply = client.head("/api/v1/books/1")
    assert (reply.status_code, reply.data) == (200, b"")
    assert client.head("/api/v1/books/abc").status_code == 422


def test_options_say_what_is_allowed(client: Any) -> None:
    reply = client.options("/api/v1/books")
    assert reply.status_code == 200
    assert {"GET", "HEAD", "OPTIONS"} == {verb.strip() for verb in reply.headers["Allow"].split(",")}
