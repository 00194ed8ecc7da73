"""The tables of what becomes of models: what was asked, what served when, and how the registry stands.

Beside the catalogue's own tables, in one metadata; no row here is of use to a book.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bookshelf.tables import Moment, Serial, metadata


def _change_columns() -> tuple[Column[object], ...]:
    """One change of what serves, or a refusal to make it."""
    return (
        Column("at", Moment, nullable=False),
        Column("action", String(20), nullable=False),
        Column("from_version", String(20)),
        Column("to_version", String(20)),
        Column("who", String(100), nullable=False),
        Column("scores", JSON, nullable=False),
        Column("snapshot_id", Integer),  # of the catalogue that the version learnt from, which may be another
        Column("reason", Text, nullable=False),
    )


# Only ever added to: what served when, and what was refused.
promotions = Table(
    "model_promotions",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("model", String(50), nullable=False),
    *_change_columns(),
    Index("promotions_by_model", "model", "id"),
    Index("promotions_by_time", "at"),
)

# A change that is being made: written before the registry is touched, gone once it is in the log.
promotion_intents = Table(
    "model_promotion_intents",
    metadata,
    Column("model", String(50), primary_key=True),
    *_change_columns(),
)

# The registry's aliases and versions as the last process that changed or looked at them saw them.
standings = Table(
    "model_standings",
    metadata,
    Column("model", String(50), primary_key=True),
    Column("champion", String(20)),
    Column("challenger", String(20)),
    Column("previous", String(20)),
    Column("versions", JSON, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

orders = Table(
    "model_orders",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("model", String(50), nullable=False),
    Column("version", String(20)),
    Column("requested_by", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", String(20), nullable=False),
    # The model's name while the order is queued or running, NULL after: unique, so that each has one.
    Column("active", String(50), unique=True),
    Column("requested_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("lease_until", Moment),
    Column("lease_holder", String(100)),
    Column("finished_at", Moment),
    Column("attempts", Integer, nullable=False, default=0),
    Column("outcome", Text),
    Column("trial", JSON),
    Index("orders_by_time", "requested_at"),
)

# How far the books of a publish are from those that a champion has learnt from.
drift_windows = Table(
    "drift_windows",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("model", String(50), nullable=False),
    Column("version", String(20), nullable=False),
    Column("snapshot_id", Integer, ForeignKey("snapshots.id"), nullable=False),
    Column("source", String(500), nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("reference_at", Moment, nullable=False),
    Column("measured_at", Moment, nullable=False),
    Column("reference_rows", Integer, nullable=False),
    Column("window_rows", Integer, nullable=False),
    Column("violated", Boolean, nullable=False),
    Column("features", JSON, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("order_id", String(36), ForeignKey("model_orders.id")),
    Column("answers", JSON),
    UniqueConstraint("snapshot_id", "model", "version", name="one_window_a_version"),
    Index("drift_windows_by_model", "model", "published_at"),
    Index("drift_windows_by_time", "published_at"),
)
