"""Files of rows, whatever their format: named columns, and rows one after the other with their numbers."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from bookshelf.errors import BookshelfError
from ingestion.imports.values import Cell


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its columns' names. `line` is its number: the line of a text file on which it begins, the
    row of an Excel sheet, the place of a Parquet row from 1. `problem` says why it cannot be read at all."""

    line: int
    cells: Mapping[str, Cell]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An open file. `rows` can be read once; `told` is what a user should know of how it is read."""

    columns: Sequence[str]
    rows: Iterator[Row]
    told: Sequence[str] = field(default=())

    def sampled(self, size: int) -> tuple[Sequence[Row], Table]:
        """The first rows, and a table that can still be read from the first on."""
        first = list(islice(self.rows, size))
        return first, replace(self, rows=chain(first, self.rows))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a user says about a text file, empty for what is to be found out."""

    encoding: str = ""
    delimiter: str = ""


# What a file raises that is not there, is cut off, or is damaged on its way.
_BROKEN = (OSError, EOFError, zlib.error, BadZipFile, ParseError)
# And its rows, where they say what is no value: a date of the year 20000, bytes that are no text.
_NO_VALUES = (ValueError, ArithmeticError)

FORMATS = (".csv", ".tsv", ".tab", ".xlsx", ".parquet", ".ndjson", ".jsonl")


@contextmanager
def open_table(path: Path, reading: Reading) -> Iterator[Table]:
    """The table of a file, by the end of its name, which may have `.gz` behind it.

    Raises `BookshelfError` if it cannot be read, or is not what its name says.
    """
    packed = path.suffix.lower() == ".gz"
    kind = Path(path.stem if packed else path.name).suffix.lower()
    if kind not in FORMATS:
        raise BookshelfError(f"{path}: the name must end with {', '.join(FORMATS)}, or with .gz behind it")
    with ExitStack() as opened:
        try:
            if kind in (".xlsx", ".parquet"):
                plain = opened.enter_context(_unpacked(path)) if packed else path
                table = opened.enter_context(_open_typed(plain, kind))
            else:
                table = opened.enter_context(_open_text(path, packed, kind, reading))
        except (*_BROKEN, UnicodeError) as error:  # the latter of UTF-16 without its mark
            raise BookshelfError(f"cannot read {path}: {_in_words(error)}") from error
        except BookshelfError as error:
            raise BookshelfError(f"{path}: {error}") from error
        yield replace(table, rows=_guarded(table.rows, path))


def _guarded(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """The rows; that the file breaks off among them is said like any other error."""
    try:
        yield from rows
    except (*_BROKEN, *_NO_VALUES) as error:
        raise BookshelfError(f"cannot read {path} to its end: {_in_words(error)}") from error


def _in_words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)


def _open_typed(path: Path, kind: str) -> AbstractContextManager[Table]:
    """Imported here, for Excel and Parquet each bring along what the other formats do not need."""
    if kind == ".xlsx":
        from ingestion.imports.excel import open_excel

        return open_excel(path)
    from ingestion.imports.parquet import open_parquet

    return open_parquet(path)


@contextmanager
def _open_text(path: Path, packed: bool, kind: str, reading: Reading) -> Iterator[Table]:
    from ingestion.imports.text import delimited, json_lines

    def opened() -> IO[bytes]:
        return gzip.open(path) if packed else path.open("rb")  # type: ignore[return-value]

    with (
        json_lines(opened, reading)
        if kind in (".ndjson", ".jsonl")
        else delimited(opened, kind, reading) as table
    ):
        yield table


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The file without its gzip: these formats are read from here and there, not from the start."""
    with tempfile.TemporaryDirectory(prefix="bookshelf-import-") as folder:
        plain = Path(folder) / path.stem
        with gzip.open(path) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
        yield plain
