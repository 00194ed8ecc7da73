"""A key made of several columns, for files in which no single one tells books apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bookshelf.errors import BookshelfError
from ingestion.imports.tables import Row, Table
from ingestion.imports.values import Cell, text

#: Between the columns of `--key`, and of the column that holds them together.
PLUS = "+"
_BETWEEN = " | "
_LONGEST = 200  # of a book's key
_KEPT = 160  # letters of a longer one, before its hash


def with_key(table: Table, key: str | None) -> Table:
    """The table, with a column of that name if it is of several that the table has: `Title+Author+Edition`.

    Raises `BookshelfError` naming a column that is not there.
    """
    if key is None or PLUS not in key or key in table.columns:
        return table
    by_name = {name.casefold(): name for name in table.columns}
    parts = [part.strip() for part in key.split(PLUS)]
    if missing := [part for part in parts if part.casefold() not in by_name]:
        there = ", ".join(map(repr, table.columns))
        raise BookshelfError(f"--key: there is no column {missing[0]!r}; the file has {there}")
    columns = [by_name[part.casefold()] for part in parts]
    return replace(table, columns=[*table.columns, key], rows=_keyed(table.rows, columns, key))


def _keyed(rows: Iterator[Row], columns: Sequence[str], key: str) -> Iterator[Row]:
    for row in rows:
        yield replace(row, cells={**row.cells, key: _joined([row.cells.get(name) for name in columns])})


def _joined(cells: Sequence[Cell]) -> str:
    """What the cells say; empty where they say nothing, and with its hash at the end where it is long."""
    try:
        said = [" ".join(text(cell).split()) for cell in cells]
    except ValueError:  # of a list or the like, which makes no key: the row is then refused for having none
        return ""
    whole = _BETWEEN.join(said) if any(said) else ""
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[:_KEPT]}… {hashlib.sha256(whole.encode()).hexdigest()[:32]}"
