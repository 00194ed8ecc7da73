"""When what is scheduled is due next: kept in the database, so that it outlives whoever keeps the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookshelf.cron import Cron
from bookshelf.database import reading, writing
from bookshelf.tables import schedule

#: The rows of the schedules that there are.
SCRAPE = "scrape"
RETRAIN = "retrain"

#: Ask for what is due, given when it was due and the time now; whether that time is done with.
Ask = Callable[[datetime, datetime], bool]


def next_run_at(engine: Engine, name: str = SCRAPE) -> datetime | None:
    """When it will be asked for next; None while the schedule is off or nobody ever kept it.

    A time in the past was missed: it is made up for as soon as somebody keeps it.
    """
    with reading(engine) as connection:
        return connection.execute(select(schedule.c.next_run_at).where(schedule.c.name == name)).scalar()


def turn_off(engine: Engine, name: str) -> None:
    """Forget when it is due."""
    with writing(engine) as connection:
        connection.execute(delete(schedule).where(schedule.c.name == name))


class Schedule:
    """The next time at which something is due, kept in the database for whoever looks after it.

    Several processes may look: each time counts once if what is asked for with it does.
    """

    def __init__(self, engine: Engine, name: str, cron: Cron, spelled: tuple[str, str], ask: Ask) -> None:
        """`spelled` is the cron's expression and its time zone, as they were set."""
        self._engine = engine
        self._name = name
        self._cron = cron
        self._spelled = dict(zip(("expression", "time_zone"), spelled, strict=True))
        self._ask = ask

    def take_effect(self, at: datetime) -> None:
        """Put this expression in place of the one before; what that has missed stays due, and counts once."""
        try:
            with writing(self._engine) as connection:
                due = connection.execute(select(schedule.c.next_run_at).where(self._row())).scalar()
                values = {**self._spelled, "next_run_at": self._after(at)}
                if due is None:
                    connection.execute(insert(schedule).values(name=self._name, **values))
                    return
                if due <= at:
                    values["next_run_at"] = due
                connection.execute(update(schedule).where(self._row()).values(**values))
        except IntegrityError:
            # Another process has made the row since we looked: now there is one to change.
            self.take_effect(at)

    def look(self, at: datetime) -> None:
        """Ask if something is due."""
        with reading(self._engine) as connection:
            due = connection.execute(select(schedule.c.next_run_at).where(self._mine())).scalar()
        if due is None:
            return  # somebody else's expression has taken effect, or none
        following = self._after(at)
        # Later than the next time there is: the clock was far ahead when it was written.
        astray = due > following
        if not astray and (due > at or not self._ask(due, at)):
            return
        with writing(self._engine) as connection:
            connection.execute(
                update(schedule)
                .where(self._mine(), schedule.c.next_run_at == due)
                .values(next_run_at=following)
            )

    def _after(self, moment: datetime) -> datetime:
        following = self._cron.after(moment)
        assert following is not None, "read_cron refuses an expression without a time to come"
        return following

    def _row(self) -> ColumnElement[bool]:
        return schedule.c.name == self._name

    def _mine(self) -> ColumnElement[bool]:
        return and_(self._row(), *(schedule.c[name] == value for name, value in self._spelled.items()))
