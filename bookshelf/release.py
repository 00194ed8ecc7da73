"""Publishing what a run found although the checks refused it: an operator's word against theirs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from bookshelf.errors import BookshelfError, Conflict
from bookshelf.runs import Runs
from bookshelf.snapshots import Snapshot, Snapshots


def release(engine: Engine, run_id: str, at: datetime) -> Snapshot:
    """Publish a run's quarantined snapshot all the same, and let the run have succeeded.

    Raises `NotFound` for no such run, `Conflict` for one that is not in quarantine, or whose source has
    been published since.
    """
    runs, snapshots = Runs(engine), Snapshots(engine)
    run = runs.get(run_id)
    if run.status != "quarantined" or run.snapshot_id is None:
        raise Conflict("run_id", f"the run is {run.status}; only one in quarantine can be released")
    snapshot = snapshots.get(run.snapshot_id)
    if snapshot.status != "published":  # it is, if a release was cut short between its two steps
        try:
            snapshot = snapshots.publish(snapshot.id, at)
        except BookshelfError as error:
            raise Conflict("run_id", str(error)) from error
    runs.settle(run_id, "succeeded")
    return snapshot
