"""Full-text search on SQLite and on PostgreSQL: what is found, in which order, now and at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import bookshelf.migrations
from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.words import Term, terms_of

MakeBook = Callable[..., Book]

SHOP = "https://shop.test/"
PRICE = Decimal("1.00")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
# Category and genre are one place, in which the lower id comes first.
IN_ORDER = ["title", "author", "genre", "category", "description"]


def found(catalogue: Catalogue, asked: str, **filters: object) -> list[str]:
    """UPCs of what is found, the most relevant first."""
    terms = terms_of(asked)
    assert terms
    wanted = BookFilter(words=terms, **filters)  # type: ignore[arg-type]
    listed, total = catalogue.page(wanted, number=1, size=100, order="relevance")
    assert total == len(listed) == len(catalogue.all_books(wanted))
    return [one.book.upc for one in listed]


@pytest.fixture(scope="module")
def shelf(module_database_url: str) -> Iterator[Catalogue]:
    """A catalogue with the same word in each of the places where words are looked for."""
    catalogue = Catalogue.open(module_database_url)
    books = [
        Book(price=PRICE, upc="description", title="One", description="Light, light, light: all is light."),
        Book(price=PRICE, upc="genre", title="Two", genre="Light verse"),
        Book(price=PRICE, upc="category", title="Three", category="light"),
        Book(
            price=PRICE,
            upc="accents",
            title="Élan — naive 日本語 日本",
            description="A sci-fi tale, 42 pages.",
        ),
        Book(price=PRICE, upc="author", title="Four", author="A. Light"),
        Book(price=PRICE, upc="title", title="A Light in the Attic"),
    ]
    catalogue.publish(books, SHOP, NOON)
    yield catalogue
    catalogue.engine.dispose()


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        ("sea light", (Term("sea"), Term("light"))),
        ("sea sea Sea", (Term("sea"), Term("Sea"))),
        ('"light in the" attic', (Term("light in the"), Term("attic"))),
        ('an "open quote', (Term("an"), Term("open quote"))),
        ('attic"light"sea', (Term("attic"), Term("light"), Term("sea"))),
        ('lig* "the att"* a**', (Term("lig", True), Term("the att", True), Term("a", True))),
        ("sci-fi & -sea title:light", (Term("sci-fi"), Term("-sea"), Term("title:light"))),
        ('* "" "!!" & — _ \t 。', ()),
        ("", ()),
        ("日本 é", (Term("日本"), Term("é"))),
    ],
)
def test_what_is_typed_is_words_phrases_and_beginnings(asked: str, terms: tuple[Term, ...]) -> None:
    assert terms_of(asked) == terms


@pytest.mark.parametrize(
    ("asked", "upcs"),
    [
        ("light", IN_ORDER),
        ("LIGHT", IN_ORDER),
        ("ligh", []),
        ("ligh*", IN_ORDER),
        ("light attic", ["title"]),
        ("attic light", ["title"]),
        ('"light in the attic"', ["title"]),
        ('"attic the"', []),
        ('"light in the att"*', ["title"]),
        ("elan", ["accents"]),
        ("ÉLAN", ["accents"]),
        ("e\u0301lan", ["accents"]),
        ("naïve", ["accents"]),
        ("日本", ["accents"]),
        ("日本*", ["accents"]),
        ("日", []),
        ("sci-fi", ["accents"]),
        ("sci/fi", ["accents"]),
        ("fi-sci", []),
        ("42", ["accents"]),
        ("4", []),
        ("light OR elan", []),
        ("NOT light", []),
        ("NEAR(light attic)", []),
        ("title:light", []),
        ("' OR 1=1 --", []),
        ("light%", IN_ORDER),
        ("ligh_", []),
        ("light) (", IN_ORDER),
        ("\\light", IN_ORDER),
        ("x" * 10_000, []),
        ("²", []),
        ("हिन्दी", []),
    ],
)
def test_words_are_found_wherever_they_are_and_in_the_title_first(
    shelf: Catalogue, asked: str, upcs: list[str]
) -> None:
    assert found(shelf, asked) == upcs


def test_more_of_the_words_in_the_title_come_first_and_ties_go_to_the_lower_id(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    books = [
        a_book(upc="none", title="Waves", description="The sea at night, the sea, the sea, all night."),
        a_book(upc="one", title="The Sea", description="It is night."),
        a_book(upc="another", title="At Sea", description="A very long tale. " * 50 + "Night falls."),
        a_book(upc="both", title="Night Sea", description="x"),
    ]
    catalogue.publish(books, SHOP, NOON)
    assert found(catalogue, "sea night") == ["both", "one", "another", "none"]


def test_a_search_goes_together_with_the_other_filters_and_comes_in_pages(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    def some(prefix: str) -> list[Book]:
        return [
            a_book(upc=f"{prefix}{n}", title=f"Sea {n}", category="Poetry" if n % 2 else "Travel")
            for n in range(5)
        ]

    catalogue.publish(some("a"), "a", NOON)
    catalogue.publish(some("b"), "b", NOON + timedelta(hours=1))
    assert found(catalogue, "sea", source="b") == ["b0", "b1", "b2", "b3", "b4"]
    assert found(catalogue, "sea", category="poe", title="3") == ["a3", "b3"]
    wanted = BookFilter(words=terms_of("sea"))
    page, total = catalogue.page(wanted, number=2, size=4, order="relevance")
    assert ([one.id for one in page], total) == ([5, 6, 7, 8], 10)
    assert found(catalogue, "sea", ids=(9, 2)) == ["a1", "b3"]
    assert catalogue.page(BookFilter(), number=1, size=1, order="relevance")[0][0].id == 1


def test_a_search_finds_what_was_true_then(catalogue: Catalogue, a_book: MakeBook) -> None:
    stays, goes = a_book(upc="stays", title="Old name"), a_book(upc="goes", title="Old too")
    catalogue.publish([stays, goes], SHOP, NOON)
    before = catalogue.snapshot()
    assert before is not None
    catalogue.publish([a_book(upc="stays", title="New name")], SHOP, NOON + timedelta(days=1))
    assert found(catalogue, "old") == []
    assert found(catalogue, "new") == ["stays"]
    assert found(catalogue, "old", as_of=before.published_at) == ["stays", "goes"]
    assert found(catalogue, "new", as_of=before.published_at) == []
    assert found(catalogue, "name", as_of=NOON - timedelta(days=1)) == []


def test_a_publication_that_fails_leaves_the_index_as_it_was(catalogue: Catalogue, a_book: MakeBook) -> None:
    catalogue.publish([a_book(title="Sea")], SHOP, NOON)
    with pytest.raises(Exception, match="occurs twice"):
        catalogue.publish([a_book(title="Sky"), a_book(title="Sky")], SHOP, NOON + timedelta(days=1))
    assert found(catalogue, "sea") == ["a897fe39b1053632"]
    assert found(catalogue, "sky") == []


def test_a_very_long_text_is_published_and_its_beginning_found(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    words = " ".join(f"word{number}" for number in range(200_000))
    catalogue.publish([a_book(upc="long", description=words, title="Sea" + "x" * 5_000)], SHOP, NOON)
    assert found(catalogue, "word0 word77") == ["long"]


def test_the_books_of_before_the_index_are_taken_up(bare_database_url: str) -> None:
    engine = create_engine(bare_database_url.replace("postgresql:", "postgresql+psycopg:"))
    config = Config()
    config.set_main_option("script_location", str(Path(bookshelf.migrations.__file__).parent))
    names = "book_id, source, from_snapshot, valid_from, price_hundredths, currency, upc, title"
    values = "1, 's', 1, '2024-05-01 12:00:00+00:00', 100, 'GBP', 'u', 'Élan vital'"
    for name in (
        *("content_hash", "isbn", "key", "availability", "category", "image", "thumbnail", "description"),
        *("url", "author", "publisher", "binding", "language"),
    ):
        names, values = f"{names}, {name}", f"{values}, ''"
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(
            text("INSERT INTO book_identities (id, source, identity) VALUES (1, 's', 'upc u')")
        )
        connection.execute(
            text(
                "INSERT INTO snapshots (id, source, status, started_at, books, added, changed, removed) "
                "VALUES (1, 's', 'published', '2024-05-01 12:00:00+00:00', 1, 1, 0, 0)"
            )
        )
        connection.execute(text(f"INSERT INTO book_versions ({names}) VALUES ({values})"))
    engine.dispose()
    catalogue = Catalogue.open(bare_database_url)
    assert found(catalogue, "elan") == ["u"]
    catalogue.engine.dispose()
