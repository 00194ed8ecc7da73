"""A worker killed at any moment of a run leaves one whole snapshot, and the next run completes."""

from __future__ import annotations

import os
import random
import signal
import time
from decimal import Decimal
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

import pytest

from bookshelf.catalogue import Catalogue, now
from bookshelf.runs import LEASE, Run, Runs
from bookshelf.settings import Settings
from tests.conftest import wait_until
from tests.ingestion.processes import start, work

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop

pytestmark = pytest.mark.slow

#: Another seed draws other moments: `BOOKSHELF_TEST_SEED=7 pytest tests/ingestion/test_kill.py`.
SEED = int(os.environ.get("BOOKSHELF_TEST_SEED", "20"))
KILLS = 20
#: Past the kills that are wanted, so many at most until one came before the end of its run and one after.
MOST_KILLS = 60


def a_worker() -> BaseProcess:
    """A worker with the settings of the environment."""
    return start(os.environ, work)


def offered(shop: SmallShop, day: int) -> dict[str, Decimal]:
    """Every price of that day, by UPC; each day moves all of them."""
    return {
        f"upc{number:04}": Decimal(10 + number) + Decimal(99 - day) / 100
        for number in range(1, shop_size(shop) + 1)
    }


def shop_size(shop: SmallShop) -> int:
    return sum("/catalogue/book-" in path for path in shop.pages)


def turn_to(shop: SmallShop, day: int) -> None:
    for number in range(1, shop_size(shop) + 1):
        path = f"/catalogue/book-{number}/index.html"
        shop.change(path, f"£{10 + number}.{100 - day:02}", f"£{10 + number}.{99 - day:02}")


def on_offer(catalogue: Catalogue) -> dict[str, Decimal]:
    return {one.book.upc: one.book.price for one in catalogue.all_books()}


@pytest.fixture
def by_hand(database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BOOKSHELF_DATABASE_URL", database_url)
    monkeypatch.setenv("BOOKSHELF_SCHEDULE", "off")
    return settings


def test_a_killed_worker_leaves_one_whole_snapshot_and_the_next_completes(
    by_hand: Settings, database_url: str, many_books: SmallShop
) -> None:
    assert by_hand.home.parent.exists()
    catalogue = Catalogue.open(database_url)
    runs, chance = Runs(catalogue.engine), random.Random(SEED)
    many_books.latency = 0.02
    worker = a_worker()
    try:
        first = runs.request(many_books.url, "test", now())
        wait_until(lambda: runs.get(first.id).status == "succeeded")
        assert on_offer(catalogue) == offered(many_books, 0)
        usual = seconds(runs.get(first.id))
        ends: list[str] = []
        for day in range(1, MOST_KILLS + 1):
            before, after = offered(many_books, day - 1), offered(many_books, day)
            turn_to(many_books, day)
            moment = chance.uniform(0, 1.5 * usual)
            run = kill_during_a_run(worker, runs, many_books, moment)
            found = on_offer(catalogue)
            assert found in (before, after), f"a mixture after {moment:.3f} s"
            ends.append("published" if found == after else "not yet")
            worker = a_worker()
            resumed = chance.random() < 0.5
            ended = finish(runs, run, many_books, resumed=resumed)
            # As long as a whole run takes now: the machine may have become busier.
            usual = usual if resumed else seconds(ended)
            assert on_offer(catalogue) == after
            current = catalogue.snapshot()
            assert current is not None
            assert current.features_published_at is not None
            if day >= KILLS and {"published", "not yet"} <= set(ends):
                break
    finally:
        worker.kill()
        worker.join()
    # Kills that all came too early or too late would have shown nothing.
    assert {"published", "not yet"} <= set(ends), ends
    # One book, one version a day: nothing was written twice.
    assert [len(catalogue.history(book_id)) for book_id in (1, 60)] == [len(ends) + 1] * 2


def seconds(run: Run) -> float:
    assert run.started_at is not None
    assert run.finished_at is not None
    return (run.finished_at - run.started_at).total_seconds()


def kill_during_a_run(worker: BaseProcess, runs: Runs, shop: SmallShop, moment: float) -> Run:
    run = runs.request(shop.url, "test", now())
    wait_until(lambda: runs.get(run.id).status != "queued")
    time.sleep(moment)
    worker.kill()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    return runs.get(run.id)


def finish(runs: Runs, run: Run, shop: SmallShop, *, resumed: bool) -> Run:
    """The run that completes what was killed: one that goes on with it, or one of its own."""
    runs.expire(now() + LEASE)  # as if we had waited so long
    if resumed and runs.get(run.id).status == "interrupted":
        next_run = runs.resume(run.id, now())
    else:
        next_run = runs.request(shop.url, "test", now())
    wait_until(lambda: runs.get(next_run.id).status not in ("queued", "running"))
    ended = runs.get(next_run.id)
    assert (ended.status, ended.error) == ("succeeded", None)
    return ended
