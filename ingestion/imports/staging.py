"""The rows of a file, staged a few at a time: books in one place, rows that give none in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Engine, select

from bookshelf.book import Book
from bookshelf.catalogue import now
from bookshelf.database import reading
from bookshelf.errors import BookshelfError
from bookshelf.snapshots import Failure, Snapshots
from bookshelf.tables import snapshots, staged_books
from ingestion.imports.refused import RefusedRows
from ingestion.imports.rows import Refused, RowReader
from ingestion.imports.tables import Row

# Enough that a batch costs far more than its transaction, and little to hold in memory.
_BATCH = 1_000

#: Hears of rows read and rows refused so far.
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Staging:
    """Where the rows of one file go: the books into a snapshot's stage, the others to the refused."""

    engine: Engine
    snapshot_id: int
    reader: RowReader
    refused: RefusedRows

    def stage(self, rows: Iterator[Row], watch: Watch) -> int:
        """Stage every row, at the place of its line; returns their number, the refused included.

        Raises `BookshelfError` if there is none.
        """
        read = 0
        while batch := list(islice(rows, _BATCH)):
            self._stage(batch)
            read += len(batch)
            watch(read, self.refused.number)
        if not read:
            raise BookshelfError("the file has no rows: it would leave nothing on offer")
        return read

    def _stage(self, batch: Sequence[Row]) -> None:
        found = [(row, self._read(row)) for row in batch]
        earlier = self._lines_of([one.identity for _, one in found if isinstance(one, Book)])
        books: list[tuple[int, Book]] = []
        failures: list[Failure] = []
        for row, one in found:
            if isinstance(one, Book) and (line := earlier.setdefault(one.identity, row.line)) != row.line:
                one = Refused(f"{one.identity} occurred before, on line {line}", one.identity)
            if isinstance(one, Book):
                books.append((row.line, one))
            else:
                self.refused.add(row, one.reason)
                failures.append(Failure(row.line, f"line {row.line}", one.reason, identity=one.identity))
        Snapshots(self.engine).stage(self.snapshot_id, books, failures)

    def _read(self, row: Row) -> Book | Refused:
        if row.problem:
            return Refused(row.problem, "")
        return self.reader.read(row.cells)

    def _lines_of(self, wanted: list[str]) -> dict[str, int]:
        """The lines of those identities that are staged already: asked for, so that no list of them grows."""
        here = staged_books.c.snapshot_id == self.snapshot_id
        query = select(staged_books.c.identity, staged_books.c.position)
        with reading(self.engine) as connection:
            rows = connection.execute(query.where(here, staged_books.c.identity.in_(wanted)))
            return {row.identity: row.position for row in rows}


def stage_anew(engine: Engine, source: str) -> int:
    """A snapshot to fill; what an import of the same source left staged when it was killed is given up."""
    left = select(snapshots.c.id).where(snapshots.c.status == "staging", snapshots.c.source == source)
    with reading(engine) as connection:
        ids = list(connection.execute(left).scalars())
    stages = Snapshots(engine)
    for snapshot_id in ids:
        stages.discard(snapshot_id)
    return stages.begin(source, now())
