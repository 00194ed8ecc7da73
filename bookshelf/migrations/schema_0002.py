"""The tables as revision 0002 makes them; later revisions change them, and nobody changes this."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_MOMENT = sa.DateTime(timezone=True)


def create_tables() -> None:
    """In the order of their references."""
    _create_snapshots()
    _create_versions()
    _create_staging()
    _create_runs()
    _create_webhooks()


def _book_columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("upc", sa.String(length=64), nullable=False),
        sa.Column("isbn", sa.String(length=13), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("price_hundredths", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rating", sa.Float(), nullable=True),
        sa.Column("availability", sa.String(length=20), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("category", sa.String(length=200), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("thumbnail", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("binding", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("reviews", sa.Integer(), nullable=True),
    )


def _create_snapshots() -> None:
    op.create_table(
        "book_identities",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("identity", sa.String(length=210), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source", "identity", name="one_id_a_book"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=True),
        sa.Column("books", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("features_published_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("revision"),
        sqlite_autoincrement=True,
    )
    op.create_index("snapshots_by_source", "snapshots", ["source", "revision"], unique=False)


def _create_versions() -> None:
    op.create_table(
        "book_versions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("from_snapshot", sa.Integer(), nullable=False),
        sa.Column("to_snapshot", sa.Integer(), nullable=True),
        sa.Column("valid_from", _MOMENT, nullable=False),
        sa.Column("valid_to", _MOMENT, nullable=True),
        *_book_columns(),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["book_identities.id"],
        ),
        sa.ForeignKeyConstraint(
            ["from_snapshot"],
            ["snapshots.id"],
        ),
        sa.ForeignKeyConstraint(
            ["to_snapshot"],
            ["snapshots.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("book_id", "from_snapshot", name="one_version_a_snapshot"),
    )
    op.create_index(
        "book_on_offer",
        "book_versions",
        ["book_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        "on_offer_by_category",
        "book_versions",
        ["category", "book_id"],
        unique=False,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        "on_offer_by_price",
        "book_versions",
        ["price_hundredths", "book_id"],
        unique=False,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        "on_offer_by_rating",
        "book_versions",
        ["rating", "book_id"],
        unique=False,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index("versions_by_end", "book_versions", ["valid_to", "valid_from"], unique=False)
    op.create_index("versions_from_snapshot", "book_versions", ["from_snapshot"], unique=False)
    op.create_index("versions_to_snapshot", "book_versions", ["to_snapshot"], unique=False)


def _create_staging() -> None:
    op.create_table(
        "staged_books",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(length=210), nullable=False),
        sa.Column("damaged", sa.Boolean(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=True),
        *_book_columns(),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "position"),
    )
    op.create_index("staged_by_book", "staged_books", ["snapshot_id", "book_id"], unique=False)
    op.create_index(
        "staged_by_identity", "staged_books", ["snapshot_id", "identity", "position"], unique=False
    )
    op.create_table(
        "staged_failures",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(length=210), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "position"),
    )
    op.create_table(
        "pages",
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("parser", sa.String(length=64), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("source", "url"),
    )


def _create_runs() -> None:
    op.create_table(
        "scrape_runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column("requested_by", sa.String(length=100), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("lease_holder", sa.String(length=100), nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["snapshot_id"],
            ["snapshots.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("active"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index("runs_by_time", "scrape_runs", ["requested_at"], unique=False)
    op.create_table(
        "run_log",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["scrape_runs.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("run_log_by_run", "run_log", ["run_id", "id"], unique=False)
    op.create_table(
        "scrape_schedule",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("expression", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=100), nullable=False),
        sa.Column("next_run_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=True),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_by_webhook", "webhook_deliveries", ["webhook_id", "created_at"], unique=False)
    op.create_index("deliveries_due", "webhook_deliveries", ["status", "next_attempt_at"], unique=False)
