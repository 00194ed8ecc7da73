"""A worker or a trainer that is not there is known by what waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from api.schemas import Dependency
from api.waiting import PATIENCE, trainer, worker
from bookshelf.database import open_database, writing
from bookshelf.model_orders import ModelOrders
from bookshelf.runs import Runs
from bookshelf.schedule import RETRAIN, SCRAPE
from bookshelf.tables import schedule

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOON = NOON + PATIENCE
LATE = SOON + timedelta(seconds=1)
WELL = Dependency(status="ok", detail="nothing waits for it")


@pytest.fixture
def runs(database_url: str) -> Iterator[Runs]:
    engine = open_database(database_url)
    yield Runs(engine)
    engine.dispose()


@pytest.fixture
def orders(runs: Runs) -> ModelOrders:
    return ModelOrders(runs.engine)


def test_where_nothing_waits_both_are_well(runs: Runs, orders: ModelOrders) -> None:
    assert (worker(runs, NOON), trainer(orders, NOON)) == (WELL, WELL)


def test_a_run_that_nobody_takes_up_tells_of_the_worker(runs: Runs) -> None:
    run = runs.request("", "api", NOON)
    assert worker(runs, SOON) == WELL
    found = worker(runs, LATE)
    assert found.status == "unknown"
    assert found.detail.startswith(f"run {run.id} has waited since 2026-03-02 12:00 UTC: the worker is down")


def test_a_run_that_is_carried_out_or_resumed_tells_of_nothing(runs: Runs) -> None:
    run = runs.request("", "api", NOON)
    runs.claim("us", NOON)
    assert worker(runs, LATE) == WELL
    runs.finish(run.id, "us", LATE, "failed", counts={})
    runs.resume(run.id, LATE)
    assert worker(runs, LATE) == WELL


@pytest.mark.parametrize("name", [SCRAPE, RETRAIN])
def test_a_scheduled_time_that_has_passed_tells_of_whoever_keeps_it(
    runs: Runs, orders: ModelOrders, name: str
) -> None:
    with writing(runs.engine) as connection:
        row = {"name": name, "expression": "0 12 * * *", "time_zone": "UTC", "next_run_at": NOON}
        connection.execute(insert(schedule).values(row))
    assert (worker(runs, SOON), trainer(orders, SOON)) == (WELL, WELL)
    found = {SCRAPE: worker(runs, LATE), RETRAIN: trainer(orders, LATE)}
    missing = found.pop(name)
    assert list(found.values()) == [WELL]
    assert missing.status == "down"
    assert missing.detail.startswith("what was scheduled for 2026-03-02 12:00 UTC was not begun")


def test_an_order_that_nobody_takes_up_tells_of_the_trainer_unless_it_is_busy(orders: ModelOrders) -> None:
    orders.request("retrain", "sentiment", "api", "", NOON - timedelta(days=1))
    held = orders.claim("us", NOON)
    waiting = orders.request("retrain", "price", "api", "", NOON)
    orders.renew(held.id if held else "", "us", LATE)
    assert trainer(orders, LATE) == WELL
    orders.finish(held.id if held else "", "us", LATE, "succeeded", "done")
    assert trainer(orders, SOON) == WELL
    found = trainer(orders, LATE)
    assert (found.status, found.detail.startswith(f"order {waiting.id} has waited")) == ("unknown", True)
