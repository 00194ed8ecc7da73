"""A crontab's five fields as cron itself means them, computed by APScheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bookshelf.catalogue import now
from bookshelf.errors import SettingsError

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_OFF = "off"
_FIELDS = "minute, hour, day of month, month, day of week"
# Sunday at both ends, as in crontab(5). APScheduler 3 counts from Monday, so it is only given names.
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_INSTANT = timedelta(microseconds=1)


class Cron:
    """The times of a crontab expression in a time zone.

    Where both days, of month and of week, are restricted, either is enough. A time that a clock put forward
    leaves out comes as much later as the clock was put forward; one that a clock put back repeats comes once,
    unless the hour is `*` or a step: then every repeated time counts.
    """

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        """Raises `ValueError` saying what is wrong with the expression."""
        # Here and not above: the web process reads schedules too, and never their expressions.
        from apscheduler.triggers.combining import OrTrigger
        from apscheduler.triggers.cron import CronTrigger

        fields = expression.split()
        if len(fields) != 5:
            raise ValueError(f"expected five fields ({_FIELDS}), got {len(fields)}")
        minute, hour, day, month, weekday = fields
        self._every_hour = hour.startswith("*")
        either = not day.startswith("*") and not weekday.startswith("*")
        days = [(day, "*"), ("*", weekday)] if either else [(day, weekday)]
        self.trigger: BaseTrigger = OrTrigger(
            [
                CronTrigger(
                    minute=minute,
                    hour=hour,
                    day=of_month,
                    month=month,
                    day_of_week=_weekdays(of_week),
                    timezone=zone,
                )
                for of_month, of_week in days
            ]
        )

    def after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, in UTC; None if there is none until the year 9999."""
        while found := self.trigger.get_next_fire_time(None, moment + _INSTANT):
            moment = found.astimezone(UTC)
            if self._every_hour or not found.fold:
                return moment
        return None


def read_cron(expression: str, time_zone: str, variable: str) -> Cron | None:
    """The times of the expression in `variable`; None if it is `off`.

    Raises `SettingsError` naming the variable that cannot be used.
    """
    if expression.strip().lower() == _OFF:
        return None
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"BOOKSHELF_SCHEDULE_TIME_ZONE={time_zone!r} cannot be used: "
            "it must name a time zone such as UTC or Europe/London"
        ) from error
    try:
        cron = Cron(expression, zone)
        if cron.after(now()) is None:
            raise ValueError("no such day will ever come")
    except ValueError as error:
        raise SettingsError(
            f"{variable}={expression!r} cannot be used: {error}; "
            "it must be a cron expression such as '17 3 * * *', or 'off'"
        ) from error
    return cron


def _weekdays(field: str) -> str:
    """The field `day of week` in names: `1-5` is `mon,tue,wed,thu,fri`, and both 0 and 7 are `sun`."""
    if field == "*":
        return field
    named: list[str] = []
    for part in field.lower().split(","):
        days, _, step = part.partition("/")
        first, dash, last = ("0", "-", "6") if days == "*" else days.partition("-")
        start = _weekday(first)
        # `2/2` is from Tuesday on, as in the other fields.
        end = _weekday(last, sunday=7) if dash else 6 if step else start
        if start > end or (step and not (step.isdecimal() and int(step))):
            raise ValueError(f"day of week {part!r} is not a day, a range of days, or one with a step")
        named += _DAYS[start : end + 1 : int(step or 1)]
    return ",".join(dict.fromkeys(named))


def _weekday(name: str, sunday: int = 0) -> int:
    if name in _DAYS:
        return sunday if name == "sun" else _DAYS.index(name)
    if name.isascii() and name.isdecimal() and int(name) < len(_DAYS):
        return int(name)
    raise ValueError(f"day of week {name!r} is neither 0 to 7 nor one of {', '.join(_DAYS[:7])}")
