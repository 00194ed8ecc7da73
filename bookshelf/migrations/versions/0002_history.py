"""Every state a book was ever in, by source; staging and quarantine; runs on a lease; webhooks.

Of the snapshots before, only the last still has its books: they become the first versions.

Revision ID: 0002
"""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from alembic import op

from bookshelf.book import Book
from bookshelf.migrations.schema_0002 import create_tables

revision = "0002"
down_revision = "0001"

_OLD = ("snapshots", "book_identities", "books", "scrape_runs")
_OLD_INDEXES = ("books_by_category", "books_by_price", "books_by_rating", "runs_by_time")


def upgrade() -> None:
    connection = op.get_bind()
    # Aside under other names, copied over in the order of their references, and dropped in the reverse one.
    for index in _OLD_INDEXES:
        op.drop_index(index)
    for table in _OLD:
        op.rename_table(table, f"old_{table}")
    if connection.dialect.name == "postgresql":
        _free_names_of_constraints()
    create_tables()
    old = {table: _table(connection, f"old_{table}") for table in _OLD}
    _copy_snapshots(connection, old["snapshots"])
    _copy_books(connection, old)
    _copy_runs(connection, old["scrape_runs"])
    if connection.dialect.name == "postgresql":
        _number_on_after_the_copied()
    for table in reversed(_OLD):
        op.drop_table(f"old_{table}")


def _free_names_of_constraints() -> None:
    """PostgreSQL keeps the names of indexes and sequences when a table is renamed."""
    for table in _OLD:
        op.execute(f"ALTER INDEX {table}_pkey RENAME TO old_{table}_pkey")
    for table in ("snapshots", "book_identities"):
        op.execute(f"ALTER SEQUENCE {table}_id_seq RENAME TO old_{table}_id_seq")


def _number_on_after_the_copied() -> None:
    for table in ("snapshots", "book_identities"):
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
            f"(SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
        )


def _table(connection: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=connection)


def _copy_snapshots(connection: sa.Connection, old: sa.Table) -> None:
    snapshots = _table(connection, "snapshots")
    for number, row in enumerate(connection.execute(sa.select(old).order_by(old.c.id)).all(), 1):
        connection.execute(
            sa.insert(snapshots).values(
                id=row.id,
                source=row.source,
                status="published",
                started_at=row.taken_at,
                taken_at=row.taken_at,
                revision=number,
                published_at=row.taken_at,
                books=row.books,
                added=0,  # nobody knows any more
                changed=0,
                removed=0,
                features_published_at=row.features_published_at,
            )
        )


def _copy_books(connection: sa.Connection, old: dict[str, sa.Table]) -> None:
    last = connection.execute(sa.select(old["snapshots"]).order_by(old["snapshots"].c.id.desc())).first()
    if last is None:
        return
    identities, versions = _table(connection, "book_identities"), _table(connection, "book_versions")
    for row in connection.execute(
        sa.select(old["book_identities"]).order_by(old["book_identities"].c.id)
    ).all():
        connection.execute(
            sa.insert(identities).values(id=row.id, source=last.source, identity=f"upc {row.upc}")
        )
    for row in connection.execute(sa.select(old["books"]).order_by(old["books"].c.id)).all():
        values = dict(row._mapping)
        book_id, snapshot_id = values.pop("id"), values.pop("snapshot_id")
        book = Book(price=Decimal(values.pop("price_pence")).scaleb(-2), **values)
        unknown = dict.fromkeys(("isbn", "key", "author", "publisher", "binding", "language"), "")
        connection.execute(
            sa.insert(versions).values(
                **values,
                **unknown,
                book_id=book_id,
                source=last.source,
                from_snapshot=snapshot_id,
                valid_from=last.taken_at,
                content_hash=book.content_hash,
                price_hundredths=int(book.price * 100),
                currency="GBP",
            )
        )


def _copy_runs(connection: sa.Connection, old: sa.Table) -> None:
    runs = _table(connection, "scrape_runs")
    for row in connection.execute(sa.select(old)).all():
        ended = row.status in ("succeeded", "failed")
        connection.execute(
            sa.insert(runs).values(
                id=row.id,
                kind="scrape",
                source=row.source,
                requested_by=row.requested_by,
                status=row.status if ended else "failed",
                cancel_asked=False,
                requested_at=row.requested_at,
                started_at=row.started_at,
                finished_at=row.finished_at,
                attempts=1,
                counts={"pages": row.pages, "books": row.books},
                snapshot_id=row.snapshot_id,
                error=row.error if ended else "the database was migrated before the run was done",
            )
        )
