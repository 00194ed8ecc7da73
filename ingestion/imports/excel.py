"""Tables in Excel workbooks: the first sheet, whose first row names the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from bookshelf.errors import BookshelfError
from ingestion.imports.tables import Row, Table


@contextmanager
def open_excel(path: Path) -> Iterator[Table]:
    """The first sheet, read row by row; formulas count as the values that Excel saved with them."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except OSError:
        raise
    # Whatever a part that is missing or damaged leads openpyxl to.
    except Exception as error:
        raise BookshelfError(f"it is no Excel workbook: {error}") from error
    try:
        if not book.worksheets:
            raise BookshelfError("the workbook has no sheet")
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write wrong ones, and rows would be cut off
        rows = sheet.iter_rows(values_only=True)
        columns = ["" if name is None else str(name).strip() for name in next(rows, ())]
        if not any(columns):
            raise BookshelfError(f"the sheet {sheet.title!r} is empty: its first row must name the columns")
        others = [other.title for other in book.worksheets[1:]]
        told = [f"only the first sheet is read, {sheet.title!r}; not {', '.join(others)}"] if others else []
        yield Table(columns, _rows(rows, columns), told)
    finally:
        book.close()


def _rows(rows: Iterator[Any], columns: Sequence[str]) -> Iterator[Row]:
    for line, values in enumerate(rows, 2):
        if any(value is not None for value in values):
            yield Row(line, dict(zip(columns, values, strict=False)))
