"""The schedule asks for each of its times once: after a stop, from two processes, and around other runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from bookshelf.catalogue import Catalogue
from bookshelf.cron import read_cron
from bookshelf.database import writing
from bookshelf.errors import SettingsError
from bookshelf.runs import Run, Runs
from bookshelf.schedule import Schedule, next_run_at
from bookshelf.settings import Settings
from bookshelf.tables import schedule
from ingestion.schedule import scheduling, scrape_schedule
from tests.conftest import wait_until

DAILY = Settings(schedule="17 3 * * *")
EVENING = datetime(2026, 5, 1, 20, tzinfo=UTC)
DUE = datetime(2026, 5, 2, 3, 17, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
OFTEN = timedelta(milliseconds=50)


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    opened = Catalogue.open(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def runs(catalogue: Catalogue) -> Runs:
    return Runs(catalogue.engine)


def started(catalogue: Catalogue, at: datetime, settings: Settings = DAILY) -> Schedule:
    """The schedule as a worker that starts at that moment keeps it."""
    cron = read_cron(settings.schedule, settings.schedule_time_zone, "BOOKSHELF_SCHEDULE")
    assert cron is not None
    kept = scrape_schedule(catalogue.engine, cron, settings)
    kept.take_effect(at)
    return kept


def all_runs(runs: Runs) -> list[Run]:
    return runs.page(number=1, size=100)[0]


def end(runs: Runs, at: datetime) -> None:
    """Carry out the queued run."""
    run = runs.claim("me", at)
    assert run is not None
    runs.finish(run.id, "me", at, "succeeded", counts={})


def test_a_first_start_has_missed_nothing(catalogue: Catalogue, runs: Runs) -> None:
    assert next_run_at(catalogue.engine) is None
    kept = started(catalogue, EVENING)
    kept.look(EVENING)
    assert all_runs(runs) == []
    assert next_run_at(catalogue.engine) == DUE


def test_a_run_is_asked_for_at_its_time_and_not_before(catalogue: Catalogue, runs: Runs) -> None:
    kept = started(catalogue, EVENING)
    kept.look(DUE - SECOND)
    assert all_runs(runs) == []
    kept.look(DUE)
    kept.look(DUE + SECOND)
    [run] = all_runs(runs)
    assert (run.kind, run.source, run.requested_by, run.status) == ("scrape", "", "schedule", "queued")
    assert next_run_at(catalogue.engine) == DUE + DAY


def test_times_missed_over_days_are_made_up_for_once(catalogue: Catalogue, runs: Runs) -> None:
    started(catalogue, EVENING)
    back = EVENING + 9 * DAY
    kept = started(catalogue, back)
    assert next_run_at(catalogue.engine) == DUE
    kept.look(back)
    assert [run.requested_at for run in all_runs(runs)] == [back]
    end(runs, back)
    kept.look(back + SECOND)
    assert len(all_runs(runs)) == 1
    assert next_run_at(catalogue.engine) == DUE + 9 * DAY


def test_a_time_at_which_a_run_is_in_progress_is_skipped(
    catalogue: Catalogue, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    kept = started(catalogue, EVENING)
    busy = runs.request("", "admin", EVENING)
    kept.look(DUE)
    assert [run.id for run in all_runs(runs)] == [busy.id]
    assert f"is skipped: run {busy.id} is in progress" in caplog.text
    end(runs, DUE)
    kept.look(DUE + SECOND)
    assert len(all_runs(runs)) == 1, "it was skipped, not put off"
    kept.look(DUE + DAY)
    assert len(all_runs(runs)) == 2


def test_two_workers_ask_for_one_run(catalogue: Catalogue, runs: Runs) -> None:
    one, other = started(catalogue, EVENING), started(catalogue, EVENING)
    one.look(DUE)
    end(runs, DUE)
    other.look(DUE + SECOND)
    assert len(all_runs(runs)) == 1


def test_a_worker_that_dies_between_asking_and_noting_asks_for_one_run(
    catalogue: Catalogue, runs: Runs
) -> None:
    started(catalogue, EVENING).look(DUE)
    end(runs, DUE)
    with writing(catalogue.engine) as connection:  # as it was before it was noted
        connection.execute(update(schedule).values(next_run_at=DUE))
    started(catalogue, DUE + SECOND).look(DUE + SECOND)
    assert len(all_runs(runs)) == 1
    assert next_run_at(catalogue.engine) == DUE + DAY


def test_a_changed_expression_takes_effect_on_start(catalogue: Catalogue, runs: Runs) -> None:
    before = started(catalogue, EVENING)
    started(catalogue, EVENING, Settings(schedule="0 22 * * *"))
    assert next_run_at(catalogue.engine) == EVENING + timedelta(hours=2)
    before.look(DUE)
    assert all_runs(runs) == [], "who still has the expression before leaves the time alone"
    started(catalogue, EVENING, Settings(schedule="0 22 * * *", schedule_time_zone="Asia/Kolkata"))
    assert next_run_at(catalogue.engine) == datetime(2026, 5, 2, 16, 30, tzinfo=UTC)


def test_what_the_expression_before_has_missed_is_made_up_for(catalogue: Catalogue, runs: Runs) -> None:
    started(catalogue, EVENING)
    kept = started(catalogue, DUE + DAY, Settings(schedule="0 22 * * *"))
    kept.look(DUE + DAY)
    assert len(all_runs(runs)) == 1
    assert next_run_at(catalogue.engine) == datetime(2026, 5, 3, 22, tzinfo=UTC)


def test_a_clock_that_was_far_ahead_does_not_stop_the_schedule(catalogue: Catalogue, runs: Runs) -> None:
    kept = started(catalogue, EVENING + 365 * DAY)
    kept.look(EVENING)
    assert all_runs(runs) == []
    assert next_run_at(catalogue.engine) == DUE


def test_a_clock_that_is_put_back_repeats_no_run(catalogue: Catalogue, runs: Runs) -> None:
    kept = started(catalogue, EVENING)
    kept.look(DUE)
    end(runs, DUE)
    for at in (DUE - SECOND, DUE, DUE + SECOND):
        kept.look(at)
    assert len(all_runs(runs)) == 1
    assert next_run_at(catalogue.engine) == DUE + DAY


def test_the_thread_makes_up_for_what_was_missed_and_stops(catalogue: Catalogue, runs: Runs) -> None:
    started(catalogue, EVENING - 3 * DAY)
    with scheduling(catalogue, DAILY, lambda: EVENING, OFTEN):
        wait_until(lambda: all_runs(runs))
        wait_until(lambda: next_run_at(catalogue.engine) == DUE)
    [run] = all_runs(runs)
    assert run.requested_by == "schedule"
    end(runs, EVENING)
    with writing(catalogue.engine) as connection:
        connection.execute(update(schedule).values(next_run_at=EVENING))
    time.sleep(0.3)  # for a thread that still looks
    assert len(all_runs(runs)) == 1


def test_the_thread_asks_when_the_time_has_come(catalogue: Catalogue, runs: Runs) -> None:
    time_there: list[datetime] = [EVENING]
    with scheduling(catalogue, DAILY, lambda: time_there[0], OFTEN):
        for day in range(3):
            assert len(all_runs(runs)) == day
            time_there[0] = DUE + day * DAY
            wait_until(runs.active)
            end(runs, time_there[0])
    assert len(all_runs(runs)) == 3


def test_the_thread_outlives_a_database_that_is_away(
    catalogue: Catalogue, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    time_there: list[datetime] = [EVENING]
    with scheduling(catalogue, DAILY, lambda: time_there[0], OFTEN):
        rename(catalogue, "scrape_runs", "away")
        time_there[0] = DUE
        wait_until(lambda: "cannot be looked at now" in caplog.text)
        rename(catalogue, "away", "scrape_runs")
        wait_until(lambda: all_runs(runs))


def test_off_takes_the_next_time_away_and_on_again_is_a_first_start(catalogue: Catalogue, runs: Runs) -> None:
    started(catalogue, EVENING - 3 * DAY)
    with scheduling(catalogue, Settings(schedule="off"), lambda: EVENING):
        assert next_run_at(catalogue.engine) is None
    with scheduling(catalogue, DAILY, lambda: EVENING):
        assert next_run_at(catalogue.engine) == DUE
    assert all_runs(runs) == []


def test_a_wrong_expression_stops_the_worker_at_its_start(catalogue: Catalogue) -> None:
    with (
        pytest.raises(SettingsError, match="BOOKSHELF_SCHEDULE"),
        scheduling(catalogue, Settings(schedule="often")),
    ):
        pytest.fail("it started")


def rename(catalogue: Catalogue, old: str, new: str) -> None:
    with writing(catalogue.engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
