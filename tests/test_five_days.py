"""Five days of the real shop, crawled one after another: what the catalogue said then, it says for ever."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
import requests
from flask.testing import FlaskClient

from api.app import create_app
from bookshelf.catalogue import Catalogue, now
from bookshelf.runs import Runs
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Settings
from ingestion import commands
from tests.conftest import BOOKSTORE

pytestmark = pytest.mark.slow

DAYS = range(6)
#: The fields of the shop's own record that the API shows under the same name.
FIELDS = ("upc", "title", "price", "rating", "stock", "category", "description")


@dataclass(frozen=True)
class Day:
    """A revision of the shop: its own books, in its own order, and a moment at which we had read them."""

    revision: int
    books: list[Any]
    moment: datetime


@pytest.fixture(scope="module")
def bookstore() -> ModuleType:
    """The shop's own program, which knows what it offers on each day."""
    if not BOOKSTORE.exists():
        pytest.skip(f"the real books are not here: {BOOKSTORE} does not exist")
    spec = importlib.util.spec_from_file_location("bookstore", BOOKSTORE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bookstore"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def days(
    settings: Settings,
    database_url: str,
    bookstore: ModuleType,
    bookstore_url: str,
) -> Iterator[list[Day]]:
    """The shop crawled on each day."""
    catalogue, original, crawled = Catalogue.open(database_url), bookstore.load_books(1000), []
    try:
        for revision in DAYS:
            requests.post(f"{bookstore_url}_control", json={"revision": revision}, timeout=120)
            commands.scrape(catalogue, settings, bookstore_url)
            crawled.append(Day(revision, bookstore.at_revision(original, revision), now()))
        yield crawled
    finally:
        requests.post(f"{bookstore_url}_control", json={"revision": 0}, timeout=120)


@pytest.fixture
def client(settings: Settings, database_url: str) -> FlaskClient:
    draw_secrets(settings)
    return create_app(settings.model_copy(update={"database_url": database_url})).test_client()


def get(client: FlaskClient, path: str, **query: object) -> Any:
    told = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    reply = client.get(f"/api/v1{path}?{told}")
    assert reply.status_code == 200, reply.text
    return json.loads(reply.data)


def all_pages(client: FlaskClient, path: str, **query: object) -> list[dict[str, Any]]:
    first = get(client, path, page_size=100, **query)
    items = list(first["items"])
    for page in range(2, first["pages"] + 1):
        items += get(client, path, page_size=100, page=page, **query)["items"]
    assert len(items) == first["total"]
    return items


def record(book: Any) -> dict[str, Any]:
    return {field: getattr(book, field) for field in FIELDS}


def of_answer(item: dict[str, Any]) -> dict[str, Any]:
    return {field: item[field] for field in FIELDS}


def by_upc(books: list[Any]) -> dict[str, dict[str, Any]]:
    return {book.upc: record(book) for book in books}


def test_every_answer_of_every_day_is_what_the_shop_offered_then(
    client: FlaskClient, days: list[Day], settings: Settings, database_url: str
) -> None:
    ids: dict[str, int] = {}
    for day in days:
        as_of = day.moment.isoformat()
        items = all_pages(client, "/books", as_of=as_of)
        assert {item["upc"]: of_answer(item) for item in items} == by_upc(day.books)
        for item in items:  # ids never move
            assert ids.setdefault(item["upc"], item["id"]) == item["id"]
        check_lists(client, day, as_of)
        check_statistics(client, day, as_of)
    assert len(set(ids.values())) == len(ids)
    # Now is the last day.
    assert {one["upc"] for one in all_pages(client, "/books")} == {book.upc for book in days[-1].books}
    before = days[0].moment - timedelta(days=1)
    assert get(client, "/books", as_of=before.isoformat())["total"] == 0
    check_single_books(client, days, ids)
    check_changes(client, days, ids)
    runs, _ = Runs(Catalogue.open(database_url).engine).page(number=1, size=10)
    assert [run.counts["pages_parsed"] for run in runs[:-1]] != [0] * 5
    assert settings.export_csv.exists()


def check_lists(client: FlaskClient, day: Day, as_of: str) -> None:
    light = all_pages(client, "/books/search", title="light", as_of=as_of)
    assert {one["upc"] for one in light} == {book.upc for book in day.books if "light" in book.title.lower()}
    cheap = all_pages(client, "/books/price-range", min=10, max=15, as_of=as_of)
    assert [one["price"] for one in cheap] == sorted(
        book.price for book in day.books if 10 <= book.price <= 15
    )
    best = all_pages(client, "/books/top-rated", as_of=as_of)
    assert [one["rating"] for one in best] == sorted((book.rating for book in day.books), reverse=True)


def check_statistics(client: FlaskClient, day: Day, as_of: str) -> None:
    counted = Counter(book.category for book in day.books)
    categories = get(client, "/categories", as_of=as_of)["items"]
    assert {one["name"]: one["books"] for one in categories} == counted
    overview = get(client, "/stats/overview", as_of=as_of)
    assert overview["total_books"] == len(day.books)
    mean = sum(round(book.price * 100) for book in day.books) / len(day.books) / 100
    assert overview["average_price"] == pytest.approx(mean, abs=0.0051)
    ratings = Counter(str(book.rating) for book in day.books)
    assert overview["rating_distribution"] == {str(stars): ratings[str(stars)] for stars in range(1, 6)}
    for one in get(client, "/stats/categories", as_of=as_of)["items"]:
        prices = [book.price for book in day.books if book.category == one["name"]]
        assert (one["min_price"], one["max_price"]) == (min(prices), max(prices))
        in_stock = [book for book in day.books if book.category == one["name"] and book.stock]
        assert one["in_stock"] == len(in_stock)


def check_single_books(client: FlaskClient, days: list[Day], ids: dict[str, int]) -> None:
    """One book a day that changed, came or left, on every day."""
    for earlier, later in itertools.pairwise(days):
        before, after = by_upc(earlier.books), by_upc(later.books)
        told = [upc for upc in before.keys() | after.keys() if before.get(upc) != after.get(upc)]
        for upc in sorted(told)[:5]:
            for day in days:
                offered = by_upc(day.books).get(upc)
                path = f"/api/v1/books/{ids[upc]}?as_of={quote(day.moment.isoformat())}"
                reply = client.get(path)
                if offered is None:
                    assert reply.status_code == 404
                else:
                    assert of_answer(json.loads(reply.data)) == offered
            versions = get(client, f"/books/{ids[upc]}/history")["items"]
            states = [by_upc(day.books).get(upc) for day in days]
            distinct = [
                state for place, state in enumerate(states) if place == 0 or state != states[place - 1]
            ]
            assert [of_answer(one) for one in versions] == [state for state in distinct if state]


def check_changes(client: FlaskClient, days: list[Day], ids: dict[str, int]) -> None:
    snapshots = sorted(all_pages(client, "/snapshots"), key=lambda one: one["id"])
    assert len(snapshots) == len(days)
    for earlier, later, snapshot in zip(days, days[1:], snapshots[1:], strict=False):
        before, after = by_upc(earlier.books), by_upc(later.books)
        changes = all_pages(client, f"/snapshots/{snapshot['id']}/changes")
        assert {one["book_id"] for one in changes if one["kind"] == "added"} == {
            ids[upc] for upc in after.keys() - before.keys()
        }
        assert {one["book_id"] for one in changes if one["kind"] == "removed"} == {
            ids[upc] for upc in before.keys() - after.keys()
        }
        told = {
            one["book_id"]: {
                name: (values["old"], values["new"])
                for name, values in one["changes"].items()
                if name in FIELDS
            }
            for one in changes
            if one["kind"] == "changed"
        }
        assert told == {
            ids[upc]: {
                field: (before[upc][field], after[upc][field])
                for field in FIELDS
                if before[upc][field] != after[upc][field]
            }
            for upc in before.keys() & after.keys()
            if before[upc] != after[upc]
        }
        assert (snapshot["added"], snapshot["removed"], snapshot["changed"]) == (1, 1, len(told))
