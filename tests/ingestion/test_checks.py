"""Every check against a snapshot that just passes and one that just fails, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.errors import InvalidBook, NotFound, PageChanged
from bookshelf.runs import Kind
from bookshelf.settings import ROOT
from bookshelf.snapshots import Failure
from ingestion.checks import CHECKS, Finding, as_text, judge, report, summary

BOOKSTORE = ROOT.parent / "shared" / "bookstore" / "bookstore.py"
SHOP = "https://shop.test/"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
MakeBook = Callable[..., Book]
Judge = Callable[..., list[Finding]]


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    opened = Catalogue.open(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def books(a_book: MakeBook) -> list[Book]:
    """Two hundred books in ten categories, at 10.00 to 59.75."""
    return [
        a_book(upc=f"upc{number}", price=Decimal(1000 + 25 * number) / 100, category=f"Shelf {number % 10}")
        for number in range(200)
    ]


@pytest.fixture
def judged(catalogue: Catalogue) -> Judge:
    """Judges books as the next snapshot of the shop."""

    def judge_next(
        offered: Sequence[Book], failures: Sequence[Failure] = (), kind: Kind = "scrape"
    ) -> list[Finding]:
        snapshot_id = catalogue.snapshots.begin(SHOP, NOON)
        catalogue.snapshots.stage(snapshot_id, enumerate(offered), failures)
        return judge(catalogue.engine, snapshot_id, kind)

    return judge_next


def names(findings: list[Finding]) -> list[str]:
    return [one.check for one in findings]


def failed(number: int, reason: str = "cannot read price", **facts: object) -> list[Failure]:
    return [Failure(9000 + place, f"{SHOP}{place}", reason, **facts) for place in range(number)]  # type: ignore[arg-type]


def test_a_first_snapshot_and_an_unchanged_one_pass(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    assert judged(books) == []
    catalogue.publish(books, SHOP, NOON)
    assert judged(books) == []


def test_a_tenth_of_the_books_may_leave(catalogue: Catalogue, books: list[Book], judged: Judge) -> None:
    catalogue.publish(books, SHOP, NOON)
    assert judged(books[20:]) == []
    (finding,) = judged(books[21:])
    assert finding.check == "number of books"
    assert (finding.expected, finding.found) == ("at least 180 of the 200 on offer", "179")
    assert finding.examples[0] == "The Book upc0 (upc upc0)"
    assert len(finding.examples) == 10


def test_books_whose_pages_failed_have_not_left(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    catalogue.publish(books, SHOP, NOON)
    kept = [Failure(900 + place, book.url, "cannot read price") for place, book in enumerate(books[:25])]
    gone = [Failure(900 + place, book.url, "404", gone=True) for place, book in enumerate(books[:25])]
    assert names(judged(books[25:], kept)) == ["failing pages"]
    assert names(judged(books[25:], gone)) == ["number of books"]


def test_other_sources_are_not_compared_with(catalogue: Catalogue, books: list[Book], judged: Judge) -> None:
    catalogue.publish([replace(book, price=Decimal(1)) for book in books], "another.csv", NOON)
    assert judged(books[:3]) == []


@pytest.mark.parametrize("kind", ["scrape", "import"])
def test_a_shop_of_three_books_may_lose_one(
    catalogue: Catalogue, books: list[Book], judged: Judge, kind: Kind
) -> None:
    catalogue.publish(books[:3], SHOP, NOON)
    assert judged(books[:2], kind=kind) == []
    assert judged([*books[:2], replace(books[2], description="", category="Other")], kind=kind) == []
    assert names(judged(books[:1], kind=kind)) == ["number of books"]


NOTHING: dict[str, Any] = {
    **dict.fromkeys(("description", "category", "image", "author"), ""),
    **dict.fromkeys(("rating", "stock")),
}


@pytest.mark.parametrize("field", NOTHING)
def test_a_twentieth_of_the_books_may_lose_a_field(
    catalogue: Catalogue, books: list[Book], judged: Judge, field: str
) -> None:
    given = [replace(book, author="Someone") for book in books]
    catalogue.publish(
        [*(replace(book, **{field: NOTHING[field]}) for book in given[:4]), *given[4:]], SHOP, NOON
    )

    def without(number: int) -> list[Book]:
        return [*(replace(book, **{field: NOTHING[field]}) for book in given[:number]), *given[number:]]

    assert judged(without(14)) == []
    (finding,) = judged(without(15))
    assert finding.check == f"missing {field}"
    assert "15 of 200" in finding.found
    assert "2.0%" in finding.expected
    assert finding.examples[0] == "The Book upc0 (upc upc0)"


def test_a_first_crawl_is_held_against_absolute_limits(books: list[Book], judged: Judge) -> None:
    def without(number: int, **nothing: object) -> list[Book]:
        return [*(replace(book, **nothing) for book in books[:number]), *books[number:]]  # type: ignore[arg-type]

    assert judged(without(40, description="")) == []
    assert names(judged(without(41, description=""))) == ["missing description"]
    assert judged(without(10, rating=None)) == []
    assert names(judged(without(11, rating=None))) == ["missing rating"]
    # A file has the columns that it has.
    assert judged(without(200, rating=None, description=""), kind="import") == []


def test_one_identity_is_one_book(books: list[Book], judged: Judge) -> None:
    assert judged([*books, books[7]]) == []  # the same page twice: the list moved on under the crawl
    (finding,) = judged([*books, replace(books[7], title="Another")])
    assert finding.check == "duplicate identities"
    assert finding.examples == ("upc upc7, 2 times: 'Another' and 'The Book upc7'",)


@pytest.mark.parametrize(
    ("right", "wrong"), [(Decimal("298.75"), Decimal("298.76")), (Decimal("2.00"), Decimal("1.99"))]
)
def test_no_price_is_five_times_outside_what_there_ever_was(
    catalogue: Catalogue, books: list[Book], judged: Judge, right: Decimal, wrong: Decimal
) -> None:
    catalogue.publish(books, SHOP, NOON)
    assert judged([replace(books[0], price=right), *books[1:]]) == []
    (finding,) = judged([replace(books[0], price=wrong), *books[1:]])
    assert finding.check == "prices far outside"
    assert "GBP 10.00 to 59.75" in finding.expected
    assert finding.examples == (f"The Book upc0 (upc upc0): GBP {wrong}",)


@pytest.mark.parametrize(
    ("right", "wrong"), [(Decimal("65.72"), Decimal("65.73")), (Decimal("9.00"), Decimal("8.99"))]
)
def test_one_price_in_fifty_may_be_a_little_outside(
    catalogue: Catalogue, books: list[Book], judged: Judge, right: Decimal, wrong: Decimal
) -> None:
    catalogue.publish(books, SHOP, NOON)

    def at(price: Decimal, number: int) -> list[Book]:
        return [*(replace(book, price=price) for book in books[:number]), *books[number:]]

    assert judged(at(right, 200)) == []
    assert judged(at(wrong, 4)) == []
    (finding,) = judged(at(wrong, 5))
    assert finding.check == "prices outside"
    assert finding.found == "5 of 200"


def test_prices_are_held_against_the_whole_history(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    catalogue.publish([replace(book, price=Decimal(500)) for book in books], SHOP, NOON)
    catalogue.publish(books, SHOP, NOON + timedelta(days=1))
    assert judged([replace(book, price=Decimal(500)) for book in books]) == []


def test_a_currency_that_there_never_was_is_outside(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    catalogue.publish(books, SHOP, NOON)
    assert judged([*(replace(book, currency="EUR") for book in books[:4]), *books[4:]]) == []
    assert names(judged([replace(book, currency="EUR") for book in books])) == ["prices outside"]


def test_the_highest_prices_that_a_book_can_have_are_judged(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    dear = [replace(book, price=Decimal("19999999.99")) for book in books]
    catalogue.publish(dear, SHOP, NOON)
    assert judged(dear) == []


def test_no_category_more_than_doubles_by_a_tenth_of_all_books(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    catalogue.publish(books, SHOP, NOON)
    elsewhere = [place for place, book in enumerate(books) if book.category != "Shelf 0"]

    def moved(number: int) -> list[Book]:
        there = set(elsewhere[:number])
        return [
            replace(book, category="Shelf 0") if place in there else book for place, book in enumerate(books)
        ]

    assert judged(moved(20)) == []  # from 10 % to 20 %
    (finding,) = judged(moved(21))
    assert finding.check == "exploding category"
    assert finding.found == "'Shelf 0' with 20.5% of the books, where it had 10.0%"


def test_a_shop_that_grows_on_all_shelves_alike_passes(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    alike = [replace(book, price=Decimal(20)) for book in books]
    catalogue.publish(alike[:50], SHOP, NOON)
    assert judged(alike) == []


def test_categories_may_double_or_halve(catalogue: Catalogue, books: list[Book], judged: Judge) -> None:
    catalogue.publish(books, SHOP, NOON)

    def on(shelves: int) -> list[Book]:
        return [replace(book, category=f"Shelf {place % shelves}") for place, book in enumerate(books)]

    assert judged(on(20)) == []
    assert names(judged(on(21))) == ["number of categories"]
    assert judged(on(5)) == []
    assert "number of categories" in names(judged(on(4)))


def test_a_first_snapshot_has_at_most_a_category_for_two_books(books: list[Book], judged: Judge) -> None:
    def on(shelves: int) -> list[Book]:
        return [replace(book, category=f"Shelf {place % shelves}") for place, book in enumerate(books)]

    assert judged(on(100)) == []
    assert names(judged(on(101))) == ["number of categories"]
    assert judged(on(20)[:20]) == []


def test_one_description_in_a_hundred_may_be_newly_damaged(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    broken = "CafÃ© society."
    catalogue.publish([replace(books[0], description=broken), *books[1:]], SHOP, NOON)

    def damaged(number: int) -> list[Book]:
        return [*(replace(book, description=broken) for book in books[:number]), *books[number:]]

    assert judged(damaged(3)) == []  # one of which was so before
    (finding,) = judged(damaged(4))
    assert finding.check == "encoding damage"
    assert finding.examples[0] == "The Book upc1 (upc upc1)"


@pytest.mark.parametrize(
    "error",
    [
        InvalidBook("title", "text decoded as UTF-8", "Ã©"),
        PageChanged("charset", SHOP, "utf-8, but byte 17 is not"),
    ],
)
def test_failures_for_their_encoding_are_damage(books: list[Book], judged: Judge, error: Exception) -> None:
    assert judged(books, failed(2, str(error))) == []
    assert names(judged(books, failed(3, str(error)))) == ["encoding damage", "failing pages"]
    assert names(judged(books, failed(3, "cannot read price"))) == ["failing pages"]


def test_what_a_book_raises_for_damage_is_known_as_damage(
    a_book: MakeBook, books: list[Book], judged: Judge
) -> None:
    with pytest.raises(InvalidBook) as raised:
        a_book(title="CafÃ©")
    assert "encoding damage" in names(judged(books, failed(3, str(raised.value))))


def test_one_page_in_a_hundred_may_fail(books: list[Book], judged: Judge) -> None:
    assert judged(books[:198], failed(2)) == []
    assert judged(books, failed(90, "404", gone=True)) == []
    (finding,) = judged(books[:197], failed(3))
    assert finding.check == "failing pages"
    assert (finding.expected, finding.found) == ("at most 2 of 200", "3")
    assert finding.examples[0] == f"{SHOP}0: cannot read price"


def test_one_row_in_ten_may_be_refused(books: list[Book], judged: Judge) -> None:
    assert judged(books[:180], failed(20), kind="import") == []
    (finding,) = judged(books[:179], failed(21), kind="import")
    assert (finding.check, finding.found) == ("refused rows", "21")


def test_half_of_a_short_file_may_be_refused(books: list[Book], judged: Judge) -> None:
    assert judged(books[:2], failed(1), kind="import") == []
    assert judged(books[:10], failed(10), kind="import") == []
    assert names(judged(books[:1], failed(2), kind="import")) == ["refused rows"]
    assert names(judged(books[:11], failed(11), kind="import")) == ["refused rows"]


def test_five_ordinary_days_of_the_real_books_pass(catalogue: Catalogue, judged: Judge) -> None:
    for day in range(6):
        offered = _the_real_books(day)
        assert judged(offered) == [], f"day {day}"
        catalogue.publish(offered, SHOP, NOON + timedelta(days=day))


def test_nothing_at_all_is_judged_without_an_error(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    assert judged([]) == []
    catalogue.publish(books, SHOP, NOON)
    assert names(judged([])) == ["number of books"]


def test_a_snapshot_that_is_not_there_is_not_found(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="no snapshot has the id 17"):
        judge(catalogue.engine, 17, "scrape")


def test_a_report_survives_the_database_and_can_be_read(
    catalogue: Catalogue, books: list[Book], judged: Judge
) -> None:
    catalogue.publish(books, SHOP, NOON)
    findings = judged(books[21:])
    snapshot_id = catalogue.snapshots.begin(SHOP, NOON)
    kept = catalogue.snapshots.quarantine(snapshot_id, report(findings), NOON).report
    assert kept is not None
    assert kept == json.loads(json.dumps(report(findings)))
    text = as_text(kept)
    assert "✗ number of books" in text
    assert text.count("The Book upc") == 10
    assert findings[0].reason in text
    assert summary(findings) == "number of books: found 179, expected at least 180 of the 200 on offer"


def test_every_check_says_why_it_is_there() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(len(check.reason) > 20 for check in CHECKS)


def _the_real_books(day: int) -> list[Book]:
    """The live shop's books, and what a day does to them, where they lie beside the repository."""
    if not BOOKSTORE.exists():
        pytest.skip(f"the real books are not here: {BOOKSTORE} does not exist")
    shop = runpy.run_path(str(BOOKSTORE))
    return [
        Book(
            upc=one.upc,
            title=one.title,
            price=Decimal(f"{one.price:.2f}"),
            rating=one.rating,
            availability="In stock" if one.stock else "Out of stock",
            stock=one.stock,
            category=one.category,
            image=one.image,
            thumbnail=one.thumbnail,
            description=one.description,
            url=f"{SHOP}{one.path}",
        )
        for one in shop["at_revision"](shop["load_books"](1000), day)
    ]
