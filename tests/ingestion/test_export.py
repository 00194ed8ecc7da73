"""The export: a CSV that a reader can rely on, replaced whole or not at all."""

from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bookshelf.book import Book, ListedBook
from bookshelf.errors import BookshelfError
from ingestion.export import export_books

BOOK = Book(
    upc="a897fe39b1053632",
    title='Quotes "and", commas\nand lines',
    price=Decimal("50.1"),
    rating=3,
    availability="In stock",
    stock=22,
    category="Poetry",
    image="https://shop.test/large.jpg",
    thumbnail="https://shop.test/small.jpg",
    description="Café “au lait”",
    url="https://shop.test/book.html",
)


def listed(book_id: int, book: Book) -> ListedBook:
    return ListedBook(book_id, "https://shop.test/", book)


def test_the_columns_are_those_that_are_promised_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "data" / "books.csv"
    export_books([listed(1, BOOK)], path)
    head = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert head == (
        "id,title,price,rating,availability,category,image,description,upc,stock,url,"
        "source,currency,author,publisher,year,binding,language,isbn,reviews,genre"
    )


def test_every_value_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    export_books([listed(7, BOOK), listed(8, replace(BOOK, upc="b", description=""))], path)
    with path.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "id": "7",
        "title": BOOK.title,
        "price": "50.10",
        "rating": "3",
        "availability": "In stock",
        "category": "Poetry",
        "image": BOOK.image,
        "description": BOOK.description,
        "upc": BOOK.upc,
        "stock": "22",
        "url": BOOK.url,
        "source": "https://shop.test/",
        "currency": "GBP",
        **dict.fromkeys(
            ("author", "publisher", "year", "binding", "language", "isbn", "reviews", "genre"), ""
        ),
    }
    assert (second["id"], second["description"]) == ("8", "")


def test_a_new_export_takes_the_place_of_the_last_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    export_books([listed(1, BOOK), listed(2, replace(BOOK, upc="b"))], path)
    export_books([listed(1, BOOK)], path)
    with path.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_that_fails_midway_leaves_the_last_one_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    export_books([listed(1, BOOK)], path)
    before = path.read_bytes()
    unencodable = replace(BOOK, description="\ud800")
    with pytest.raises(UnicodeEncodeError):
        export_books([listed(1, BOOK)] * 1000 + [listed(2, unencodable)], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(BookshelfError, match=r"cannot write .*books\.csv"):
        export_books([listed(1, BOOK)], tmp_path / "data" / "books.csv")
