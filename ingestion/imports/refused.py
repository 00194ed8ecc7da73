"""The file that takes the rows which gave no book, each with its line and the reason."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bookshelf.errors import BookshelfError
from ingestion.imports.tables import Row

_SHOWN = 20


class RefusedRows:
    """Writes refused rows, counts them and remembers the first few; without a file it writes none."""

    def __init__(self, path: Path | None, columns: Sequence[str]) -> None:
        self.path = path
        self.number = 0
        self.first: list[str] = []
        self._columns = columns
        self._rows: csv.Writer | None = None  # type: ignore[name-defined]

    def add(self, row: Row, reason: str) -> None:
        self.number += 1
        if len(self.first) < _SHOWN:
            self.first.append(f"line {row.line}: {reason}")
        if self._rows is not None:
            cells = [_as_text(row.cells.get(column)) for column in self._columns]
            self._rows.writerow([row.line, reason, *cells])

    @contextmanager
    def writing(self) -> Iterator[RefusedRows]:
        """With its file open, which takes the place of an older one at the end; new only if rows are refused.

        Raises `BookshelfError` if it cannot be written.
        """
        if self.path is None:
            yield self
            return
        growing = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            file = growing.open("w", encoding="utf-8", newline="", errors="replace")
        except OSError as error:
            raise BookshelfError(
                f"cannot write {self.path}: {error.strerror}; name another by --refused"
            ) from error
        try:
            with file:
                self._rows = csv.writer(file, lineterminator="\n")
                self._rows.writerow(["line", "reason", *self._columns])
                yield self
            if self.number or self.path.exists():
                growing.replace(self.path)
        finally:
            self._rows = None
            growing.unlink(missing_ok=True)


def _as_text(cell: object) -> str:
    return "" if cell is None else str(cell)
