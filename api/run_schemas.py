"""Runs, their logs and the snapshots that they fill, as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.pages import Page
from bookshelf.contracts import Problem
from bookshelf.run_log import Level
from bookshelf.runs import Kind, Run, Status
from bookshelf.snapshots import SnapshotStatus


class QueuedRunReply(BaseModel):
    """`status` is how the run stands now: a key that was used before may name one that has ended."""

    run_id: str
    status: Status


class RunReply(BaseModel):
    """A run's record. `source` is as its books have it once it reads it, and until then as it was asked for:
    empty for the installation's own shop.

    `counts` says what it has done so far, over all its `attempts`: requests, pages, pages_parsed,
    pages_unchanged (by their own word), pages_kept (not asked again after a resume), bytes, books,
    failures, added, changed, removed, feature_rows, texts_encoded; `pages`, `books` and `bytes` are
    three of them. While it is running, the process that carries it out must be heard of by `lease_until`.
    """

    run_id: str
    kind: Kind
    status: Status
    source: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    attempts: int = Field(description="How often it was begun or taken up again.")
    cancel_asked: bool
    pages: int
    books: int
    bytes: int
    counts: dict[str, int]
    snapshot_id: int | None
    error: str | None

    @classmethod
    def of(cls, run: Run) -> RunReply:
        return cls(
            run_id=run.id,
            kind=run.kind,
            status=run.status,
            source=run.read_from or run.source,
            requested_by=run.requested_by,
            requested_at=run.requested_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            lease_until=run.lease_until,
            attempts=run.attempts,
            cancel_asked=run.cancel_asked,
            pages=run.counts.get("pages", 0),
            books=run.counts.get("books", 0),
            bytes=run.counts.get("bytes", 0),
            counts=run.counts,
            snapshot_id=run.snapshot_id,
            error=run.error,
        )


class RunPage(Page[RunReply]):
    """One page of the runs, the newest first."""


class RunProblem(Problem):
    """A run is in the way: `run_id` says which."""

    run_id: str


class LogLineReply(BaseModel):
    """One line; `event` says what happened and `detail` its facts."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    level: Level
    event: str
    detail: dict[str, Any]


class LogPage(Page[LogLineReply]):
    """One page of a run's log, the oldest line first."""


class SnapshotReply(BaseModel):
    """What one crawl or import of a source found.

    It was read whole at `taken_at`, and the catalogue says so since `published_at`, as its `revision`-th
    state. `books` were on offer at the source then, or were read if it is in quarantine.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    source: str
    status: SnapshotStatus
    started_at: datetime
    taken_at: datetime | None
    published_at: datetime | None
    revision: int | None
    books: int
    added: int
    changed: int
    removed: int
    features_published_at: datetime | None


class SnapshotPage(Page[SnapshotReply]):
    """One page of the published and the quarantined snapshots, the newest first."""


class SnapshotReportReply(SnapshotReply):
    """A snapshot with the `report` of the checks that refused it, null if none did."""

    report: dict[str, Any] | None
