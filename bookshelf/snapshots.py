"""Snapshots: what one crawl or import found; staged first, then published whole or kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from bookshelf.book import Book, mojibake
from bookshelf.database import reading, writing
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.notices import tell_of_snapshot
from bookshelf.publication import carry_over, number_books, replace_offer
from bookshelf.rows import to_row
from bookshelf.tables import snapshots, staged_books, staged_failures

SnapshotStatus = Literal["staging", "published", "quarantined", "discarded"]

# One number for every process that may publish to one PostgreSQL database; SQLite has one writer anyway.
_PUBLISH_LOCK = 7_263_002
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One crawl or import of a source.

    `taken_at` is when it had been read whole, `published_at` when the catalogue began to say so, and
    `revision` its place among all that were published. `added`, `changed` and `removed` count books.
    """

    id: int
    source: str
    status: SnapshotStatus
    started_at: datetime
    taken_at: datetime | None
    revision: int | None
    published_at: datetime | None
    books: int
    added: int
    changed: int
    removed: int
    report: dict[str, Any] | None
    features_published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A page or row that gave no book; `gone` if the shop says that there is none any more.

    `place` is the page's address or the row's number. `identity` is that of the book which a row is
    about, as far as it can be read; a page is known by its address.
    """

    position: int
    place: str
    reason: str
    gone: bool = False
    identity: str = ""


class Snapshots:
    """The snapshots of one database, and the only writer of its books."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def begin(self, source: str, at: datetime) -> int:
        """Make room for what a crawl or import will find; returns the snapshot's id."""
        with writing(self.engine) as connection:
            snapshot_id: int = connection.execute(
                insert(snapshots)
                .values(source=source, status="staging", started_at=at)
                .returning(snapshots.c.id)
            ).scalar_one()
        return snapshot_id

    def stage(
        self, snapshot_id: int, found: Iterable[tuple[int, Book]], failures: Iterable[Failure] = ()
    ) -> None:
        """Keep books, each with its place in the list, and what gave none; nobody sees them yet."""
        rows = [
            {
                **to_row(book),
                "snapshot_id": snapshot_id,
                "position": position,
                "identity": book.identity,
                "damaged": mojibake(book.description) is not None,
            }
            for position, book in found
        ]
        failed = [
            {
                "snapshot_id": snapshot_id,
                "position": failure.position,
                "place": failure.place,
                "identity": failure.identity,
                "gone": failure.gone,
                "reason": failure.reason,
            }
            for failure in failures
        ]
        with writing(self.engine) as connection:
            if rows:
                connection.execute(insert(staged_books), rows)
            if failed:
                connection.execute(insert(staged_failures), failed)

    def clear_stage(self, snapshot_id: int) -> None:
        """Forget what was staged, for a crawl that begins its list again."""
        with writing(self.engine) as connection:
            _clear(connection, snapshot_id)

    def publish_books(self, offered: Sequence[Book], source: str, at: datetime) -> Snapshot:
        """Stage and publish at once. Raises `BookshelfError` for no books, or one that occurs twice."""
        seen: set[str] = set()
        for book in offered:
            if book.identity in seen:
                raise BookshelfError(
                    f"{book.identity} occurs twice: {book.title!r} at {book.url or 'no address'}"
                )
            seen.add(book.identity)
        snapshot_id = self.begin(source, at)
        try:
            self.stage(snapshot_id, enumerate(offered))
            return self.publish(snapshot_id, at, taken_at=at)
        except BaseException:  # an interrupt too must leave no stage behind
            self.discard(snapshot_id)
            raise

    def publish(self, snapshot_id: int, at: datetime, *, taken_at: datetime | None = None) -> Snapshot:
        """Make what was staged all that its source has on offer, in one transaction.

        New identities are given the next ids, in listing order; of one that occurs twice the first counts.
        A known book whose page failed, without being gone, stays as it was. The stand-in's books leave
        with the first of another source. Raises `BookshelfError`, and changes nothing, if no book is
        staged, or the source has been published since this was taken.
        """
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLISH_LOCK})
            snapshot = _to_snapshot(_row(connection, snapshot_id))
            taken = taken_at or snapshot.taken_at or at
            _check_publishable(connection, snapshot, taken)
            last = connection.execute(
                select(func.max(snapshots.c.revision), func.max(snapshots.c.published_at))
            ).one()
            # Strictly later than the last, whatever the clock does: a moment belongs to one state.
            moment = at if last[1] is None else max(at, last[1] + _INSTANT)
            carry_over(connection, snapshot.id, snapshot.source)
            number_books(connection, snapshot.id, snapshot.source)
            counts = replace_offer(connection, snapshot.id, snapshot.source, moment)
            if not counts["books"]:
                raise BookshelfError("a crawl without a single book is not published")
            connection.execute(
                update(snapshots)
                .where(snapshots.c.id == snapshot_id)
                .values(
                    status="published",
                    taken_at=taken,
                    revision=(last[0] or 0) + 1,
                    published_at=moment,
                    **counts,
                )
            )
            _clear(connection, snapshot_id)
            tell_of_snapshot(connection, snapshot_id, at)
            return _to_snapshot(_row(connection, snapshot_id))

    def quarantine(self, snapshot_id: int, report: dict[str, Any], at: datetime) -> Snapshot:
        """Keep what was staged apart, with the report of why, until somebody releases it."""
        with writing(self.engine) as connection:
            staged = connection.execute(
                select(func.count()).where(staged_books.c.snapshot_id == snapshot_id)
            ).scalar_one()
            connection.execute(
                update(snapshots)
                .where(snapshots.c.id == snapshot_id)
                .values(status="quarantined", report=report, taken_at=at, books=staged)
            )
            return _to_snapshot(_row(connection, snapshot_id))

    def discard(self, snapshot_id: int) -> None:
        """Give up what was staged, unless it was published: the crawl failed, or nobody wants it."""
        with writing(self.engine) as connection:
            found = connection.execute(
                update(snapshots)
                .where(snapshots.c.id == snapshot_id, snapshots.c.status != "published")
                .values(status="discarded")
            )
            if found.rowcount:
                _clear(connection, snapshot_id)

    def discard_stages(self, *, but: int | None) -> None:
        """Give up every stage that nobody fills any more; for the one run that is under way to call."""
        left = select(snapshots.c.id).where(snapshots.c.status == "staging")
        if but is not None:
            left = left.where(snapshots.c.id != but)
        with reading(self.engine) as connection:
            ids = list(connection.execute(left).scalars())
        for snapshot_id in ids:
            self.discard(snapshot_id)

    def latest(self, source: str | None = None, as_of: datetime | None = None) -> Snapshot | None:
        """The snapshot published last, of that source or of any; None before the first."""
        wanted = select(snapshots).where(snapshots.c.revision.is_not(None))
        if source is not None:
            wanted = wanted.where(snapshots.c.source == source)
        if as_of is not None:
            wanted = wanted.where(snapshots.c.published_at <= as_of)
        with reading(self.engine) as connection:
            row = connection.execute(wanted.order_by(snapshots.c.revision.desc()).limit(1)).first()
        return None if row is None else _to_snapshot(row)

    def get(self, snapshot_id: int) -> Snapshot:
        """The snapshot with that id. Raises `NotFound`."""
        with reading(self.engine) as connection:
            return _to_snapshot(_row(connection, snapshot_id))

    def page(self, *, number: int, size: int, source: str | None = None) -> tuple[list[Snapshot], int]:
        """Page `number` (from 1) of those published or quarantined, newest first, and their number."""
        wanted = select(snapshots).where(snapshots.c.status.in_(("published", "quarantined")))
        if source is not None:
            wanted = wanted.where(snapshots.c.source == source)
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
            rows = connection.execute(
                wanted.order_by(snapshots.c.id.desc()).limit(size).offset((number - 1) * size)
            ).all()
        return [_to_snapshot(row) for row in rows], total

    def sources(self) -> list[str]:
        """Every source of which a snapshot was ever published or quarantined, by name."""
        known = snapshots.c.status.in_(("published", "quarantined"))
        with reading(self.engine) as connection:
            return sorted(connection.execute(select(snapshots.c.source).where(known).distinct()).scalars())

    def published(self, *, size: int, source: str | None = None) -> list[Snapshot]:
        """At most `size` whose features are published too, of that source or of any, newest first."""
        wanted = select(snapshots).where(
            snapshots.c.revision.is_not(None), snapshots.c.features_published_at.is_not(None)
        )
        if source is not None:
            wanted = wanted.where(snapshots.c.source == source)
        with reading(self.engine) as connection:
            rows = connection.execute(wanted.order_by(snapshots.c.revision.desc()).limit(size)).all()
        return [_to_snapshot(row) for row in rows]

    def mark_features_published(self, snapshot_id: int, at: datetime) -> None:
        """Remember that the feature store holds this snapshot's rows, checked."""
        with writing(self.engine) as connection:
            connection.execute(
                update(snapshots).where(snapshots.c.id == snapshot_id).values(features_published_at=at)
            )


def _check_publishable(connection: Connection, snapshot: Snapshot, taken_at: datetime) -> None:
    if snapshot.status not in ("staging", "quarantined"):
        raise BookshelfError(f"snapshot {snapshot.id} is {snapshot.status}: there is nothing to publish")
    newer = connection.execute(
        select(snapshots.c.id).where(
            snapshots.c.source == snapshot.source,
            snapshots.c.status == "published",
            snapshots.c.id > snapshot.id,
            snapshots.c.taken_at > taken_at,
        )
    ).scalar()
    if newer is not None:
        raise BookshelfError(f"snapshot {newer} of {snapshot.source} is newer than snapshot {snapshot.id}")


def _clear(connection: Connection, snapshot_id: int) -> None:
    for table in (staged_books, staged_failures):
        connection.execute(delete(table).where(table.c.snapshot_id == snapshot_id))


def _row(connection: Connection, snapshot_id: int) -> Row[Any]:
    row = connection.execute(select(snapshots).where(snapshots.c.id == snapshot_id)).first()
    if row is None:
        raise NotFound("snapshot_id", f"no snapshot has the id {snapshot_id}")
    return row


def _to_snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(**row._mapping)
