"""A run in our hands: a heartbeat keeps its lease and its counts fresh, and hears when it is cancelled."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import now
from bookshelf.errors import BookshelfError, Conflict
from bookshelf.run_log import Level, RunLog
from bookshelf.runs import Run, Runs, Status

log = logging.getLogger(__name__)

# As long as a cancelled run may go on; and a fifth of a short lease, so that a few beats may fail.
_LONGEST_BEAT = timedelta(seconds=1)
# How the end of a run is logged: a cancelled one is as somebody wanted it, others can be gone on with.
_LEVELS: Mapping[Status, Level] = {
    "succeeded": "info",
    "cancelled": "info",
    "interrupted": "warning",
    "quarantined": "warning",
}


class RunCancelled(BookshelfError):
    """Somebody has cancelled the run."""


class Quarantined(BookshelfError):
    """What was read is kept apart, and the catalogue is as it was; the text says why."""


class CarriedRun:
    """The run while we hold it. `counts` only grow; others see them a beat later."""

    def __init__(self, runs: Runs, run: Run, holder: str) -> None:
        self.run = run
        self.counts = dict(run.counts)
        self._runs = runs
        self._holder = holder
        self._log = RunLog(runs.engine)
        self._ended = threading.Event()
        self._cancelled = False
        self._lost: Conflict | None = None

    def count(self, **counts: int) -> None:
        """Note how far the run has come."""
        self.counts = {**self.counts, **counts}

    def fills(self, snapshot_id: int) -> None:
        self._runs.fills(self.run.id, self._holder, snapshot_id)

    def say(self, event: str, *, level: Level = "info", **detail: Any) -> None:
        """Write a line into the run's log."""
        self._log.write(self.run.id, now(), level, event, **detail)

    def check(self) -> None:
        """Raise `RunCancelled` if it was cancelled, `Conflict` if another has taken it from us."""
        if self._lost is not None:
            raise self._lost
        if self._cancelled:
            raise RunCancelled(f"run {self.run.id} was cancelled")

    def renew(self) -> None:
        """Make sure that the run is ours at this moment. Raises as `check` does."""
        self._beat()
        self.check()

    def keep_alive(self) -> None:
        beat = min(_LONGEST_BEAT, self._runs.lease / 5)
        while not self._ended.wait(beat.total_seconds()):
            try:
                self._beat()
            except SQLAlchemyError:  # the lease lasts for many beats, and the next may succeed
                log.exception("the heartbeat of run %s failed", self.run.id)

    def end_heartbeat(self) -> None:
        self._ended.set()

    def finish(self, status: Status, error: str | None = None) -> None:
        """Put the end on record. Raises `Conflict`, and logs nothing, if another has taken the run."""
        self._runs.finish(self.run.id, self._holder, now(), status, counts=self.counts, error=error)
        self.say("ended", level=_LEVELS.get(status, "error"), status=status, error=error)

    def _beat(self) -> None:
        try:
            run = self._runs.renew(self.run.id, self._holder, now(), self.counts)
            self._cancelled = run.cancel_asked
        except Conflict as error:
            self._lost = error


def a_holder() -> str:
    """A name for whoever carries runs out in this process, like no other's."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


@contextmanager
def carrying(runs: Runs, run: Run, holder: str) -> Iterator[CarriedRun]:
    """Hold the run while the body carries it out, and put on record how that ends.

    Whatever the body raises is recorded and raised on. A process that is told to stop leaves the run
    interrupted, to be resumed.
    """
    carried = CarriedRun(runs, run, holder)
    beating = threading.Thread(target=carried.keep_alive, name="heartbeat", daemon=True)
    beating.start()
    status: Status = "succeeded"
    told: str | None = None
    try:
        yield carried
    except BaseException as error:  # a stop must not leave the run to its lease
        status, told = _status(error), _in_words(error)
        raise
    finally:
        carried.end_heartbeat()
        beating.join()
        try:
            carried.finish(status, told)
        except (Conflict, SQLAlchemyError) as error:
            if status != "interrupted":
                raise
            # A stop must not be lost over it: the lease runs out, or is another's already.
            log.warning("run %s was stopped, and that cannot be put on record: %s", run.id, error)


def _status(error: BaseException) -> Status:
    if isinstance(error, RunCancelled):
        return "cancelled"
    if isinstance(error, Quarantined):
        return "quarantined"
    return "failed" if isinstance(error, Exception) else "interrupted"


def _in_words(error: BaseException) -> str:
    if isinstance(error, BookshelfError):
        # No database takes lone surrogates, as of a file's name that is no UTF-8, and PostgreSQL no NUL.
        return str(error).encode("utf-8", "replace").decode().replace("\0", "?")
    if isinstance(error, Exception):
        return f"an error nobody expected ({type(error).__name__}); the log has its trace"
    return "it was stopped before it was done"
