"""The tables of the catalogue database, the same on SQLite and PostgreSQL.

They say what the newest migration leaves; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
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

# Integers that outgrow 32 bits on PostgreSQL; SQLite numbers rows only in a column of this very type.
Serial = BigInteger().with_variant(Integer, "sqlite")


def _book_columns() -> tuple[Column[object], ...]:
    """Every field of a book, in each table that holds books."""
    return (
        Column("content_hash", String(64), nullable=False),
        Column("upc", String(64), nullable=False),
        Column("isbn", String(13), nullable=False),
        Column("key", String(200), nullable=False),
        Column("title", Text, nullable=False),
        Column("price_hundredths", Integer, nullable=False),
        Column("currency", String(3), nullable=False),
        Column("rating", Float),
        Column("availability", String(20), nullable=False),
        Column("stock", Integer),
        Column("category", String(200), nullable=False),
        Column("image", Text, nullable=False),
        Column("thumbnail", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("publisher", Text, nullable=False),
        Column("year", Integer),
        Column("binding", Text, nullable=False),
        Column("language", Text, nullable=False),
        Column("reviews", Integer),
        Column("genre", Text, nullable=False, server_default=""),
    )


BOOK_COLUMNS = tuple(column.name for column in _book_columns())

# Apart from the versions, so that a book that leaves the shop and comes back has the id it had.
identities = Table(
    "book_identities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", String(500), nullable=False),
    Column("identity", String(210), nullable=False),
    UniqueConstraint("source", "identity", name="one_id_a_book"),
    sqlite_autoincrement=True,  # without it SQLite gives the highest id again once its row is gone
)

# A crawl or an import: staged first, then published, or kept in quarantine. `revision` numbers what was
# published, in that order and over all sources.
snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", String(500), nullable=False),
    Column("status", String(20), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("taken_at", Moment),
    Column("revision", Integer, unique=True),
    Column("published_at", Moment),
    Column("books", Integer, nullable=False, default=0),
    Column("added", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("removed", Integer, nullable=False, default=0),
    Column("report", JSON),
    Column("features_published_at", Moment),
    Index("snapshots_by_source", "source", "revision"),
    sqlite_autoincrement=True,
)

# One row a book and state it was ever in; the open rows, without an end, are what is on offer now.
versions = Table(
    "book_versions",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("book_id", Integer, ForeignKey("book_identities.id"), nullable=False),
    Column("source", String(500), nullable=False),
    Column("from_snapshot", Integer, ForeignKey("snapshots.id"), nullable=False),
    Column("to_snapshot", Integer, ForeignKey("snapshots.id")),
    Column("valid_from", Moment, nullable=False),
    Column("valid_to", Moment),
    *_book_columns(),
    UniqueConstraint("book_id", "from_snapshot", name="one_version_a_snapshot"),
    Index("versions_from_snapshot", "from_snapshot"),
    Index("versions_to_snapshot", "to_snapshot"),
)
# Each holds either what is on offer or what has ended. SQLite keeps no statistics: an index of both would
# draw it to `valid_to IS NULL` in place of the index that has the books on offer in the wanted order.
_ON_OFFER, _ENDED = text("valid_to IS NULL"), text("valid_to IS NOT NULL")
for _name, _columns, _held, _unique in (
    ("book_on_offer", (versions.c.book_id,), _ON_OFFER, True),
    ("on_offer_by_category", (versions.c.category, versions.c.book_id), _ON_OFFER, False),
    ("on_offer_by_price", (versions.c.price_hundredths, versions.c.book_id), _ON_OFFER, False),
    ("on_offer_by_rating", (versions.c.rating.desc(), versions.c.book_id), _ON_OFFER, False),
    ("on_offer_by_start", (versions.c.valid_from, versions.c.valid_to), _ON_OFFER, False),
    ("ended_by_end", (versions.c.valid_to, versions.c.valid_from), _ENDED, False),
):
    Index(_name, *_columns, unique=_unique, sqlite_where=_held, postgresql_where=_held)

# What a crawl or an import has read so far, in the order of the list or the file.
staged_books = Table(
    "staged_books",
    metadata,
    Column("snapshot_id", Integer, ForeignKey("snapshots.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(210), nullable=False),
    Column("damaged", Boolean, nullable=False),
    Column("book_id", Integer),  # given when it is published
    *_book_columns(),
    Index("staged_by_identity", "snapshot_id", "identity", "position"),
    Index("staged_by_book", "snapshot_id", "book_id"),
)

# Pages and rows that gave no book: `place` is an address or a line number, `identity` that of the book
# which it is about, empty where it does not say.
staged_failures = Table(
    "staged_failures",
    metadata,
    Column("snapshot_id", Integer, ForeignKey("snapshots.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("place", Text, nullable=False),
    Column("identity", String(210), nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
)

# What each page said when it was last read, for as long as the shop says that it has not changed.
pages = Table(
    "pages",
    metadata,
    Column("source", String(500), primary_key=True),
    Column("url", String(2000), primary_key=True),
    Column("snapshot_id", Integer, nullable=False),
    Column("parser", String(64), nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("content", JSON, nullable=False),
)

runs = Table(
    "scrape_runs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("source", String(500), nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("idempotency_key", String(200), unique=True),
    Column("status", String(20), nullable=False),
    # True while the run is queued or running, NULL after: unique, so that there is at most one.
    Column("active", Boolean, unique=True),
    Column("cancel_asked", Boolean, nullable=False, default=False),
    Column("requested_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("lease_until", Moment),
    Column("lease_holder", String(100)),
    Column("finished_at", Moment),
    Column("attempts", Integer, nullable=False, default=0),
    Column("counts", JSON, nullable=False),
    Column("snapshot_id", Integer, ForeignKey("snapshots.id")),
    Column("error", Text),
    Index("runs_by_time", "requested_at"),
)

run_log = Table(
    "run_log",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("run_id", String(36), ForeignKey("scrape_runs.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("level", String(10), nullable=False),
    Column("event", String(100), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("run_log_by_run", "run_id", "id"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# Written in the same transaction as what they tell of, and sent later: an outbox.
deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("webhook_id", String(36), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", String(100), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", Moment),
    Column("delivered_at", Moment),
    Column("response_status", Integer),
    Column("error", Text),
    Index("deliveries_due", "status", "next_attempt_at"),
    Index("deliveries_by_webhook", "webhook_id", "created_at"),
)

# When the scheduled scrape is due next, and of which expression that is a time; no row while it is off.
schedule = Table(
    "scrape_schedule",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("expression", String(200), nullable=False),
    Column("time_zone", String(100), nullable=False),
    Column("next_run_at", Moment, nullable=False),
)
