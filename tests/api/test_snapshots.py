"""Snapshots, newest first; why one was refused; and what each changed, by page and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue

Refused = Callable[[Any, int], list[str]]

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SHOP = "https://shop.test/"
REPORT = {"findings": [{"check": "count", "expected": "at least 4", "found": "1", "examples": ["upc-1"]}]}


def a_book(number: int, **facts: Any) -> Book:
    usual: dict[str, Any] = {
        "upc": f"upc-{number}",
        "title": f"Book {number}",
        "price": Decimal("10.00"),
        "rating": 3,
    }
    return Book(**(usual | facts))


@dataclass(frozen=True)
class Shop:
    """1: three books. 2: book 1 changed, 2 left, 4 new. 3: another source. 4: in quarantine. 5: given up."""

    client: Any
    catalogue: Catalogue


@pytest.fixture(scope="module")
def shop(
    make_app: Callable[..., Flask], tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> Shop:
    home = tmp_path_factory.mktemp("snapshots")
    app = make_app(home, books=0, BOOKSHELF_DATABASE_URL=module_database_url)
    catalogue: Catalogue = app.extensions["bookshelf"].catalogue
    first = [a_book(number) for number in (1, 2, 3)]
    changed = replace(first[0], price=Decimal("9.50"), rating=4.5, author='=HYPERLINK("x")', stock=0)
    catalogue.publish(first, SHOP, NOON)
    catalogue.publish([changed, first[2], a_book(4, title='+Four, "new"')], SHOP, NOON + timedelta(days=1))
    catalogue.publish([a_book(9)], "import", NOON + timedelta(days=2))
    quarantined = catalogue.snapshots.begin(SHOP, NOON + timedelta(days=3))
    catalogue.snapshots.stage(quarantined, [(0, first[0])])
    catalogue.snapshots.quarantine(quarantined, REPORT, NOON + timedelta(days=3))
    catalogue.snapshots.discard(catalogue.snapshots.begin(SHOP, NOON + timedelta(days=4)))
    return Shop(app.test_client(), catalogue)


def test_snapshots_come_newest_first_page_by_page(shop: Shop) -> None:
    found = shop.client.get("/api/v1/snapshots?page_size=3").json
    assert [(each["id"], each["status"]) for each in found["items"]] == [
        (4, "quarantined"),
        (3, "published"),
        (2, "published"),
    ]
    assert (found["total"], found["pages"]) == (4, 2)
    [last] = shop.client.get("/api/v1/snapshots?page_size=3&page=2").json["items"]
    assert last == {
        "id": 1,
        "source": SHOP,
        "status": "published",
        "started_at": "2024-05-01T12:00:00Z",
        "taken_at": "2024-05-01T12:00:00Z",
        "published_at": "2024-05-01T12:00:00Z",
        "revision": 1,
        "books": 3,
        "added": 3,
        "changed": 0,
        "removed": 0,
        "features_published_at": None,
    }


def test_snapshots_of_one_source_come_alone(shop: Shop) -> None:
    found = shop.client.get("/api/v1/snapshots?source=import").json
    assert ([each["id"] for each in found["items"]], found["total"]) == ([3], 1)


def test_a_snapshot_in_quarantine_says_why(shop: Shop) -> None:
    found = shop.client.get("/api/v1/snapshots/4").json
    assert (found["status"], found["books"], found["published_at"]) == ("quarantined", 1, None)
    assert found["report"] == REPORT
    assert shop.client.get("/api/v1/snapshots/1").json["report"] is None


def test_changes_are_added_removed_and_changed_with_old_and_new_values(shop: Shop) -> None:
    found = shop.client.get("/api/v1/snapshots/2/changes").json
    assert found["items"] == [
        {
            "book_id": 1,
            "kind": "changed",
            "title": "Book 1",
            "changes": {
                "price": {"old": 10.0, "new": 9.5},
                "rating": {"old": 3, "new": 4.5},
                "stock": {"old": None, "new": 0},
                "author": {"old": None, "new": '=HYPERLINK("x")'},
            },
        },
        {"book_id": 2, "kind": "removed", "title": "Book 2", "changes": {}},
        {"book_id": 4, "kind": "added", "title": '+Four, "new"', "changes": {}},
    ]
    assert (found["total"], found["pages"]) == (3, 1)


@pytest.mark.parametrize(("kind", "ids"), [("added", [4]), ("removed", [2]), ("changed", [1])])
def test_changes_of_one_kind_come_alone(shop: Shop, kind: str, ids: list[int]) -> None:
    found = shop.client.get(f"/api/v1/snapshots/2/changes?kind={kind}").json
    assert ([each["book_id"] for each in found["items"]], found["total"]) == (ids, 1)
    rows = list(
        csv.DictReader(StringIO(shop.client.get(f"/api/v1/snapshots/2/changes?kind={kind}&format=csv").text))
    )
    assert {int(row["book_id"]) for row in rows} == set(ids)


def test_changes_come_page_by_page(shop: Shop) -> None:
    second = shop.client.get("/api/v1/snapshots/1/changes?page=2&page_size=2").json
    assert ([each["book_id"] for each in second["items"]], second["total"]) == ([3], 3)


ROWS = [
    {"book_id": "1", "kind": "changed", "field": "price", "old": "10.00", "new": "9.50"},
    {"book_id": "1", "kind": "changed", "field": "rating", "old": "3", "new": "4.5"},
    {"book_id": "1", "kind": "changed", "field": "stock", "old": "", "new": "0"},
    {"book_id": "1", "kind": "changed", "field": "author", "old": "", "new": '\'=HYPERLINK("x")'},
    {"book_id": "2", "kind": "removed", "field": "title", "old": "Book 2", "new": ""},
    {"book_id": "4", "kind": "added", "field": "title", "old": "", "new": '\'+Four, "new"'},
]


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        ("?format=csv", None),
        ("?format=csv", "application/json"),
        ("", "text/csv"),
        ("", "text/csv, */*;q=0.1"),
    ],
)
def test_changes_come_as_csv_a_row_for_each_field_without_formulas(
    shop: Shop, query: str, accept: str | None
) -> None:
    headers = {"Accept": accept} if accept else {}
    reply = shop.client.get(f"/api/v1/snapshots/2/changes{query}", headers=headers)
    assert (reply.status_code, reply.content_type) == (200, "text/csv; charset=utf-8")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="snapshot-2-changes.csv"'
    assert reply.headers["Vary"] == "Accept"
    assert sorted(csv.DictReader(StringIO(reply.text)), key=str) == sorted(ROWS, key=str)


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "text/html", "rubbish;;;", "text/csv;q=0.1, */*"]
)
def test_json_is_what_comes_unless_csv_is_preferred(shop: Shop, accept: str) -> None:
    reply = shop.client.get("/api/v1/snapshots/2/changes", headers={"Accept": accept})
    assert reply.content_type == "application/json"
    over = shop.client.get("/api/v1/snapshots/2/changes?format=json", headers={"Accept": "text/csv"})
    assert over.content_type == "application/json"


def test_a_large_change_is_streamed_whole(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(tmp_path, books=0)
    app.extensions["bookshelf"].catalogue.publish([a_book(number) for number in range(2_345)], SHOP, NOON)
    reply = app.test_client().get("/api/v1/snapshots/1/changes?format=csv", buffered=False)
    parts = list(reply.iter_encoded())
    assert len(parts) > 4
    assert len(b"".join(parts).splitlines()) == 2_346


def test_a_snapshot_that_changed_nothing_has_no_rows(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(tmp_path, books=0)
    for day in range(2):
        app.extensions["bookshelf"].catalogue.publish([a_book(1)], SHOP, NOON + timedelta(days=day))
    client: Any = app.test_client()
    assert client.get("/api/v1/snapshots/2/changes").json["total"] == 0
    assert client.get("/api/v1/snapshots/2/changes?format=csv").text == "book_id,kind,field,old,new\r\n"


@pytest.mark.parametrize("query", ["", "?format=csv"])
@pytest.mark.parametrize(("snapshot", "status"), [(4, "quarantined"), (5, "discarded")])
def test_what_was_not_published_changed_nothing_and_says_so(
    shop: Shop, refused: Refused, query: str, snapshot: int, status: str
) -> None:
    reply = shop.client.get(f"/api/v1/snapshots/{snapshot}/changes{query}")
    assert refused(reply, 409) == ["snapshot_id"]
    assert f"snapshot {snapshot} is {status}" in reply.json["detail"]


WRONG = {
    "/api/v1/snapshots/99": (404, ["snapshot_id"]),
    "/api/v1/snapshots/99/changes": (404, ["snapshot_id"]),
    "/api/v1/snapshots/99/changes?format=csv": (404, ["snapshot_id"]),
    "/api/v1/snapshots/latest": (422, ["snapshot_id"]),
    "/api/v1/snapshots/0/changes": (422, ["snapshot_id"]),
    f"/api/v1/snapshots/{2**31}": (422, ["snapshot_id"]),
    "/api/v1/snapshots?page_size=101": (422, ["page_size"]),
    "/api/v1/snapshots?source=": (422, ["source"]),
    "/api/v1/snapshots?as_of=2024-05-01T12:00:00Z": (422, ["as_of"]),
    "/api/v1/snapshots/2/changes?kind=moved": (422, ["kind"]),
    "/api/v1/snapshots/2/changes?format=xlsx": (422, ["format"]),
    "/api/v1/snapshots/2/changes?page_size=1001": (422, ["page_size"]),
    "/api/v1/snapshots/2/changes?format=csv&page=1&page_size=5": (422, ["page", "page_size"]),
}


@pytest.mark.parametrize("address", WRONG)
def test_what_is_wrong_is_named(shop: Shop, refused: Refused, address: str) -> None:
    status, fields = WRONG[address]
    assert refused(shop.client.get(address), status) == fields
