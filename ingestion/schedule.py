"""The schedule: asks for a scrape at the times of a crontab expression, and once for those it has missed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import ColumnElement, Engine, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bookshelf.catalogue import Catalogue, now
from bookshelf.database import reading, writing
from bookshelf.errors import Conflict, RunInProgress
from bookshelf.runs import Runs
from bookshelf.schedule import SCRAPE
from bookshelf.settings import Settings
from bookshelf.tables import schedule
from ingestion.cron import Cron, read_schedule

log = logging.getLogger(__name__)

# Between the times of the expression too: a clock that is set, or a machine that slept, moves them nearer
# without waking anybody, and a database that was away at the time may be back.
_LOOK_EVERY = timedelta(minutes=1)


class Schedule:
    """The next time at which a scrape is due, kept in the database for whoever looks after it.

    Of several processes that look, each time is one run: the run's idempotency key is the time.
    """

    def __init__(self, engine: Engine, cron: Cron, expression: str, time_zone: str) -> None:
        self._engine = engine
        self._cron = cron
        self._spelled = {"expression": expression, "time_zone": time_zone}

    def take_effect(self, at: datetime) -> None:
        """Put this expression in place of the one before; what that has missed stays due, and counts once."""
        try:
            with writing(self._engine) as connection:
                due = connection.execute(select(schedule.c.next_run_at).where(_ROW)).scalar()
                values = {**self._spelled, "next_run_at": self._after(at)}
                if due is None:
                    connection.execute(insert(schedule).values(name=SCRAPE, **values))
                    return
                if due <= at:
                    values["next_run_at"] = due
                connection.execute(update(schedule).where(_ROW).values(**values))
        except IntegrityError:
            # Another process has made the row since we looked: now there is one to change.
            self.take_effect(at)

    def look(self, at: datetime) -> None:
        """Ask for a scrape if one is due; a time at which a run is in progress is skipped."""
        with reading(self._engine) as connection:
            due = connection.execute(select(schedule.c.next_run_at).where(self._mine())).scalar()
        if due is None:
            return  # somebody else's expression has taken effect, or none
        following = self._after(at)
        # Later than the next time there is: the clock was far ahead when it was written.
        astray = due > following
        if not astray and (due > at or not self._request(due, at)):
            return
        with writing(self._engine) as connection:
            connection.execute(
                update(schedule)
                .where(self._mine(), schedule.c.next_run_at == due)
                .values(next_run_at=following)
            )

    def _request(self, due: datetime, at: datetime) -> bool:
        """Whether the time `due` is done with."""
        try:
            run = Runs(self._engine).request(
                "", "schedule", at, idempotency_key=f"schedule {due.isoformat()}"
            )
        except RunInProgress as error:
            log.warning("the scrape scheduled for %s is skipped: run %s is in progress", due, error.run_id)
            return True
        except Conflict:  # that run ended between the two questions
            return False
        log.info("run %s asked for, scheduled for %s", run.id, due)
        return True

    def _after(self, moment: datetime) -> datetime:
        following = self._cron.after(moment)
        assert following is not None, "read_schedule refuses an expression without a time to come"
        return following

    def _mine(self) -> ColumnElement[bool]:
        return and_(_ROW, *(schedule.c[name] == value for name, value in self._spelled.items()))


_ROW = schedule.c.name == SCRAPE


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
    cron = read_schedule(settings)
    if cron is None:
        with writing(catalogue.engine) as connection:
            connection.execute(delete(schedule).where(_ROW))
        log.info("no scrapes are scheduled")
        yield
        return
    kept = Schedule(catalogue.engine, cron, settings.schedule, settings.schedule_time_zone)
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
