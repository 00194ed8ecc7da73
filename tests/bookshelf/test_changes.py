"""What a snapshot changed: by page and as a stream, by kind, with old and new values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bookshelf import changes as module
from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.changes import Changes
from bookshelf.errors import NotFound

MakeBook = Callable[..., Book]

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SHOP = "https://shop.test/"


@pytest.fixture
def changes(catalogue: Catalogue, a_book: MakeBook) -> Changes:
    """Of the second snapshot: books 1 to 5 have another price, 6 has left, 7 is as it was, 8 is new."""
    first = [a_book(upc=str(number)) for number in range(1, 8)]
    dearer = [a_book(upc=str(number), price=Decimal("60.00")) for number in range(1, 6)]
    catalogue.publish(first, SHOP, NOON)
    second = catalogue.publish([*dearer, first[6], a_book(upc="8")], SHOP, NOON + timedelta(days=1))
    return Changes(catalogue.engine, second.id)


def test_every_change_is_streamed_whatever_the_size_of_its_parts(
    changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(changes.stream())
    assert [(change.book_id, change.kind) for change in whole] == [
        *((number, "changed") for number in range(1, 6)),
        (6, "removed"),
        (8, "added"),
    ]
    for size in (1, 2, 7):
        monkeypatch.setattr(module, "_PART", size)
        assert list(changes.stream()) == whole


@pytest.mark.parametrize(("kind", "ids"), [("added", [8]), ("removed", [6]), ("changed", [1, 2, 3, 4, 5])])
def test_one_kind_of_change_comes_alone(changes: Changes, kind: module.Kind, ids: list[int]) -> None:
    assert [change.book_id for change in changes.stream(kind)] == ids
    paged, total = changes.page(number=1, size=2, kind=kind)
    assert ([change.book_id for change in paged], total) == (ids[:2], len(ids))


def test_only_what_differs_is_told(changes: Changes) -> None:
    first, *_ = changes.stream("changed")
    assert first.fields == {"price": (Decimal("51.77"), Decimal("60.00"))}


def test_the_changes_of_no_snapshot_are_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound):
        Changes(catalogue.engine, 9)
