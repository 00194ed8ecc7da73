"""The tables of models in the catalogue database: what became of each."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from bookshelf.tables import Moment, metadata

# How far the books of a publish are from those that a champion has learnt from.
drift_windows = Table(
    "drift_windows",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("model", String(100), nullable=False),
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
    Column("order_id", String(36)),
    UniqueConstraint("snapshot_id", "model", "version", name="one_window_a_snapshot"),
    Index("drift_windows_by_time", "model", "published_at"),
)
