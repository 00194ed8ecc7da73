"""The runs that fill the catalogue: asked for by anyone, held on a lease by the one who carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookshelf.database import reading, writing
from bookshelf.errors import Conflict, NotFound, RunInProgress
from bookshelf.notices import tell_of_run
from bookshelf.tables import runs, snapshots

Kind = Literal["scrape", "import"]
Status = Literal["queued", "running", "succeeded", "failed", "quarantined", "interrupted", "cancelled"]
_RESUMABLE = ("interrupted", "failed", "cancelled")

#: How long a run belongs to its holder without a word from it; a heartbeat renews it well before.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Run:
    """One scrape or import. `counts` says what it has done so far, `lease_until` until when it is held.

    `snapshot_id` is the snapshot that it fills: kept when a run is resumed, so that no page is read twice.
    `source` is as it was asked for, `read_from` as that snapshot's books have it; None before there is one.
    """

    id: str
    kind: Kind
    source: str
    requested_by: str
    status: Status
    requested_at: datetime
    started_at: datetime | None
    lease_until: datetime | None
    finished_at: datetime | None
    attempts: int
    counts: dict[str, int]
    snapshot_id: int | None
    error: str | None
    cancel_asked: bool
    read_from: str | None


class Runs:
    """Every run of one catalogue database, of which at most one is queued or running."""

    def __init__(self, engine: Engine, lease: timedelta = LEASE) -> None:
        self.engine = engine
        self.lease = lease

    def request(
        self, source: str, requested_by: str, at: datetime, *, idempotency_key: str | None = None
    ) -> Run:
        """Queue a scrape; an empty `source` means the installation's own shop.

        The same key gives the same run again, whatever has become of it. Raises `RunInProgress` while
        another is queued or running, `Conflict` for a key that asked for another source.
        """
        if idempotency_key is not None and (known := self._of_key(idempotency_key, source)):
            return known
        return self._insert(
            source=source, requested_by=requested_by, at=at, status="queued", idempotency_key=idempotency_key
        )

    def begin(self, kind: Kind, source: str, requested_by: str, holder: str, at: datetime) -> Run:
        """Record a run that its requester carries out itself. Raises `RunInProgress`."""
        return self._insert(
            kind=kind,
            source=source,
            requested_by=requested_by,
            at=at,
            status="running",
            started_at=at,
            lease_holder=holder,
            lease_until=at + self.lease,
            attempts=1,
        )

    def claim(self, holder: str, at: datetime) -> Run | None:
        """Take the queued run and hold it; None if nothing waits. Of several only one gets it."""
        self.expire(at)
        with writing(self.engine) as connection:
            claimed = connection.execute(
                update(runs)
                .where(runs.c.status == "queued")
                .values(
                    status="running",
                    started_at=func.coalesce(runs.c.started_at, at),
                    lease_holder=holder,
                    lease_until=at + self.lease,
                    attempts=runs.c.attempts + 1,
                )
                .returning(runs.c.id)
            ).scalar()
            return None if claimed is None else _get(connection, claimed)

    def renew(self, run_id: str, holder: str, at: datetime, counts: Mapping[str, int]) -> Run:
        """The holder lives: its lease runs on, its counts are noted. Raises `Conflict` if it lost the run."""
        with writing(self.engine) as connection:
            _held(connection, run_id, holder, lease_until=at + self.lease, counts=dict(counts))
            return _get(connection, run_id)

    def fills(self, run_id: str, holder: str, snapshot_id: int) -> None:
        """Note which snapshot the run fills. Raises `Conflict` if its holder has lost it."""
        with writing(self.engine) as connection:
            _held(connection, run_id, holder, snapshot_id=snapshot_id)

    def finish(
        self,
        run_id: str,
        holder: str,
        at: datetime,
        status: Status,
        *,
        counts: Mapping[str, int],
        error: str | None = None,
    ) -> Run:
        """The run has ended. Raises `Conflict` if its holder has lost it."""
        with writing(self.engine) as connection:
            _held(
                connection,
                run_id,
                holder,
                status=status,
                active=None,
                lease_holder=None,
                lease_until=None,
                finished_at=at,
                counts=dict(counts),
                error=error,
            )
            tell_of_run(connection, run_id, at)
            return _get(connection, run_id)

    def expire(self, at: datetime) -> list[str]:
        """Mark runs whose holder has not been heard of as interrupted; returns their ids."""
        with writing(self.engine) as connection:
            expired = (
                update(runs)
                .where(runs.c.status == "running", runs.c.lease_until < at)
                .values(
                    status="interrupted",
                    active=None,
                    lease_holder=None,
                    lease_until=None,
                    finished_at=at,
                    error="the process that carried it out was not heard of any more",
                )
            )
            interrupted = list(connection.execute(expired.returning(runs.c.id)).scalars())
            for run_id in interrupted:
                tell_of_run(connection, run_id, at)
            return interrupted

    def resume(self, run_id: str, at: datetime) -> Run:
        """Queue a run again that did not come to its end; it goes on where it stopped.

        Raises `NotFound`, `Conflict` for one that is not to be resumed, `RunInProgress`.
        """
        self.expire(at)
        run = self.get(run_id)
        if run.kind != "scrape":  # a worker cannot ask for the file again
            raise Conflict("run_id", f"the run is an {run.kind}; only a scrape can be resumed")
        if run.status not in _RESUMABLE:
            raise Conflict(
                "run_id", f"the run is {run.status}; only one that did not end well can be resumed"
            )
        try:
            with writing(self.engine) as connection:
                connection.execute(
                    update(runs)
                    .where(runs.c.id == run_id, runs.c.status == run.status)
                    .values(status="queued", active=True, cancel_asked=False, finished_at=None, error=None)
                )
        except IntegrityError as error:
            raise self._in_progress() from error
        return self.get(run_id)

    def cancel(self, run_id: str, at: datetime) -> Run:
        """Cancel a queued run at once, a running one as soon as its holder hears of it.

        Raises `NotFound`, and `Conflict` for a run that has ended.
        """
        self.expire(at)
        with writing(self.engine) as connection:
            run = _get(connection, run_id)
            if run.status == "queued":
                values: dict[str, Any] = {"status": "cancelled", "active": None, "finished_at": at}
            elif run.status == "running":
                values = {"cancel_asked": True}
            else:
                raise Conflict("run_id", f"the run has ended already: it {_ended(run.status)}")
            connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
            if run.status == "queued":
                tell_of_run(connection, run_id, at)
            return _get(connection, run_id)

    def settle(self, run_id: str, status: Status) -> None:
        """Give an ended run its final word, as when its quarantined snapshot is released."""
        with writing(self.engine) as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(status=status, error=None))

    def get(self, run_id: str) -> Run:
        """The run with that id. Raises `NotFound`."""
        with reading(self.engine) as connection:
            return _get(connection, run_id)

    def active(self) -> Run | None:
        """The run that is queued or running, if there is one."""
        with reading(self.engine) as connection:
            row = connection.execute(select(*_COLUMNS).where(runs.c.active.is_(True))).first()
        return None if row is None else Run(**row._mapping)

    def page(self, *, number: int, size: int) -> tuple[list[Run], int]:
        """Page `number` (from 1) of the runs, newest first, and their number."""
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).select_from(runs)).scalar_one()
            rows = connection.execute(
                select(*_COLUMNS)
                .order_by(runs.c.requested_at.desc(), runs.c.id)
                .limit(size)
                .offset((number - 1) * size)
            ).all()
        return [Run(**row._mapping) for row in rows], total

    def _insert(self, *, at: datetime, **values: Any) -> Run:
        self.expire(at)
        run_id = str(uuid4())
        row = {"kind": "scrape", **values, "id": run_id, "requested_at": at, "active": True, "counts": {}}
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(runs).values(row))
        except IntegrityError as error:
            key = values.get("idempotency_key")
            if key is not None and (known := self._of_key(key, values["source"])):
                return known  # two requests with one key at once
            raise self._in_progress() from error
        return self.get(run_id)

    def _of_key(self, key: str, source: str) -> Run | None:
        with reading(self.engine) as connection:
            row = connection.execute(select(*_COLUMNS).where(runs.c.idempotency_key == key)).first()
        if row is None:
            return None
        if row.source != source:
            asked = row.source or "this installation's own shop"
            raise Conflict("Idempotency-Key", f"the key was used for a scrape of {asked}")
        return Run(**row._mapping)

    def _in_progress(self) -> RunInProgress | Conflict:
        run = self.active()
        if run is None:
            return Conflict("run_id", "another run has just ended; ask again")
        return RunInProgress(run.id, run.status)


_READ_FROM = "read_from"
_COLUMNS = (
    *(runs.c[field.name] for field in fields(Run) if field.name != _READ_FROM),
    select(snapshots.c.source)
    .where(snapshots.c.id == runs.c.snapshot_id)
    .scalar_subquery()
    .label(_READ_FROM),
)


def _get(connection: Connection, run_id: str) -> Run:
    row = connection.execute(select(*_COLUMNS).where(runs.c.id == run_id)).first()
    if row is None:
        raise NotFound("run_id", f"no scrape run has the id {run_id!r}")
    return Run(**row._mapping)


def _held(connection: Connection, run_id: str, holder: str, **values: Any) -> None:
    """Change a run that is still its holder's."""
    held = (runs.c.id == run_id, runs.c.status == "running", runs.c.lease_holder == holder)
    if not connection.execute(update(runs).where(*held).values(**values)).rowcount:
        raise Conflict("run_id", f"run {run_id} is no longer held by {holder}")


def _ended(status: Status) -> str:
    return {"succeeded": "succeeded", "failed": "failed"}.get(status, f"was {status}")
