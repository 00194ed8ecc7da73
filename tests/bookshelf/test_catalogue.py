"""The catalogue on SQLite and on PostgreSQL: whole snapshots, ids for ever, pages and statistics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue, CategoryStatistics, Order, Overview, now
from bookshelf.errors import BookshelfError, NotFound

MakeBook = Callable[..., Book]

SHOP = "https://shop.test/"
NOON = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
EVERYTHING = BookFilter()


def ids(catalogue: Catalogue) -> dict[str, int]:
    return {listed.book.upc: listed.id for listed in catalogue.all_books()}


def titles(catalogue: Catalogue, wanted: BookFilter = EVERYTHING, **order: str) -> list[str]:
    found, total = catalogue.page(wanted, number=1, size=100, **order)  # type: ignore[arg-type]
    assert total == len(found)
    return [listed.book.title for listed in found]


def test_an_empty_catalogue_says_so(catalogue: Catalogue) -> None:
    assert catalogue.snapshot() is None
    assert catalogue.all_books() == []
    assert catalogue.page(EVERYTHING, number=1, size=20) == ([], 0)
    assert catalogue.categories() == []
    assert catalogue.overview() == Overview(0, None, None, {1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, None)
    with pytest.raises(NotFound, match="no book has the id 1"):
        catalogue.book(1)


def test_a_book_comes_back_as_it_was_published(catalogue: Catalogue, a_book: MakeBook) -> None:
    book = a_book(title="Où “es-tu” – ? 100% _ \\ 中文", description="x" * 30_000, price=Decimal("0.07"))
    catalogue.publish([book], SHOP, NOON)
    assert catalogue.book(1).book == book
    assert [listed.book for listed in catalogue.all_books()] == [book]


@pytest.mark.parametrize("pounds", ["0.29", "1.13", "19.99", "51.77", "35070.35"])
def test_prices_keep_their_pence(catalogue: Catalogue, a_book: MakeBook, pounds: str) -> None:
    catalogue.publish([a_book(price=Decimal(pounds))], SHOP, NOON)
    assert catalogue.book(1).book.price == Decimal(pounds)


def test_ids_are_given_in_listing_order_from_one(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc=upc) for upc in ("c", "a", "b")], SHOP, NOON)
    assert ids(catalogue) == {"c": 1, "a": 2, "b": 3}


def test_a_book_keeps_its_id_wherever_it_moves_in_the_list(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b")], SHOP, NOON)
    catalogue.publish([a_book(upc="new"), a_book(upc="b"), a_book(upc="a", title="Retitled")], SHOP, NOON)
    assert ids(catalogue) == {"a": 1, "b": 2, "new": 3}
    assert catalogue.book(1).book.title == "Retitled"


def test_a_book_that_left_and_came_back_has_the_id_it_had(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc="a"), a_book(upc="b")], SHOP, NOON)
    catalogue.publish([a_book(upc="a")], SHOP, NOON)
    with pytest.raises(NotFound):
        catalogue.book(2)
    catalogue.publish([a_book(upc="c"), a_book(upc="a"), a_book(upc="b")], SHOP, NOON)
    assert ids(catalogue) == {"a": 1, "b": 2, "c": 3}


def test_the_snapshot_says_where_and_when_it_was_taken(catalogue: Catalogue, a_book: MakeBook) -> None:
    first = catalogue.publish([a_book(upc="a")], SHOP, NOON)
    second = catalogue.publish([a_book(upc="a"), a_book(upc="b")], "sample shop", NOON + timedelta(days=1))
    assert (first.id, second.id) == (1, 2)
    assert catalogue.snapshot() == second
    assert (second.source, second.taken_at, second.books) == ("sample shop", NOON + timedelta(days=1), 2)


def test_features_are_published_for_one_snapshot_and_not_for_the_next(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    first = catalogue.publish([a_book()], SHOP, NOON)
    catalogue.snapshots.mark_features_published(first.id, NOON + timedelta(minutes=1))
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at == NOON + timedelta(minutes=1)
    catalogue.publish([a_book()], SHOP, NOON)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is None


def test_a_crawl_with_a_upc_twice_changes_nothing(catalogue: Catalogue, a_book: MakeBook) -> None:
    before = catalogue.publish([a_book(upc="a")], SHOP, NOON)
    with pytest.raises(BookshelfError, match="upc b occurs twice"):
        catalogue.publish([a_book(upc="b"), a_book(upc="c"), a_book(upc="b")], SHOP, NOON)
    assert catalogue.snapshot() == before
    assert ids(catalogue) == {"a": 1}


def test_an_empty_crawl_changes_nothing(catalogue: Catalogue, a_book: MakeBook) -> None:
    before = catalogue.publish([a_book()], SHOP, NOON)
    with pytest.raises(BookshelfError, match="without a single book"):
        catalogue.publish([], SHOP, NOON)
    assert catalogue.snapshot() == before


def test_a_publication_that_breaks_midway_changes_nothing_not_even_ids(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    before = catalogue.publish([a_book(upc="a")], SHOP, NOON)
    broken = a_book(upc="c")
    object.__setattr__(broken, "title", None)  # no such book can be made; the database refuses it
    with pytest.raises(SQLAlchemyError):
        catalogue.publish([a_book(upc="b"), broken], SHOP, NOON)
    assert catalogue.snapshot() == before
    assert ids(catalogue) == {"a": 1}


def test_readers_see_one_whole_snapshot_while_another_is_published(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    sizes = {1: 50, 2: 80}
    offers = {n: [a_book(upc=f"{n}-{at}") for at in range(size)] for n, size in sizes.items()}
    catalogue.publish(offers[1], SHOP, NOON)
    reading, done = threading.Barrier(3), threading.Event()

    def read() -> set[int]:
        seen = {len(catalogue.all_books())}
        reading.wait(120)
        while not done.is_set():
            seen.add(len(catalogue.all_books()))
        return seen

    with ThreadPoolExecutor(2) as readers:
        seen = [readers.submit(read) for _ in range(2)]
        try:
            reading.wait(120)
            for n in (2, 1, 2, 1, 2):
                catalogue.publish(offers[n], SHOP, NOON)
        finally:
            done.set()
    assert set().union(*(future.result() for future in seen)) <= set(sizes.values())


def test_several_may_open_an_empty_database_at_once(bare_database_url: str) -> None:
    with ThreadPoolExecutor(6) as crowd:
        opened = list(crowd.map(lambda _: Catalogue.open(bare_database_url), range(6)))
    assert [catalogue.snapshot() for catalogue in opened] == [None] * 6
    for catalogue in opened:
        catalogue.engine.dispose()


def test_pages_follow_one_another_without_gap_or_repeat(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(upc=f"{n:02}") for n in range(45)], SHOP, NOON)
    pages = [catalogue.page(EVERYTHING, number=number, size=20) for number in (1, 2, 3, 4)]
    assert [len(found) for found, _ in pages] == [20, 20, 5, 0]
    assert {total for _, total in pages} == {45}
    assert [listed.id for found, _ in pages for listed in found] == list(range(1, 46))


def test_a_title_is_found_by_any_part_whatever_its_case(catalogue: Catalogue, a_book: MakeBook) -> None:
    names = ["A Light in the Attic", "Highlights", "Élan", "Dark"]
    catalogue.publish([a_book(upc=name, title=name) for name in names], SHOP, NOON)
    assert titles(catalogue, BookFilter(title="LIGHT")) == ["A Light in the Attic", "Highlights"]
    assert titles(catalogue, BookFilter(title="éLAN")) == ["Élan"]
    assert titles(catalogue, BookFilter(title="nothing of the kind")) == []


@pytest.mark.parametrize("sign", ["%", "_", "\\", "/", "'"])
def test_signs_that_databases_read_as_patterns_are_plain_text(
    catalogue: Catalogue, a_book: MakeBook, sign: str
) -> None:
    catalogue.publish([a_book(upc="a", title=f"50{sign} off"), a_book(upc="b", title="50x off")], SHOP, NOON)
    assert titles(catalogue, BookFilter(title=f"50{sign}")) == [f"50{sign} off"]


def test_conditions_hold_together(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish(
        [
            a_book(upc="a", title="Dark Sea", category="Fiction"),
            a_book(upc="b", title="Dark Sky", category="Poetry"),
            a_book(upc="c", title="Bright Sky", category="Science Fiction"),
        ],
        SHOP,
        NOON,
    )
    assert titles(catalogue, BookFilter(category="fiction")) == ["Dark Sea", "Bright Sky"]
    assert titles(catalogue, BookFilter(title="dark", category="fiction")) == ["Dark Sea"]


def test_a_price_range_holds_its_ends(catalogue: Catalogue, a_book: MakeBook) -> None:
    prices = ["9.99", "10.00", "19.99", "20.00", "20.01"]
    catalogue.publish([a_book(upc=p, title=p, price=Decimal(p)) for p in prices], SHOP, NOON)
    wanted = BookFilter(min_price=Decimal("10"), max_price=Decimal("20.00"))
    assert titles(catalogue, wanted, order="price") == ["10.00", "19.99", "20.00"]
    assert titles(catalogue, BookFilter(min_price=Decimal("20.005"))) == ["20.01"]
    assert titles(catalogue, BookFilter(max_price=Decimal("0"))) == []


def test_the_best_rated_come_first_and_ties_by_id(catalogue: Catalogue, a_book: MakeBook) -> None:
    stars = {"a": 3, "b": 5, "c": 3, "d": 5}
    catalogue.publish([a_book(upc=u, title=u, rating=r) for u, r in stars.items()], SHOP, NOON)
    assert titles(catalogue, order="rating") == ["b", "d", "a", "c"]


def test_the_cheapest_come_first_and_ties_by_id(catalogue: Catalogue, a_book: MakeBook) -> None:
    prices = {"a": "20.00", "b": "9.50", "c": "20.00", "d": "100.00"}
    catalogue.publish([a_book(upc=u, title=u, price=Decimal(p)) for u, p in prices.items()], SHOP, NOON)
    assert titles(catalogue, order="price") == ["b", "a", "c", "d"]


def test_categories_are_counted_by_name(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish(
        [
            a_book(upc="a", category="Travel", price=Decimal("10.00"), rating=5),
            a_book(upc="b", category="Art", price=Decimal("10.00"), rating=1),
            a_book(
                upc="c",
                category="Art",
                price=Decimal("20.01"),
                rating=2,
                availability="Out of stock",
                stock=0,
            ),
        ],
        SHOP,
        NOON,
    )
    assert catalogue.categories() == [
        CategoryStatistics("Art", 2, 15.01, 10.0, 20.01, 1.5, 1, "GBP"),
        CategoryStatistics("Travel", 1, 10.0, 10.0, 10.0, 5.0, 1, "GBP"),
    ]


def test_the_order_of_categories_is_the_same_on_every_database(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    names = ["academic", "Young Adult", "Add a comment", "Academic", "Young", "Älter"]
    catalogue.publish([a_book(upc=name, category=name) for name in names], SHOP, NOON)
    assert [category.name for category in catalogue.categories()] == sorted(names)


def test_the_overview_counts_every_rating(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish(
        [a_book(upc=str(n), rating=r, price=Decimal(10 * n)) for n, r in enumerate((5, 5, 2), 1)],
        SHOP,
        NOON,
    )
    assert catalogue.overview() == Overview(3, 20.0, 4.0, {1: 0, 2: 1, 3: 0, 4: 0, 5: 2}, "GBP")


def test_moments_come_back_in_utc_whatever_zone_they_went_in_with(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    catalogue.publish([a_book()], SHOP, elsewhere)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.taken_at == NOON


def test_sqlite_runs_in_wal_mode_with_patience(tmp_path: object) -> None:
    catalogue = Catalogue.open(f"sqlite:///{tmp_path}/var/catalogue.db")
    with catalogue.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() >= 10_000
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1


@pytest.mark.parametrize(
    ("order", "index"),
    [("id", "book_on_offer"), ("price", "on_offer_by_price"), ("rating", "on_offer_by_rating")],
)
def test_sqlite_reads_a_page_in_the_order_of_an_index_and_sorts_nothing(
    tmp_path: Path, a_book: MakeBook, order: Order, index: str
) -> None:
    catalogue = Catalogue.open(f"sqlite:///{tmp_path}/catalogue.db")
    catalogue.publish([a_book(upc=f"u{n}") for n in range(100)], SHOP, NOON)
    asked: list[tuple[str, Any]] = []
    event.listen(catalogue.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    catalogue.page(EVERYTHING, number=1, size=20, order=order)
    [(query, values)] = [(query, values) for query, values in asked if "ORDER BY" in query]
    with catalogue.engine.connect() as connection:
        plan = [step.detail for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
    assert plan == [f"SCAN book_versions USING INDEX {index}"]


def test_now_has_a_zone() -> None:
    assert now().tzinfo is UTC


def test_prices_in_several_currencies_have_no_average(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(price=Decimal("10.00"))], SHOP, NOON)
    catalogue.publish([a_book(price=Decimal("30.00"), currency="EUR")], "paris", NOON)
    both = catalogue.overview()
    assert (both.total_books, both.average_price, both.currency) == (2, None, None)
    [poetry] = catalogue.categories()
    assert (poetry.average_price, poetry.min_price, poetry.max_price, poetry.currency) == (None,) * 4
    paris = catalogue.overview(BookFilter(source="paris"))
    assert (paris.average_price, paris.currency) == (30.0, "EUR")


def test_a_book_is_in_stock_if_its_shop_says_so_in_words_or_by_number(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    catalogue.publish(
        [
            a_book(upc="words", stock=None),
            a_book(upc="number", availability="", stock=2),
            a_book(upc="neither", availability="", stock=None),
            a_book(upc="none", availability="", stock=0),
        ],
        SHOP,
        NOON,
    )
    [poetry] = catalogue.categories()
    assert (poetry.books, poetry.in_stock) == (4, 2)
