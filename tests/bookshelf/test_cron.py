"""Cron expressions mean what crontab(5) says they mean, also on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bookshelf.cron import Cron, read_cron
from bookshelf.errors import SettingsError
from bookshelf.settings import Settings

SCHEDULE = "BOOKSHELF_SCHEDULE"
FRIDAY = datetime(2024, 3, 1, 12, tzinfo=UTC)


def times(expression: str, after: datetime, count: int, zone: str = "UTC") -> list[str]:
    """The next times as `03-01 12:00`, in UTC."""
    cron = Cron(expression, ZoneInfo(zone))
    found = []
    for _ in range(count):
        moment = cron.after(after)
        assert moment is not None
        assert moment > after
        after = moment
        found.append(moment.strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("17 3 * * *", ["03-02 03:17", "03-03 03:17"]),
        ("0 12 * * *", ["03-02 12:00", "03-03 12:00"]),
        ("*/20 * * * *", ["03-01 12:20", "03-01 12:40"]),
        ("0 6,18 1 * *", ["03-01 18:00", "04-01 06:00"]),
        ("0 6 1 jan,JUL *", ["07-01 06:00", "01-01 06:00"]),
        # Sunday is 0 and 7, Monday 1.
        ("0 6 * * 0", ["03-03 06:00", "03-10 06:00"]),
        ("0 6 * * 7", ["03-03 06:00", "03-10 06:00"]),
        ("0 6 * * 1", ["03-04 06:00", "03-11 06:00"]),
        ("0 6 * * Sun", ["03-03 06:00", "03-10 06:00"]),
        ("0 6 * * 1-5", ["03-04 06:00", "03-05 06:00"]),
        ("0 6 * * 5-7", ["03-02 06:00", "03-03 06:00"]),
        ("0 6 * * fri-sun", ["03-02 06:00", "03-03 06:00"]),
        ("0 6 * * 6,0", ["03-02 06:00", "03-03 06:00"]),
        ("0 6 * * */3", ["03-02 06:00", "03-03 06:00"]),  # Sunday, Wednesday, Saturday
        ("0 6 * * 1-5/2", ["03-04 06:00", "03-06 06:00"]),
        # The 13th or a Friday, as cron has it.
        ("0 6 13 * 5", ["03-08 06:00", "03-13 06:00"]),
        ("0 6 13 * *", ["03-13 06:00", "04-13 06:00"]),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00"]),
    ],
)
def test_an_expression_gives_the_times_that_cron_would(expression: str, following: list[str]) -> None:
    assert times(expression, FRIDAY, 2) == following


def test_times_are_of_the_time_zone_that_is_set() -> None:
    assert times("17 3 * * *", FRIDAY, 2, "Asia/Kolkata") == ["03-01 21:47", "03-02 21:47"]


def test_a_time_that_the_clock_leaves_out_comes_an_hour_later_and_once() -> None:
    # London goes from 01:00 to 02:00 on 31 March: 01:30 UTC is half past two there.
    before = datetime(2024, 3, 30, 12, tzinfo=UTC)
    assert times("30 1 * * *", before, 2, "Europe/London") == ["03-31 01:30", "04-01 00:30"]


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("30 1 * * *", ["10-27 00:30", "10-28 01:30"]),
        ("30 1-2 * * *", ["10-27 00:30", "10-27 02:30"]),
        ("30 * * * *", ["10-27 00:30", "10-27 01:30"]),
    ],
)
def test_a_time_that_the_clock_repeats_comes_once_but_for_every_hour(
    expression: str, following: list[str]
) -> None:
    # London has 01:30 twice on 27 October, at 00:30 and 01:30 UTC.
    assert times(expression, datetime(2024, 10, 27, tzinfo=UTC), 2, "Europe/London") == following


def test_off_is_the_word_for_no_schedule() -> None:
    assert read_cron("off", "UTC", SCHEDULE) is None
    assert read_cron(" OFF ", "UTC", SCHEDULE) is None


@pytest.mark.parametrize(("field", "days"), [("schedule", 1), ("retrain_schedule", 7)])
def test_by_default_it_scrapes_once_a_day_and_trains_again_once_a_week(field: str, days: int) -> None:
    cron = read_cron(getattr(Settings(), field), "UTC", field)
    assert cron is not None
    first = cron.after(FRIDAY)
    assert first is not None
    second = cron.after(first)
    assert second is not None
    assert (second - first).days == days


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (" ", "expected five fields"),
        ("daily", "expected five fields"),
        ("17 3 * *", "expected five fields .* got 4"),
        ("0 17 3 * * *", "expected five fields .* got 6"),
        ("61 * * * *", "61"),
        ("* 24 * * *", "24"),
        ("* * 0 * *", "0"),
        ("a * * * *", '"a" for field "minute"'),
        ("*/0 * * * *", "higher than 0"),
        ("5-1 * * * *", "minimum value"),
        ("* * * * 8", "'8' is neither 0 to 7 nor one of sun"),
        ("* * * * someday", "'someday'"),
        ("* * * * 1,", "''"),
        ("* * * * 5-1", "'5-1'"),
        ("* * * * 1/0", "'1/0'"),
        ("0 0 31 2 *", "no such day will ever come"),
    ],
)
def test_a_wrong_expression_is_refused_by_the_name_of_its_variable(expression: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^BOOKSHELF_SCHEDULE='.*' cannot be used: .*{why}"):
        read_cron(expression, "UTC", SCHEDULE)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../UTC", "/etc/localtime", "UTC+1"])
def test_a_wrong_time_zone_is_refused_by_the_name_of_its_variable(zone: str) -> None:
    with pytest.raises(SettingsError, match=f"^BOOKSHELF_SCHEDULE_TIME_ZONE='{zone}'".replace("+", r"\+")):
        read_cron("17 3 * * *", zone, SCHEDULE)
