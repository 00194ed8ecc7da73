"""Publishing a snapshot, step by step and in SQL: what was staged becomes what its source has on offer.

The three steps run within one transaction, in this order: `carry_over`, `number_books`, `replace_offer`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from bookshelf.database import note_sizes
from bookshelf.tables import BOOK_COLUMNS, identities, staged_books, staged_failures, versions
from bookshelf.words import index_words

#: The source that stands in for a shop that cannot be reached; its books are invented.
STAND_IN = "sample shop"


def carried_over(snapshot_id: int, source: str) -> ColumnElement[bool]:
    """Which versions, joined with their identities, stay on offer although a snapshot could not read them.

    They are those of known books whose pages or rows failed, without being gone.
    """
    failed = (staged_failures.c.snapshot_id == snapshot_id, staged_failures.c.gone.is_(False))
    places = select(staged_failures.c.place).where(*failed)
    named = select(staged_failures.c.identity).where(*failed, staged_failures.c.identity != "")
    staged = select(staged_books.c.identity).where(staged_books.c.snapshot_id == snapshot_id)
    return and_(
        versions.c.source == source,
        versions.c.valid_to.is_(None),
        or_(versions.c.url.in_(places), identities.c.identity.in_(named)),
        identities.c.identity.not_in(staged),
    )


def carry_over(connection: Connection, snapshot_id: int, source: str) -> None:
    """Stage the books on offer whose pages or rows failed, as they were: that changes nothing."""
    note_sizes(connection, staged_books, staged_failures, versions)
    # Positions after all others, and never the same twice.
    after = select(func.coalesce(func.max(staged_books.c.position), -1) + 1).where(
        staged_books.c.snapshot_id == snapshot_id
    )
    kept = (
        select(
            literal(snapshot_id),
            after.scalar_subquery() + versions.c.id,
            identities.c.identity,
            literal(False),
            *(versions.c[name] for name in BOOK_COLUMNS),
        )
        .join(identities, identities.c.id == versions.c.book_id)
        .where(carried_over(snapshot_id, source))
    )
    columns = ["snapshot_id", "position", "identity", "damaged", *BOOK_COLUMNS]
    connection.execute(insert(staged_books).from_select(columns, kept))


def number_books(connection: Connection, snapshot_id: int, source: str) -> None:
    """Give staged books their ids, new ones the next in listing order; of two alike the first stays."""
    staged = staged_books.c.snapshot_id == snapshot_id
    earlier = staged_books.alias()
    connection.execute(
        delete(staged_books).where(
            staged,
            exists().where(
                earlier.c.snapshot_id == snapshot_id,
                earlier.c.identity == staged_books.c.identity,
                earlier.c.position < staged_books.c.position,
            ),
        )
    )
    known = and_(identities.c.source == source, identities.c.identity == staged_books.c.identity)
    new = (
        select(literal(source), staged_books.c.identity)
        .where(staged, ~exists().where(known))
        .order_by(staged_books.c.position)
    )
    connection.execute(insert(identities).from_select(["source", "identity"], new))
    book_id = select(identities.c.id).where(known).scalar_subquery()
    connection.execute(update(staged_books).where(staged).values(book_id=book_id))
    note_sizes(connection, staged_books)


def replace_offer(connection: Connection, snapshot_id: int, source: str, moment: datetime) -> dict[str, int]:
    """End the versions that no longer hold and begin the new ones; counts of books."""
    staged = staged_books.c.snapshot_id == snapshot_id
    is_open: ColumnElement[bool] = and_(versions.c.source == source, versions.c.valid_to.is_(None))
    stands_in = and_(literal(source != STAND_IN), versions.c.source == STAND_IN)
    unchanged = exists().where(
        staged,
        staged_books.c.book_id == versions.c.book_id,
        staged_books.c.content_hash == versions.c.content_hash,
    )
    connection.execute(
        update(versions)
        .where(
            versions.c.valid_to.is_(None),
            or_(versions.c.source == source, stands_in),
            ~unchanged,
        )
        .values(to_snapshot=snapshot_id, valid_to=moment)
    )
    still_open = exists().where(versions.c.book_id == staged_books.c.book_id, versions.c.valid_to.is_(None))
    # Not a condition of the insert: PostgreSQL, to which an empty table looks small, would go through all
    # that it has just inserted for each further book.
    connection.execute(delete(staged_books).where(staged, still_open))
    connection.execute(
        insert(versions).from_select(
            ["book_id", "source", "from_snapshot", "valid_from", *BOOK_COLUMNS],
            select(
                staged_books.c.book_id,
                literal(source),
                literal(snapshot_id),
                literal(moment, type_=versions.c.valid_from.type),
                *(staged_books.c[name] for name in BOOK_COLUMNS),
            )
            .where(staged)
            .order_by(staged_books.c.position),
        )
    )
    index_words(connection, snapshot_id)
    begun, ended = versions.c.from_snapshot == snapshot_id, versions.c.to_snapshot == snapshot_id
    changed = _count(connection, begun, versions.c.book_id.in_(select(versions.c.book_id).where(ended)))
    return {
        "books": _count(connection, is_open),
        "added": _count(connection, begun) - changed,
        "changed": changed,
        "removed": _count(connection, ended) - changed,
    }


def _count(connection: Connection, *which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(versions).where(*which)).scalar_one()
