"""Which column of a file gives which field of a book."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bookshelf.errors import BookshelfError
from bookshelf.rows import BOOK_FIELDS
from ingestion.imports.values import Cell, opinion, printed_in

#: Columns with these names, whatever their case and punctuation, give a field that none is mapped to.
SYNONYMS: Final = {
    "isbn": ("isbn13", "isbn10", "ean"),
    "author": ("authors",),
    "rating": ("stars", "averagerating"),
    "reviews": ("numberofreviews", "numreviews", "reviewcount", "reviewscount"),
    "stock": ("quantity", "copies"),
    "category": ("bookcategory", "genre"),
    "year": ("publicationyear", "publishedyear", "yearofpublication"),
    "binding": ("format", "edition"),
    "image": ("imageurl",),
    "description": ("synopsis", "blurb"),
}
_IDENTITY = ("upc", "isbn", "key")
# A column called like any of these holds stars or counts them, and only what it says tells which.
_OPINIONS = frozenset(
    ("rating", "ratings", "review", "reviews", "stars", *SYNONYMS["rating"], *SYNONYMS["reviews"])
)
# What is unique in a source is for its owner to say.
_ONLY_STATED = ("key",)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """The column of each field that is taken, and the columns that are not used."""

    columns: Mapping[str, str]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{field} ← {column}" for field, column in self.columns.items())
        return f"{told}; not used: {', '.join(self.unused)}" if self.unused else told


def parse_map(given: Sequence[str], key: str | None = None) -> dict[str, str]:
    """Column by field of `title=Title,price=Price`; an empty column leaves the field out.

    A pair with a comma in its column's name stands in double quotes. Raises `BookshelfError` naming what
    is no pair, no field, or a field that is mapped twice.
    """
    stated: dict[str, str] = {}
    pairs = [pair for one in given for pair in _pairs(one)]
    for pair in [*pairs, *([f"key={key}"] if key else [])]:
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals:
            raise BookshelfError(f"--map must be field=Column,…, got {pair!r}")
        if field not in BOOK_FIELDS:
            raise BookshelfError(f"--map: a book has no field {field!r}; it has {', '.join(BOOK_FIELDS)}")
        if field in stated:
            raise BookshelfError(f"--map: {field} is mapped twice, to {stated[field]!r} and to {column!r}")
        stated[field] = column
    return stated


def _pairs(given: str) -> list[str]:
    try:
        return next(csv.reader([given], skipinitialspace=True), [])
    except csv.Error as error:  # such as a line's end between two pairs
        raise BookshelfError(f"--map must be field=Column,…, got {given[:80]!r}") from error


def map_columns(
    columns: Sequence[str], stated: Mapping[str, str], sample: Sequence[Mapping[str, Cell]] = ()
) -> ColumnMap:
    """The map of a file with these columns: what is stated, and columns that are called like a field.

    Where rows of a sample say `4.0 out of 5 stars` or `8 customer reviews`, that settles which column is the
    rating and which counts reviews, whatever they are called. The column of the binding gives the year too,
    if the sample ends it in dates and nothing else gives one.

    Raises `BookshelfError` for a column that is not there or there twice, and if title, price or every
    identity is missing; it names what there is.
    """
    found = {field: _column(columns, field, name) for field, name in stated.items() if name}
    taken = set(found.values())
    for field, column in _by_what_they_say(columns, sample).items():
        if field not in stated and column not in taken:
            found[field] = column
            taken.add(column)
    for field in BOOK_FIELDS:
        if field in stated or field in found or field in _ONLY_STATED:
            continue
        for name in (field, *SYNONYMS.get(field, ())):
            if alike := [column for column in columns if _plain(column) == name and column not in taken]:
                found[field] = _column(columns, field, alike[0])
                taken.add(alike[0])
                break
    if "year" not in stated and "year" not in found and _is_dated(found.get("binding"), sample):
        found["year"] = found["binding"]
    there = f"the file has {', '.join(map(repr, columns))}"
    for field in ("title", "price"):
        if field not in found:
            raise BookshelfError(f"no column gives the {field}: name it by --map {field}=…; {there}")
    if not any(field in found for field in _IDENTITY):
        raise BookshelfError(
            f"no column tells books apart: name one by --map upc=…, isbn=… or --key; {there}"
        )
    in_order = {field: found[field] for field in BOOK_FIELDS if field in found}
    return ColumnMap(in_order, tuple(column for column in columns if column and column not in taken))


def _by_what_they_say(columns: Sequence[str], sample: Sequence[Mapping[str, Cell]]) -> dict[str, str]:
    """Rating and reviews by columns of opinions whose cells say what they are, all that are given."""
    found: dict[str, str] = {}
    for column in columns:
        if _plain(column) not in _OPINIONS:
            continue
        told = {opinion(row.get(column)) for row in sample} - {None}
        if len(told) == 1 and (field := told.pop()) is not None:
            found.setdefault(field, column)
    return found


def _is_dated(binding: str | None, sample: Sequence[Mapping[str, Cell]]) -> bool:
    return binding is not None and any(printed_in(row.get(binding)) is not None for row in sample)


def _column(columns: Sequence[str], field: str, name: str) -> str:
    """The column of that name, or of that name in another case."""
    alike = [column for column in columns if column == name]
    alike = alike or [column for column in columns if column.lower() == name.lower()]
    if not alike:
        raise BookshelfError(
            f"{field}: there is no column {name!r}; the file has {', '.join(map(repr, columns))}"
        )
    if len(alike) > 1:
        raise BookshelfError(f"{field}: {len(alike)} columns are called {name!r}")
    return alike[0]


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.lower())
