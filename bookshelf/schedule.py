"""When the next scheduled scrape is due: kept in the database, so that it outlives whoever keeps the time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, select

from bookshelf.database import reading
from bookshelf.tables import schedule

#: The row of the one schedule that there is.
SCRAPE = "scrape"


def next_run_at(engine: Engine) -> datetime | None:
    """When a scrape will be asked for next; None while the schedule is off or no worker was ever started.

    A time in the past was missed: it is made up for as soon as a worker runs.
    """
    with reading(engine) as connection:
        return connection.execute(select(schedule.c.next_run_at).where(schedule.c.name == SCRAPE)).scalar()
