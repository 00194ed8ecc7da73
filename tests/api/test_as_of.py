"""Every read endpoint as of any moment, and of any source: what the catalogue said then, to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now

Refused = Callable[[Any, int], list[str]]

SHOP = "https://shop.test/"
FIRST_DAY = datetime(2024, 5, 1, 12, tzinfo=UTC)
ADDRESSES = (
    "/books",
    "/books?page=2&page_size=3",
    "/books/search?title=book",
    "/books/search?category=poetry",
    "/books/top-rated?limit=5",
    "/books/top-rated?page=2&page_size=2",
    "/books/price-range?min=10&max=20",
    "/categories",
    "/stats/overview",
    "/stats/categories",
    *(f"/books/{number}" for number in range(1, 10)),
)


def a_book(number: int, **facts: Any) -> Book:
    usual: dict[str, Any] = {"price": Decimal(10 + number), "rating": number % 5 + 1, "category": "Poetry"}
    return Book(**({"upc": f"upc-{number}", "title": f"Book {number}"} | usual | facts))


def days() -> list[tuple[str, list[Book]]]:
    """What was published day by day: prices move, a book leaves and comes back, another source joins."""
    first = [a_book(number) for number in range(1, 7)]
    dearer = [replace(book, price=book.price + 5) for book in first[:3]] + first[4:]
    back = [*dearer[:2], replace(dearer[2], title="Retitled", rating=5), *first[3:], a_book(7)]
    imported = [a_book(8, currency="EUR", category="Prose"), a_book(9, currency="EUR", rating=None)]
    return [
        (SHOP, first),
        (SHOP, dearer),
        ("import", imported),
        (SHOP, back),
        (SHOP, [replace(book, category="Verse") for book in back[1:]]),
    ]


@dataclass(frozen=True)
class Years:
    """An app with a past: `moments` of its states, and by moment what each address answered then."""

    client: Any
    moments: list[datetime]
    answers: list[dict[str, Any]]


def answers_of(client: Any, more: str = "") -> dict[str, Any]:
    found = {}
    for address in ADDRESSES:
        reply = client.get(f"/api/v1{address}{('&' if '?' in address else '?') + more if more else ''}")
        assert reply.status_code in (200, 404), reply.text
        found[address] = json.loads(reply.text) if reply.status_code == 200 else 404
    return found


@pytest.fixture(scope="module")
def years(
    make_app: Callable[..., Flask], tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> Years:
    app = make_app(tmp_path_factory.mktemp("years"), books=0, BOOKSHELF_DATABASE_URL=module_database_url)
    catalogue: Catalogue = app.extensions["bookshelf"].catalogue
    moments, answers = [], []
    for number, (source, books) in enumerate(days()):
        catalogue.publish(books, source, FIRST_DAY + timedelta(days=number))
        moments.append(FIRST_DAY + timedelta(days=number))
        answers.append(answers_of(app.test_client()))
    return Years(app.test_client(), moments, answers)


def test_as_of_any_moment_every_endpoint_answers_as_it_did_then(years: Years) -> None:
    assert len({json.dumps(answer, sort_keys=True) for answer in years.answers}) == len(days())
    for moment, then in zip(years.moments, years.answers, strict=True):
        last_instant = moment + timedelta(days=1, microseconds=-1)
        for asked in (moment, moment + timedelta(hours=5), last_instant):
            assert answers_of(years.client, f"as_of={quote(asked.isoformat())}") == then


def test_before_the_first_crawl_there_was_nothing(years: Years, refused: Refused) -> None:
    before = quote((FIRST_DAY - timedelta(microseconds=1)).isoformat())
    for moment in (before, "0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999-11:00"):
        assert years.client.get(f"/api/v1/books?as_of={moment}").json["total"] == 0
        assert years.client.get(f"/api/v1/categories?as_of={moment}").json == {"items": []}
        assert years.client.get(f"/api/v1/stats/overview?as_of={moment}").json["average_price"] is None
        assert refused(years.client.get(f"/api/v1/books/1?as_of={moment}"), 404) == ["book_id"]


SPELLINGS = (
    "2024-05-02T14:00:00%2B02:00",
    "2024-05-02T14:00:00+02:00",
    "2024-05-02T12:00:00Z",
    "2024-05-02t12:00:00z",
    "2024-05-02T12:00:00.000000Z",
    "2024-05-02T12:00:00.0000009Z",
    "2024-05-02T12:00:00-00:00",
    "2024-05-02T06:30:00-05:30",
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_moment_may_be_spelt_in_every_way_of_the_standard(years: Years, spelling: str) -> None:
    assert years.client.get(f"/api/v1/books?as_of={spelling}").json == years.answers[1]["/books"]
    instant_before = spelling.replace("05-02", "05-01")
    assert years.client.get(f"/api/v1/books?as_of={instant_before}").json == years.answers[0]["/books"]


RUBBISH = (
    "",
    "yesterday",
    "now",
    "1714567200",
    "2024-05-01",
    "2024-05-01T12:00:00",
    "2024-05-01 12:00:00Z",
    "2024-05-01T12:00Z",
    "2024-05-01T12:00:00+0200",
    "2024-05-01T12:00:00+02",
    "2024-05-01T25:00:00Z",
    "2024-02-30T12:00:00Z",
    "2024-05-01T12:00:00+99:00",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00%2B14:00",
    "٢٠٢٤-05-01T12:00:00Z",
    "2024-05-01T12:00:00Z%00",
    "2024-05-01T12:00:00Z%0A",
    "%202024-05-01T12:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "2024-05-01T12:00:00." + "9" * 500 + "Z",
)
EVERYWHERE = (*(address.split("?")[0] for address in ADDRESSES), "/ml/features", "/ml/training-data")


@pytest.mark.parametrize("rubbish", RUBBISH, ids=lambda text: text[:30])
def test_rubbish_for_a_moment_is_refused_by_name(years: Years, refused: Refused, rubbish: str) -> None:
    assert refused(years.client.get(f"/api/v1/books?as_of={rubbish}"), 422) == ["as_of"]


@pytest.mark.parametrize("address", sorted(set(EVERYWHERE)))
def test_the_future_is_refused_everywhere_and_a_fast_clock_is_not(
    years: Years, refused: Refused, model_server: Any, address: str
) -> None:
    future = quote((now() + timedelta(hours=1)).isoformat())
    reply = years.client.get(f"/api/v1{address}?as_of={future}")
    assert refused(reply, 422) == ["as_of"]
    assert "future" in reply.json["detail"]
    assert model_server.asked == []
    soon = quote((now() + timedelta(seconds=2)).isoformat())
    assert years.client.get(f"/api/v1{address}?as_of={soon}").status_code in (200, 404)


def test_a_source_has_its_own_books_categories_and_statistics(years: Years) -> None:
    imported = answers_of(years.client, "source=import")
    assert [book["id"] for book in imported["/books"]["items"]] == [7, 8]
    assert imported["/categories"] == {
        "items": [{"name": "Poetry", "books": 1}, {"name": "Prose", "books": 1}]
    }
    assert (imported["/stats/overview"]["total_books"], imported["/stats/overview"]["currency"]) == (2, "EUR")
    assert imported["/books/7"]["source"] == "import"
    assert imported["/books/2"] == 404
    both = years.client.get("/api/v1/stats/overview").json
    assert (both["currency"], both["average_price"]) == (None, None)


def test_a_source_is_asked_for_as_of_a_moment_too(years: Years) -> None:
    asked = f"source=import&as_of={quote(years.moments[1].isoformat())}"
    assert years.client.get(f"/api/v1/books?{asked}").json["total"] == 0
    asked = f"source=import&as_of={quote(years.moments[2].isoformat())}"
    assert years.client.get(f"/api/v1/books?{asked}").json["total"] == 2


def test_an_unknown_source_has_no_books(years: Years) -> None:
    assert years.client.get("/api/v1/books?source=nowhere").json["total"] == 0


def test_a_book_of_another_source_is_not_found_there(years: Years, refused: Refused) -> None:
    reply = years.client.get("/api/v1/books/2?source=import")
    assert refused(reply, 404) == ["source"]
    assert reply.json["detail"] == f"book 2 is of {SHOP}, not of import"


@pytest.mark.parametrize("source", ["", "%00", "x" * 501])
def test_a_source_that_cannot_be_one_is_refused(years: Years, refused: Refused, source: str) -> None:
    assert refused(years.client.get(f"/api/v1/books?source={source}"), 422) == ["source"]


def test_a_history_has_every_version_the_oldest_first(years: Years) -> None:
    versions = years.client.get("/api/v1/books/4/history").json["items"]
    told = [(v["price"], v["category"], v["valid_from"], v["valid_to"]) for v in versions]
    moment = [each.isoformat().replace("+00:00", "Z") for each in years.moments]
    assert told == [
        (14.0, "Poetry", moment[0], moment[1]),  # away from the second day to the fourth
        (14.0, "Poetry", moment[3], moment[4]),
        (14.0, "Verse", moment[4], None),
    ]
    assert [(v["from_snapshot"], v["to_snapshot"]) for v in versions] == [(1, 2), (4, 5), (5, None)]
    assert {v["id"] for v in versions} == {4}
    now_there = years.client.get("/api/v1/books/4").json
    assert now_there.items() <= versions[-1].items()


def test_a_book_that_left_is_a_404_that_says_when_and_where_its_history_is(
    years: Years, refused: Refused
) -> None:
    reply = years.client.get("/api/v1/books/1")
    assert refused(reply, 404) == ["book_id"]
    assert reply.json["detail"] == (
        f"book 1 left the shop at {years.moments[4].isoformat()}; its history is at /api/v1/books/1/history"
    )
    versions = years.client.get("/api/v1/books/1/history").json["items"]
    assert versions[-1]["valid_to"] is not None
    then = quote(years.moments[3].isoformat())
    assert years.client.get(f"/api/v1/books/1?as_of={then}").status_code == 200


def test_a_book_that_was_away_then_is_a_404_that_says_so(years: Years, refused: Refused) -> None:
    reply = years.client.get(f"/api/v1/books/4?as_of={quote(years.moments[1].isoformat())}")
    assert refused(reply, 404) == ["book_id"]
    assert reply.json["detail"].startswith(
        "book 4 was not on offer at 2024-05-02T12:00:00+00:00; its history"
    )


def test_an_id_that_was_never_given_has_neither_book_nor_history(years: Years, refused: Refused) -> None:
    for address in (
        "/api/v1/books/77",
        "/api/v1/books/77/history",
        "/api/v1/books/77?as_of=2024-05-01T00:00:00Z",
    ):
        reply = years.client.get(address)
        assert refused(reply, 404) == ["book_id"]
        assert reply.json["detail"] == "no book has the id 77"


def test_a_new_publish_is_seen_at_once(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(tmp_path, books=2)
    client: Any = app.test_client()
    assert client.get("/api/v1/stats/overview").json["total_books"] == 2
    app.extensions["bookshelf"].catalogue.publish([a_book(1)], SHOP, now())
    assert client.get("/api/v1/stats/overview").json["total_books"] == 1
    assert client.get("/api/v1/categories").json["items"] == [{"name": "Poetry", "books": 1}]
