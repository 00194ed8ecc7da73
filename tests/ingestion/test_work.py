"""The worker: takes runs one by one, survives those that fail, and stops when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import FeatureStoreError, PageChanged
from bookshelf.runs import ScrapeRuns
from bookshelf.settings import ROOT, Settings
from ingestion.scrape import scrape_lock
from ingestion.work import carry_out_next

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


@pytest.fixture
def worker(catalogue: Catalogue) -> Iterator[subprocess.Popen[str]]:
    """The real worker of this catalogue, waiting for runs."""
    assert catalogue.snapshot() is None
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion", "work"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "waiting for scrape runs" in process.stderr.readline()
    yield process
    process.kill()
    process.wait()


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def nothing(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> None:
    pass


def test_without_a_run_there_is_nothing_to_do(catalogue: Catalogue, settings: Settings) -> None:
    assert not carry_out_next(catalogue, settings, nothing)


def test_a_queued_run_is_carried_out_with_its_features(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, shop: SmallShop
) -> None:
    published: list[datetime] = []
    run_id = runs.request(shop.url, "admin", now())
    assert carry_out_next(catalogue, settings, lambda _c, _s, at: published.append(at))
    assert len(published) == 1
    run = runs.get(run_id)
    assert (run.status, run.books, run.snapshot_id, run.requested_by) == ("succeeded", 7, 1, "admin")
    assert not carry_out_next(catalogue, settings, nothing)


def test_a_run_that_fails_does_not_keep_the_next_from_its_turn(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, shop: SmallShop
) -> None:
    shop.change("/catalogue/book-7/index.html", "£17.99", "seventeen")
    first = runs.request(shop.url, "admin", now())
    second = runs.request(shop.url, "admin", now() + timedelta(seconds=1))
    with pytest.raises(PageChanged):
        carry_out_next(catalogue, settings, nothing)
    shop.change("/catalogue/book-7/index.html", "seventeen", "£17.99")
    assert carry_out_next(catalogue, settings, nothing)
    assert (runs.get(first).status, runs.get(second).status) == ("failed", "succeeded")


def test_features_that_fail_fail_the_run(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, shop: SmallShop
) -> None:
    def fail(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> None:
        raise FeatureStoreError("the online store is full")

    run_id = runs.request(shop.url, "admin", now())
    with pytest.raises(FeatureStoreError):
        carry_out_next(catalogue, settings, fail)
    assert (runs.get(run_id).status, runs.get(run_id).error) == ("failed", "the online store is full")


def test_while_somebody_else_scrapes_runs_wait(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, shop: SmallShop
) -> None:
    run_id = runs.request(shop.url, "admin", now())
    theirs = runs.begin(shop.url, "cli", now())
    with scrape_lock(settings).acquire():
        assert not carry_out_next(catalogue, settings, nothing)
        assert runs.get(run_id).status == "queued"
        assert runs.get(theirs.id).status == "running"


def test_a_run_that_its_worker_died_of_is_failed_by_the_next(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns
) -> None:
    abandoned = runs.begin("", "admin", now())
    assert not carry_out_next(catalogue, settings, nothing)
    assert runs.get(abandoned.id).status == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_cleanly(worker: subprocess.Popen[str], number: int) -> None:
    worker.send_signal(number)
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert "stopped" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_working_worker_stops_cleanly_and_says_what_became_of_its_run(
    worker: subprocess.Popen[str], runs: ScrapeRuns, catalogue: Catalogue, shop: SmallShop
) -> None:
    shop.answer("/catalogue/book-7/index.html", 503, {"Retry-After": "50"})
    run_id = runs.request(shop.url, "admin", now())
    wait_until(lambda: "/catalogue/book-7/index.html" in shop.asked)
    worker.terminate()
    _, said = worker.communicate(timeout=30)  # not the 50 seconds that the shop asked for
    assert worker.returncode == 0
    assert "Traceback" not in said
    run = runs.get(run_id)
    assert (run.status, run.error) == ("failed", "it was stopped before it was done")
    assert catalogue.snapshot() is None


@pytest.mark.slow
def test_a_worker_survives_a_failed_run_and_publishes_the_features_of_the_next(
    worker: subprocess.Popen[str], runs: ScrapeRuns, catalogue: Catalogue, shop: SmallShop
) -> None:
    shop.change("/catalogue/book-7/index.html", "£17.99", "seventeen")
    first = runs.request(shop.url, "admin", now())
    wait_until(lambda: runs.get(first).status == "failed")
    assert "cannot read price" in (runs.get(first).error or "")
    shop.change("/catalogue/book-7/index.html", "seventeen", "£17.99")
    second = runs.request(shop.url, "admin", now())
    wait_until(lambda: runs.get(second).status not in ("queued", "running"), seconds=180)
    assert (runs.get(second).status, runs.get(second).error) == ("succeeded", None)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is not None
    assert worker.poll() is None
