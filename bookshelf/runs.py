"""The records of scrape runs: asked for by the API or the CLI, carried out by another process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Engine, insert, select, update

from bookshelf.errors import NotFound
from bookshelf.tables import runs

Status = Literal["queued", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class ScrapeRun:
    """One run: `pages` fetched and `books` read so far, and how it ended if it has."""

    id: str
    source: str
    requested_by: str
    status: Status
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pages: int
    books: int
    snapshot_id: int | None
    error: str | None


class ScrapeRuns:
    """Every run of one catalogue database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def request(self, source: str, requested_by: str, at: datetime) -> str:
        """Queue a run; returns its id. An empty `source` means the installation's own."""
        run_id = str(uuid4())
        with self.engine.begin() as connection:
            connection.execute(
                insert(runs).values(
                    id=run_id, source=source, requested_by=requested_by, status="queued", requested_at=at
                )
            )
        return run_id

    def begin(self, source: str, requested_by: str, at: datetime) -> ScrapeRun:
        """Record a run that its requester carries out itself: it is running from the start."""
        run_id = str(uuid4())
        with self.engine.begin() as connection:
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    source=source,
                    requested_by=requested_by,
                    status="running",
                    requested_at=at,
                    started_at=at,
                )
            )
        return self.get(run_id)

    def claim(self, at: datetime) -> ScrapeRun | None:
        """Take the oldest queued run and mark it running; None if nothing waits.

        The update names the state it expects, so that of two workers only one gets the run.
        """
        with self.engine.begin() as connection:
            oldest = (
                select(runs.c.id).where(runs.c.status == "queued").order_by(runs.c.requested_at).limit(1)
            ).scalar_subquery()
            claimed = connection.execute(
                update(runs)
                .where(runs.c.id == oldest, runs.c.status == "queued")
                .values(status="running", started_at=at)
                .returning(runs.c.id)
            ).scalar()
        return None if claimed is None else self.get(claimed)

    def report(self, run_id: str, *, pages: int, books: int) -> None:
        """Note how far a running crawl has come."""
        with self.engine.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(pages=pages, books=books))

    def finish(
        self, run_id: str, at: datetime, *, snapshot_id: int | None = None, error: str | None = None
    ) -> None:
        """Mark a run succeeded, or failed if there is an error."""
        with self.engine.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(
                    status="succeeded" if error is None else "failed",
                    finished_at=at,
                    snapshot_id=snapshot_id,
                    error=error,
                )
            )

    def fail_abandoned(self, at: datetime) -> int:
        """Mark runs still `running` as failed; for the one worker to call as it starts. Returns how many."""
        with self.engine.begin() as connection:
            return connection.execute(
                update(runs)
                .where(runs.c.status == "running")
                .values(status="failed", finished_at=at, error="the worker stopped before the run was done")
            ).rowcount

    def get(self, run_id: str) -> ScrapeRun:
        """The run with that id. Raises `NotFound`."""
        with self.engine.connect() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise NotFound("run_id", f"no scrape run has the id {run_id!r}")
        return ScrapeRun(**row._mapping)
