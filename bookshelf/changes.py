"""What one snapshot changed: which books it added and removed, and which fields of the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from bookshelf.book import Book
from bookshelf.database import reading
from bookshelf.rows import BOOK_FIELDS, to_book
from bookshelf.snapshots import Snapshots
from bookshelf.tables import versions

Kind = Literal["added", "removed", "changed"]
_PART = 1_000


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one book: `before` is None if it was added, `after` if it was removed."""

    book_id: int
    kind: Kind
    before: Book | None
    after: Book | None

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Old and new value of each field that differs; none for books that were added or removed."""
        if self.before is None or self.after is None:
            return {}
        pairs = {name: (getattr(self.before, name), getattr(self.after, name)) for name in BOOK_FIELDS}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


class Changes:
    """The changes of one published snapshot, by book id."""

    def __init__(self, engine: Engine, snapshot_id: int) -> None:
        """Raises `NotFound` for a snapshot that is not there; one that was not published changed nothing."""
        Snapshots(engine).get(snapshot_id)
        self._engine = engine
        self._snapshot_id = snapshot_id

    def page(self, *, number: int, size: int, kind: Kind | None = None) -> tuple[list[Change], int]:
        """Page `number` (from 1) of the changes of that kind or of any, and how many there are."""
        with reading(self._engine) as connection:
            total = connection.execute(
                select(func.count()).select_from(self._books(kind).subquery())
            ).scalar_one()
            return self._read(connection, kind, size=size, skip=(number - 1) * size), total

    def stream(self, kind: Kind | None = None) -> Iterator[Change]:
        """Every change of that kind or of any, held in memory a few at a time."""
        last = 0
        while True:
            # A transaction for each part, not one for all: what a snapshot changed is settled for good,
            # and who reads slowly must not hold one open.
            with reading(self._engine) as connection:
                part = self._read(connection, kind, size=_PART, beyond=last)
            if not part:
                return
            yield from part
            last = part[-1].book_id

    def _books(self, kind: Kind | None) -> Any:
        """The ids of the books that changed so."""
        begun = select(versions.c.book_id).where(versions.c.from_snapshot == self._snapshot_id)
        ended = select(versions.c.book_id).where(versions.c.to_snapshot == self._snapshot_id)
        if kind == "added":
            return begun.where(versions.c.book_id.not_in(ended))
        if kind == "removed":
            return ended.where(versions.c.book_id.not_in(begun))
        return begun.intersect(ended) if kind == "changed" else begun.union(ended)

    def _read(
        self, connection: Connection, kind: Kind | None, *, size: int, beyond: int = 0, skip: int = 0
    ) -> list[Change]:
        wanted = self._books(kind).subquery()
        book_ids = connection.execute(
            select(wanted.c.book_id)
            .where(wanted.c.book_id > beyond)
            .order_by(wanted.c.book_id)
            .limit(size)
            .offset(skip)
        ).scalars()
        ids = list(book_ids)
        before = self._books_where(connection, versions.c.to_snapshot == self._snapshot_id, ids)
        after = self._books_where(connection, versions.c.from_snapshot == self._snapshot_id, ids)
        return [
            Change(
                book_id,
                _kind(before.get(book_id), after.get(book_id)),
                before.get(book_id),
                after.get(book_id),
            )
            for book_id in ids
        ]

    @staticmethod
    def _books_where(connection: Connection, which: ColumnElement[bool], ids: list[int]) -> dict[int, Book]:
        rows = connection.execute(select(versions).where(which, versions.c.book_id.in_(ids)))
        return {row.book_id: to_book(row) for row in rows}


def _kind(before: Book | None, after: Book | None) -> Kind:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"
