"""What a snapshot changed, as CSV: a row for each field that differs, written as it is read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any

from api.book_schemas import title_of
from bookshelf.changes import Change

HEADER = ("book_id", "kind", "field", "old", "new")
_CHANGES_AT_ONCE = 500
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def changes_csv(changes: Iterable[Change]) -> Iterator[str]:
    """The text, in parts; a book that was added or removed has one row, which tells its title.

    A text that a spreadsheet would take for a formula has an apostrophe before it: shops write these
    texts, and operators open the file. The JSON has every text as it is.
    """
    yield _lines([HEADER])
    left = iter(changes)
    while part := list(islice(left, _CHANGES_AT_ONCE)):
        yield _lines(row for change in part for row in _rows(change))


def _rows(change: Change) -> Iterator[tuple[Any, ...]]:
    fields = change.fields
    if change.before is None:
        fields = {"title": ("", title_of(change))}
    elif change.after is None:
        fields = {"title": (title_of(change), "")}
    for name, (old, new) in fields.items():
        yield change.book_id, change.kind, name, _cell(old), _cell(new)


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else str(value)


def _lines(rows: Iterable[tuple[Any, ...]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
