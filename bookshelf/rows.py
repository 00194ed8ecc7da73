"""Books as rows of the database, and rows as books."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from bookshelf.book import Book, ListedBook

BOOK_FIELDS = tuple(field.name for field in dataclasses.fields(Book))
_PLAIN = tuple(name for name in BOOK_FIELDS if name != "price")


def to_row(book: Book) -> dict[str, Any]:
    """The columns that every table of books has."""
    row = {name: getattr(book, name) for name in _PLAIN}
    return row | {"price_hundredths": int(book.price * 100), "content_hash": book.content_hash}


def to_book(row: Row[Any]) -> Book:
    """The book in a row's columns; the others are left alone. Whole stars are an integer again."""
    fields = {name: getattr(row, name) for name in _PLAIN}
    if fields["rating"] is not None and fields["rating"] == int(fields["rating"]):
        fields["rating"] = int(fields["rating"])
    return Book(**fields, price=Decimal(row.price_hundredths).scaleb(-2))


def to_listed(row: Row[Any]) -> ListedBook:
    return ListedBook(row.book_id, row.source, to_book(row))
