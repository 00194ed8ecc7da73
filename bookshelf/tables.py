"""The tables of the catalogue database, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Moment(TypeDecorator[datetime]):
    """A time with its zone, in UTC both ways: SQLite forgets zones, PostgreSQL answers in the server's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


metadata = MetaData()

# Apart from `books`, so that a book that leaves the shop and comes back has the id it had.
identities = Table(
    "book_identities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("upc", String(64), nullable=False, unique=True),
    sqlite_autoincrement=True,  # without it SQLite gives the highest id again once its row is gone
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", String(500), nullable=False),
    Column("taken_at", Moment, nullable=False),
    Column("books", Integer, nullable=False),
    Column("features_published_at", Moment),
    sqlite_autoincrement=True,
)

books = Table(
    "books",
    metadata,
    Column("id", Integer, ForeignKey("book_identities.id"), primary_key=True, autoincrement=False),
    Column("snapshot_id", Integer, ForeignKey("snapshots.id"), nullable=False),
    Column("upc", String(64), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("price_pence", Integer, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("availability", String(20), nullable=False),
    Column("stock", Integer, nullable=False),
    Column("category", String(200), nullable=False),
    Column("image", Text, nullable=False),
    Column("thumbnail", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("url", Text, nullable=False),
    Index("books_by_category", "category", "id"),
    Index("books_by_price", "price_pence", "id"),
    Index("books_by_rating", "rating", "id"),
)

runs = Table(
    "scrape_runs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(500), nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("pages", Integer, nullable=False, default=0),
    Column("books", Integer, nullable=False, default=0),
    Column("snapshot_id", Integer, ForeignKey("snapshots.id")),
    Column("error", Text),
    Index("runs_by_time", "requested_at"),
)
