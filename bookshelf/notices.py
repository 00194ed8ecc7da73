"""What webhooks are told of runs and snapshots: which event it is, and its facts as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from bookshelf.events import Event
from bookshelf.tables import runs, snapshots
from bookshelf.webhooks import notify

# A run that succeeded is told as the snapshot that it published; one that found no change published too.
_EVENT_OF_RUN: dict[str, Event] = {
    "failed": "run.failed",
    "quarantined": "run.quarantined",
    "interrupted": "run.interrupted",
    "cancelled": "run.cancelled",
}
_OF_RUN = (
    runs.c.id.label("run_id"),
    runs.c.snapshot_id,
    runs.c.kind,
    func.coalesce(
        select(snapshots.c.source).where(snapshots.c.id == runs.c.snapshot_id).scalar_subquery(),
        runs.c.source,
    ).label("source"),
    runs.c.requested_by,
    runs.c.status,
    runs.c.counts,
    runs.c.error,
    runs.c.requested_at,
    runs.c.started_at,
    runs.c.finished_at,
)
_OF_SNAPSHOT = (
    snapshots.c.id.label("snapshot_id"),
    runs.c.id.label("run_id"),
    snapshots.c.source,
    snapshots.c.status,
    snapshots.c.revision,
    snapshots.c.books,
    snapshots.c.added,
    snapshots.c.changed,
    snapshots.c.removed,
    snapshots.c.started_at,
    snapshots.c.taken_at,
    snapshots.c.published_at,
)


def tell_of_run(connection: Connection, run_id: str, at: datetime) -> None:
    """Tell how a run has ended, if that is an event; in the transaction that ends it."""
    row = connection.execute(select(*_OF_RUN).where(runs.c.id == run_id)).one()
    if event := _EVENT_OF_RUN.get(row.status):
        notify(connection, event, as_json(row._mapping), at)


def tell_of_snapshot(connection: Connection, snapshot_id: int, at: datetime) -> None:
    """Tell that a snapshot was published, by which run if by any; in the transaction that publishes it."""
    with_run = snapshots.outerjoin(runs, runs.c.snapshot_id == snapshots.c.id)
    latest_run = (
        select(*_OF_SNAPSHOT)
        .select_from(with_run)
        .where(snapshots.c.id == snapshot_id)
        .order_by(runs.c.requested_at.desc())
        .limit(1)
    )
    row = connection.execute(latest_run).one()
    notify(connection, "snapshot.published", as_json(row._mapping), at)


def as_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Its facts as JSON values; moments as ISO 8601."""
    return {
        str(name): value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()
    }
