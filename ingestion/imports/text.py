"""Tables in text files: CSV and its kin, and a JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, Any

from bookshelf.errors import BookshelfError
from ingestion.imports.encoding import Encoding, find_delimiter, find_encoding, named_encoding
from ingestion.imports.tables import Reading, Row, Table

Opened = Callable[[], IO[bytes]]

# A quote left open would take the rest of the file for one cell.
_LONGEST_CELL = 1_000_000
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@contextmanager
def delimited(opened: Opened, kind: str, reading: Reading) -> Iterator[Table]:
    """A file whose first line names its columns. One of another width or with a broken quote is a problem."""
    encoding = _encoding(opened, reading)
    told = [encoding.told] if encoding.told else []
    delimiter = reading.delimiter or ("," if kind == ".csv" else "\t")
    if kind == ".csv" and not reading.delimiter:
        with _text(opened, encoding) as sample:
            delimiter = find_delimiter(sample)
        if delimiter != ",":
            told.append(f"columns parted by {_NAMES[delimiter]}")
    with _text(opened, encoding) as file:
        csv.field_size_limit(_LONGEST_CELL)
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            header = [name.strip() for name in next(rows, [])]
        except csv.Error as error:
            raise BookshelfError(f"the first line cannot be read: {_broken(error, 1)}") from error
        if not any(header):
            raise BookshelfError("the file is empty: its first line must name the columns")
        yield Table(header, _delimited_rows(rows, header), told)


def _delimited_rows(rows: Any, header: Sequence[str]) -> Iterator[Row]:
    """`rows` is a csv.reader, whose type the standard library does not name."""
    while True:
        line = rows.line_num + 1
        try:
            values = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, f"the row cannot be read: {_broken(error, line)}")
            continue
        if not values:
            continue
        cells = dict(zip(header, values, strict=False))
        if len(values) != len(header):
            yield Row(line, cells, f"the row has {len(values)} cells, where the header has {len(header)}")
        else:
            yield Row(line, cells, _damage(values))


def _broken(error: csv.Error, line: int) -> str:
    """What is wrong with the row that begins on that line."""
    if str(error).startswith("unexpected end of data"):
        return f"a quote opened on line {line} is never closed"
    if str(error).startswith("field larger than"):
        long = f"a cell has more than {_LONGEST_CELL:,} characters"
        return f"{long}; perhaps a quote opened on line {line} is never closed"
    return str(error)


@contextmanager
def json_lines(opened: Opened, reading: Reading) -> Iterator[Table]:
    """A JSON object a line; its columns are the keys of all of them, in the order of their first sight."""
    encoding = _encoding(opened, reading)
    columns: dict[str, None] = {}
    with _text(opened, encoding) as file:
        for row in _json_rows(file):
            columns.update(dict.fromkeys(row.cells))
    if not columns:
        raise BookshelfError("the file is empty: each line must be a JSON object")
    with _text(opened, encoding) as file:
        yield Table(list(columns), _json_rows(file), [encoding.told] if encoding.told else [])


def _json_rows(file: IO[str]) -> Iterator[Row]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            # Decimals, for a price is not a binary number.
            cells = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            yield Row(line, {}, f"the line is no JSON: {error}")
            continue
        if not isinstance(cells, dict):
            yield Row(line, {}, f"the line must be a JSON object, got {_shown(text.strip())}")
        else:
            yield Row(line, cells, _damage(cells.values()))


def _damage(values: Any) -> str:
    """Why a row with undecodable bytes cannot be taken; they are kept as lone surrogates until here."""
    for value in values:
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return f"the row is not valid UTF-8: {_shown(value)!r}"
    return ""


def _shown(text: str) -> str:
    """As much of it as tells which it is, with a `?` for each byte that could not be decoded."""
    return text[:80].encode("utf-8", "replace").decode()


def _encoding(opened: Opened, reading: Reading) -> Encoding:
    if reading.encoding:
        return named_encoding(reading.encoding)
    with opened() as file:
        return find_encoding(file)


def _text(opened: Opened, encoding: Encoding) -> IO[str]:
    errors = "surrogateescape" if encoding.codec.startswith("utf-8") else "replace"
    # csv wants line ends as they are.
    return io.TextIOWrapper(opened(), encoding=encoding.codec, errors=errors, newline="")
