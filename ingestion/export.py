"""The catalogue as a CSV file: a whole new one in place of the last, or the last as it was."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bookshelf.book import ListedBook
from bookshelf.errors import BookshelfError

#: The first eight are promised to readers of the file, in this order.
COLUMNS = (
    "id",
    "title",
    "price",
    "rating",
    "availability",
    "category",
    "image",
    "description",
    "upc",
    "stock",
    "url",
    "source",
    "currency",
    "author",
    "publisher",
    "year",
    "binding",
    "language",
    "isbn",
    "reviews",
    "genre",
)


def export_books(listed: Iterable[ListedBook], path: Path) -> None:
    """Write one row a book, in the order given, as UTF-8; prices have two decimals.

    Readers see the old file until the new one is whole. Raises `BookshelfError` if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _in_place_of(path) as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            rows.writerows(_row(one) for one in listed)
    except OSError as error:
        raise BookshelfError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def _in_place_of(path: Path) -> Iterator[TextIO]:
    """A file beside `path` that takes its place at the end, or goes if it is not written to the end."""
    growing = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with growing.open("w", encoding="utf-8", newline="") as file:
            yield file
        growing.replace(path)
    finally:
        growing.unlink(missing_ok=True)


def _row(listed: ListedBook) -> tuple[object, ...]:
    book = listed.book
    return (
        listed.id,
        book.title,
        f"{book.price:.2f}",
        book.rating,
        book.availability,
        book.category,
        book.image,
        book.description,
        book.upc,
        book.stock,
        book.url,
        listed.source,
        book.currency,
        book.author,
        book.publisher,
        book.year,
        book.binding,
        book.language,
        book.isbn,
        book.reviews,
        book.genre,
    )
