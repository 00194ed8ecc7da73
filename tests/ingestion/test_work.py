"""The worker: takes runs one by one, survives those that fail, and stops when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError, FeatureStoreError
from bookshelf.release import release
from bookshelf.runs import LEASE, Runs
from bookshelf.settings import ROOT, Settings
from bookshelf.stopping import Stopped
from ingestion.lease import Quarantined, carrying
from ingestion.work import Worker
from tests.conftest import wait_until
from tests.ingestion.publisher import Publisher

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


@pytest.fixture
def worker(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """The real worker of this catalogue, waiting for runs, and at no time of day with one of its own."""
    assert catalogue.snapshot() is None
    monkeypatch.setenv("BOOKSHELF_SCHEDULE", "off")
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion", "work"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any("waiting for scrape runs" in line for line in process.stderr)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def ours(catalogue: Catalogue, settings: Settings, publisher: Publisher) -> Worker:
    """A worker in this process."""
    return Worker(catalogue, settings, publisher)


def test_without_a_run_there_is_nothing_to_do(ours: Worker) -> None:
    assert not ours.carry_out_next()
    assert not ours.follow_up()


def test_a_queued_run_is_carried_out_with_its_features(
    ours: Worker, publisher: Publisher, runs: Runs, shop: SmallShop
) -> None:
    run_id = runs.request(shop.url, "admin", now()).id
    assert ours.carry_out_next()
    assert publisher.published == [1]
    run = runs.get(run_id)
    assert (run.status, run.counts["books"], run.snapshot_id, run.requested_by) == (
        "succeeded",
        7,
        1,
        "admin",
    )
    assert not ours.carry_out_next()
    assert not ours.follow_up()


def test_a_run_that_fails_does_not_keep_the_next_from_its_turn(
    ours: Worker, runs: Runs, shop: SmallShop
) -> None:
    shop.answer("/catalogue/page-2.html", 404)
    first = runs.request(shop.url, "admin", now()).id
    assert ours.look() == timedelta(0)
    second = runs.request(shop.url, "admin", now()).id
    assert ours.look() == timedelta(0)
    assert (runs.get(first).status, runs.get(second).status) == ("failed", "succeeded")


def test_features_that_fail_fail_the_run_and_are_tried_again_later(
    ours: Worker, publisher: Publisher, runs: Runs, shop: SmallShop
) -> None:
    publisher.broken = True
    run_id = runs.request(shop.url, "admin", now()).id
    with pytest.raises(FeatureStoreError):
        ours.carry_out_next()
    assert (runs.get(run_id).status, runs.get(run_id).error) == ("failed", "the online store is full")
    with pytest.raises(FeatureStoreError):
        ours.follow_up()
    publisher.broken = False
    assert not ours.follow_up()  # not at once


def test_what_was_released_by_hand_is_followed_up(
    ours: Worker, publisher: Publisher, settings: Settings, runs: Runs, shop: SmallShop, catalogue: Catalogue
) -> None:
    shop.change("/catalogue/book-7/index.html", "upc0007", "upc0001")
    run_id = runs.request(shop.url, "admin", now()).id
    with pytest.raises(Quarantined):
        ours.carry_out_next()
    assert not ours.follow_up()
    release(catalogue.engine, run_id, now())
    assert ours.follow_up()
    assert publisher.published == [1]
    assert settings.export_csv.read_text(encoding="utf-8").count("upc000") == 6


def test_while_somebody_else_has_a_run_ours_waits(ours: Worker, runs: Runs, shop: SmallShop) -> None:
    theirs = runs.begin("scrape", shop.url, "cli", "them", now())
    assert not ours.carry_out_next()
    assert runs.get(theirs.id).status == "running"


def test_a_run_that_its_worker_died_of_is_interrupted_once_its_lease_has_ended(
    ours: Worker, runs: Runs
) -> None:
    abandoned = runs.begin("scrape", "", "admin", "dead", now() - LEASE)
    assert not ours.carry_out_next()
    assert runs.get(abandoned.id).status == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_cleanly(worker: subprocess.Popen[str], number: int) -> None:
    worker.send_signal(number)
    _, said = worker.communicate(timeout=120)
    assert worker.returncode == 0
    assert "stopped" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_working_worker_stops_cleanly_and_says_what_became_of_its_run(
    worker: subprocess.Popen[str], runs: Runs, catalogue: Catalogue, shop: SmallShop
) -> None:
    shop.answer("/catalogue/book-7/index.html", 503, {"Retry-After": "50"})
    run_id = runs.request(shop.url, "admin", now()).id
    wait_until(lambda: "/catalogue/book-7/index.html" in shop.asked)
    worker.terminate()
    _, said = worker.communicate(timeout=30)  # not the 50 seconds that the shop asked for
    assert worker.returncode == 0
    assert "Traceback" not in said
    run = runs.get(run_id)
    assert (run.status, run.error) == ("interrupted", "it was stopped before it was done")
    assert catalogue.snapshot() is None


def test_what_an_error_says_is_put_on_record_whatever_it_is(runs: Runs) -> None:
    run = runs.begin("import", "", "test", "ours", now())
    with pytest.raises(BookshelfError), carrying(runs, run, "ours"):
        raise BookshelfError("cannot read B\udcfccher\0.csv")
    ended = runs.get(run.id)
    assert (ended.status, ended.error) == ("failed", "cannot read B?cher?.csv")


def test_a_stop_is_a_stop_though_the_run_was_taken_from_us_meanwhile(runs: Runs) -> None:
    run = runs.begin("scrape", "", "test", "ours", now())

    def work_until_stopped() -> None:
        with carrying(runs, run, "ours"):
            runs.finish(run.id, "ours", now(), "interrupted", counts={})
            raise Stopped

    with pytest.raises(Stopped):
        work_until_stopped()


@pytest.mark.slow
def test_a_worker_survives_a_failed_run_and_publishes_the_features_of_the_next(
    worker: subprocess.Popen[str], runs: Runs, catalogue: Catalogue, shop: SmallShop
) -> None:
    shop.answer("/catalogue/page-2.html", 404)
    first = runs.request(shop.url, "admin", now()).id
    wait_until(lambda: runs.get(first).status == "failed")
    assert "page-2.html" in (runs.get(first).error or "")
    second = runs.request(shop.url, "admin", now()).id
    wait_until(lambda: runs.get(second).status not in ("queued", "running"), seconds=180)
    assert (runs.get(second).status, runs.get(second).error) == ("succeeded", None)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is not None
    assert worker.poll() is None
