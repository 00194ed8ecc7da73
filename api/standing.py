"""How a run stands now, which its record may not know yet."""

from __future__ import annotations

from datetime import datetime

from bookshelf.runs import Run, Runs


def as_it_stands(run: Run, runs: Runs, at: datetime) -> Run:
    """The run; marked as interrupted first if its process has not been heard of in time.

    Whoever claims or asks for a run does that too, but until then nobody may have.
    """
    if run.status != "running" or run.lease_until is None or run.lease_until >= at:
        return run
    runs.expire(at)
    return runs.get(run.id)
