"""Snapshots and the history they leave: what changed, when, and what the catalogue said at any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.changes import Changes
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.publication import STAND_IN
from bookshelf.snapshots import Failure

MakeBook = Callable[..., Book]
SHOP = "https://shop.test/"
MONDAY = datetime(2024, 5, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def said(catalogue: Catalogue, as_of: datetime | None = None) -> dict[str, str]:
    """Price of each book by UPC."""
    return {one.book.upc: str(one.book.price) for one in catalogue.all_books(BookFilter(as_of=as_of))}


def test_only_what_changed_gets_a_version(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b"), a_book(upc="c")], SHOP, MONDAY)
    second = catalogue.publish(
        [a_book(upc="a"), a_book(upc="b", price=Decimal("9.99")), a_book(upc="d")], SHOP, MONDAY + DAY
    )
    assert (second.added, second.changed, second.removed, second.books) == (1, 1, 1, 3)
    assert [len(catalogue.history(book_id)) for book_id in (1, 2, 3, 4)] == [1, 2, 1, 1]


def test_the_same_books_again_are_no_change(catalogue: Catalogue, a_book: MakeBook) -> None:
    first = catalogue.publish(
        [a_book(upc="a", rating=4.5), a_book(upc="b", stock=None, availability="")], SHOP, MONDAY
    )
    again = catalogue.publish(list(reversed([one.book for one in catalogue.all_books()])), SHOP, MONDAY + DAY)
    assert (again.added, again.changed, again.removed, again.books) == (0, 0, 0, 2)
    assert again.id != first.id
    assert all(len(catalogue.history(book_id)) == 1 for book_id in (1, 2))


def test_every_moment_since_the_first_crawl_is_remembered(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a", price=Decimal("1.00"))], SHOP, MONDAY)
    catalogue.publish([a_book(upc="a", price=Decimal("2.00")), a_book(upc="b")], SHOP, MONDAY + DAY)
    catalogue.publish([a_book(upc="b")], SHOP, MONDAY + 2 * DAY)
    instant = timedelta(microseconds=1)
    assert said(catalogue, MONDAY - instant) == {}
    assert said(catalogue, MONDAY) == {"a": "1.00"}
    assert said(catalogue, MONDAY + DAY - instant) == {"a": "1.00"}
    assert said(catalogue, MONDAY + DAY) == {"a": "2.00", "b": "51.77"}
    assert said(catalogue, MONDAY + 2 * DAY) == said(catalogue) == {"b": "51.77"}


def test_a_book_that_left_and_came_back_has_a_gap_in_its_history(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    for day, offered in enumerate((["a", "b"], ["b"], ["a", "b"])):
        catalogue.publish([a_book(upc=upc) for upc in offered], SHOP, MONDAY + day * DAY)
    first, second = catalogue.history(1)
    assert (first.valid_from, first.valid_to) == (MONDAY, MONDAY + DAY)
    assert (second.valid_from, second.valid_to) == (MONDAY + 2 * DAY, None)
    assert first.book == second.book
    with pytest.raises(NotFound, match="on offer at 2024-05-07T12:00:00"):
        catalogue.book(1, as_of=MONDAY + DAY)
    assert catalogue.book(1, as_of=MONDAY + 2 * DAY).book.upc == "a"


def test_statistics_and_pages_are_of_the_moment_too(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a", category="Travel", price=Decimal("10.00"))], SHOP, MONDAY)
    catalogue.publish([a_book(upc="a", category="Art", price=Decimal("20.00"))], SHOP, MONDAY + DAY)
    then = BookFilter(as_of=MONDAY)
    assert [one.name for one in catalogue.categories(then)] == ["Travel"]
    assert catalogue.overview(then).average_price == 10.0
    found, total = catalogue.page(BookFilter(as_of=MONDAY, category="trav"), number=1, size=5)
    assert (total, found[0].book.category) == (1, "Travel")
    assert catalogue.page(BookFilter(category="trav"), number=1, size=5) == ([], 0)


def test_a_publication_within_the_clock_s_own_moment_comes_after_the_last(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    first = catalogue.publish([a_book(price=Decimal("1.00"))], SHOP, MONDAY)
    second = catalogue.publish([a_book(price=Decimal("2.00"))], SHOP, MONDAY - DAY)  # the clock was put back
    assert first.published_at is not None
    assert second.published_at is not None
    assert second.published_at > first.published_at
    assert (first.revision, second.revision) == (1, 2)
    assert said(catalogue, first.published_at) == {"a897fe39b1053632": "1.00"}


def test_sources_live_side_by_side(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b")], SHOP, MONDAY)
    second = catalogue.publish([a_book(upc="a", title="Another Shop's")], "other.csv", MONDAY + DAY)
    assert (second.added, second.removed) == (1, 0)
    assert [(one.id, one.source, one.book.upc) for one in catalogue.all_books()] == [
        (1, SHOP, "a"),
        (2, SHOP, "b"),
        (3, "other.csv", "a"),
    ]
    assert catalogue.sources() == [SHOP, "other.csv"]
    assert catalogue.overview(BookFilter(source="other.csv")).total_books == 1
    catalogue.publish([a_book(upc="b")], SHOP, MONDAY + 2 * DAY)
    assert [one.id for one in catalogue.all_books()] == [2, 3]
    latest = catalogue.snapshot(source="other.csv")
    assert latest is not None
    assert latest.id == second.id


def test_invented_books_leave_with_the_first_real_source(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b")], STAND_IN, MONDAY)
    real = catalogue.publish([a_book(upc="a")], SHOP, MONDAY + DAY)
    assert (real.added, real.removed, real.books) == (1, 2, 1)
    assert catalogue.sources() == [SHOP]
    assert len(catalogue.history(1)) == 1


def test_what_is_staged_is_seen_by_nobody(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a")], SHOP, MONDAY)
    snapshot_id = catalogue.snapshots.begin(SHOP, MONDAY + DAY)
    catalogue.snapshots.stage(snapshot_id, [(0, a_book(upc="b"))])
    assert said(catalogue) == {"a": "51.77"}
    assert catalogue.snapshots.page(number=1, size=10)[1] == 1
    catalogue.snapshots.publish(snapshot_id, MONDAY + DAY)
    assert said(catalogue) == {"b": "51.77"}


def test_a_known_book_whose_page_failed_stays_and_one_that_is_gone_leaves(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    books = [a_book(upc=upc) for upc in ("a", "b", "c")]
    catalogue.publish(books, SHOP, MONDAY)
    snapshot_id = catalogue.snapshots.begin(SHOP, MONDAY + DAY)
    failures = [
        Failure(1, books[1].url, "cannot read price"),
        Failure(2, books[2].url, "404 Not Found", gone=True),
        Failure(3, "https://shop.test/new/index.html", "cannot read price"),
    ]
    catalogue.snapshots.stage(snapshot_id, [(0, books[0])], failures)
    published = catalogue.snapshots.publish(snapshot_id, MONDAY + DAY)
    assert (published.added, published.changed, published.removed) == (0, 0, 1)
    assert said(catalogue) == {"a": "51.77", "b": "51.77"}


def test_of_an_identity_that_occurs_twice_the_first_counts_once_released(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    snapshot_id = catalogue.snapshots.begin(SHOP, MONDAY)
    twice = [(0, a_book(title="First")), (1, a_book(title="Second"))]
    catalogue.snapshots.stage(snapshot_id, twice)
    catalogue.snapshots.quarantine(snapshot_id, {"findings": []}, MONDAY)
    assert catalogue.snapshots.publish(snapshot_id, MONDAY + DAY).books == 1
    assert catalogue.book(1).book.title == "First"


def test_a_quarantined_snapshot_is_listed_and_not_seen_until_it_is_released(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    catalogue.publish([a_book(upc="a")], SHOP, MONDAY)
    snapshot_id = catalogue.snapshots.begin(SHOP, MONDAY + DAY)
    catalogue.snapshots.stage(snapshot_id, [(0, a_book(upc="b"))])
    kept = catalogue.snapshots.quarantine(snapshot_id, {"findings": ["too few"]}, MONDAY + DAY)
    assert (kept.status, kept.books, kept.revision, kept.report) == (
        "quarantined",
        1,
        None,
        {"findings": ["too few"]},
    )
    assert said(catalogue) == {"a": "51.77"}
    released = catalogue.snapshots.publish(snapshot_id, MONDAY + 2 * DAY)
    assert (released.taken_at, released.published_at) == (MONDAY + DAY, MONDAY + 2 * DAY)
    assert said(catalogue, MONDAY + DAY) == {"a": "51.77"}
    assert said(catalogue) == {"b": "51.77"}


def test_an_older_snapshot_is_not_published_over_a_newer(catalogue: Catalogue, a_book: MakeBook) -> None:
    snapshot_id = catalogue.snapshots.begin(SHOP, MONDAY)
    catalogue.snapshots.stage(snapshot_id, [(0, a_book(upc="old"))])
    catalogue.snapshots.quarantine(snapshot_id, {}, MONDAY)
    catalogue.publish([a_book(upc="new")], SHOP, MONDAY + DAY)
    with pytest.raises(BookshelfError, match=r"snapshot 2 of https://shop\.test/ is newer than snapshot 1"):
        catalogue.snapshots.publish(snapshot_id, MONDAY + 2 * DAY)
    assert said(catalogue) == {"new": "51.77"}


def test_a_snapshot_is_published_once(catalogue: Catalogue, a_book: MakeBook) -> None:
    snapshot = catalogue.publish([a_book()], SHOP, MONDAY)
    with pytest.raises(BookshelfError, match="is published"):
        catalogue.snapshots.publish(snapshot.id, MONDAY + DAY)
    catalogue.snapshots.discard(snapshot.id)
    assert catalogue.snapshots.get(snapshot.id).status == "published"


def test_changes_tell_old_and_new_values(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b"), a_book(upc="c")], SHOP, MONDAY)
    second = catalogue.publish(
        [a_book(upc="a", price=Decimal("9.99"), stock=3), a_book(upc="b"), a_book(upc="d")],
        SHOP,
        MONDAY + DAY,
    )
    changes = Changes(catalogue.engine, second.id)
    found, total = changes.page(number=1, size=10)
    assert total == 3
    assert [(one.book_id, one.kind) for one in found] == [(1, "changed"), (3, "removed"), (4, "added")]
    assert found[0].fields == {"price": (Decimal("51.77"), Decimal("9.99")), "stock": (22, 3)}
    assert found[1].fields == found[2].fields == {}
    assert changes.page(number=2, size=2)[0] == found[2:]
    for kind, book_id in (("changed", 1), ("removed", 3), ("added", 4)):
        part, number = changes.page(number=1, size=10, kind=kind)  # type: ignore[arg-type]
        assert ([one.book_id for one in part], number) == ([book_id], 1)
    assert list(changes.stream()) == found
    with pytest.raises(NotFound):
        Changes(catalogue.engine, 99)


def test_the_optional_fields_of_other_shops_come_back(catalogue: Catalogue) -> None:
    book = Book(
        title="Emma",
        price=Decimal("7.50"),
        isbn="9780141439587",
        currency="EUR",
        author="Jane Austen",
        publisher="Penguin",
        year=1815,
        binding="Paperback",
        language="en",
        reviews=12,
        genre="Sea stories",
        rating=4.3,
    )
    catalogue.publish([book], "own.csv", MONDAY)
    assert catalogue.book(1).book == book


def test_a_long_stream_is_of_one_moment(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc=f"{n:04}", price=Decimal("1.00")) for n in range(1500)], SHOP, MONDAY)
    streamed = catalogue.stream_books()
    seen = [str(next(streamed).book.price)]
    catalogue.publish([a_book(upc=f"{n:04}", price=Decimal("2.00")) for n in range(1500)], SHOP, MONDAY + DAY)
    seen += [str(one.book.price) for one in streamed]
    assert seen == ["1.00"] * 1500
