"""The schedule: asks for a scrape at the times of a crontab expression, and once for those it has missed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue, now
from bookshelf.cron import Cron, read_cron
from bookshelf.errors import Conflict, RunInProgress
from bookshelf.runs import Runs
from bookshelf.schedule import SCRAPE, Schedule, turn_off
from bookshelf.settings import Settings

log = logging.getLogger(__name__)

# Between the times of the expression too: a clock that is set, or a machine that slept, moves them nearer
# without waking anybody, and a database that was away at the time may be back.
_LOOK_EVERY = timedelta(minutes=1)


def scrape_schedule(engine: Engine, cron: Cron, settings: Settings) -> Schedule:
    """The schedule of scrapes; a time at which a run is in progress is skipped.

    Of several processes that look, each time is one run: the run's idempotency key is the time.
    """
    spelled = settings.schedule, settings.schedule_time_zone
    return Schedule(engine, SCRAPE, cron, spelled, partial(_request, Runs(engine)))


def _request(runs: Runs, due: datetime, at: datetime) -> bool:
    """Whether the time `due` is done with."""
    try:
        run = runs.request("", "schedule", at, idempotency_key=f"schedule {due.isoformat()}")
    except RunInProgress as error:
        log.warning("the scrape scheduled for %s is skipped: run %s is in progress", due, error.run_id)
        return True
    except Conflict:  # that run ended between the two questions
        return False
    log.info("run %s asked for, scheduled for %s", run.id, due)
    return True


@contextmanager
def scheduling(
    catalogue: Catalogue,
    settings: Settings,
    clock: Callable[[], datetime] = now,
    look_every: timedelta = _LOOK_EVERY,
) -> Iterator[None]:
    """Ask for scrapes at the times that the settings say, from a thread of this process, while it lasts.

    Raises `SettingsError` at once for settings that cannot be used.
    """
    cron = read_cron(settings.schedule, settings.schedule_time_zone, "BOOKSHELF_SCHEDULE")
    if cron is None:
        turn_off(catalogue.engine, SCRAPE)
        log.info("no scrapes are scheduled")
        yield
        return
    kept = scrape_schedule(catalogue.engine, cron, settings)
    kept.take_effect(clock())

    def look() -> None:
        try:
            kept.look(clock())
        except SQLAlchemyError as error:
            log.warning("the schedule cannot be looked at now: %s", error)

    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it would tell of every look
    scheduler = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
    scheduler.add_job(
        look,
        OrTrigger([cron.trigger, IntervalTrigger(seconds=look_every.total_seconds(), timezone=UTC)]),
        next_run_time=datetime.now(UTC),
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown()
