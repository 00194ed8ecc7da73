"""Scrape runs: asked for by one process, carried out once by another, on record to their end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.errors import NotFound
from bookshelf.runs import ScrapeRuns

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
SHOP = "https://shop.test/"


@pytest.fixture
def runs(catalogue: Catalogue) -> ScrapeRuns:
    return ScrapeRuns(catalogue.engine)


def test_a_run_that_was_asked_for_waits(runs: ScrapeRuns) -> None:
    run = runs.get(runs.request(SHOP, "admin", NOON))
    assert (run.source, run.requested_by, run.status) == (SHOP, "admin", "queued")
    assert (run.requested_at, run.started_at, run.finished_at) == (NOON, None, None)
    assert (run.pages, run.books, run.snapshot_id, run.error) == (0, 0, None, None)


def test_the_oldest_run_is_taken_first_and_each_once(runs: ScrapeRuns) -> None:
    second = runs.request(SHOP, "admin", LATER)
    first = runs.request(SHOP, "admin", NOON)
    taken = [runs.claim(LATER), runs.claim(LATER)]
    assert [run.id for run in taken if run] == [first, second]
    assert all(run.status == "running" and run.started_at == LATER for run in taken if run)
    assert runs.claim(LATER) is None


def test_of_several_workers_each_run_goes_to_one(runs: ScrapeRuns) -> None:
    asked = {runs.request(SHOP, "admin", NOON + timedelta(seconds=n)) for n in range(6)}

    def claim_all() -> list[str]:
        return [run.id for _ in range(30) if (run := runs.claim(LATER))]

    with ThreadPoolExecutor(4) as workers:
        taken = [worker.result() for worker in [workers.submit(claim_all) for _ in range(4)]]
    claimed = [run_id for ids in taken for run_id in ids]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == asked


def test_a_run_that_its_requester_carries_out_is_never_queued(runs: ScrapeRuns) -> None:
    run = runs.begin("", "cli", NOON)
    assert (run.status, run.requested_by, run.requested_at, run.started_at) == ("running", "cli", NOON, NOON)
    assert runs.claim(LATER) is None


def test_a_running_run_tells_how_far_it_has_come(runs: ScrapeRuns) -> None:
    run = runs.begin(SHOP, "cli", NOON)
    runs.report(run.id, pages=105, books=100)
    assert (runs.get(run.id).pages, runs.get(run.id).books) == (105, 100)


def test_a_run_that_succeeded_names_its_snapshot(
    runs: ScrapeRuns, catalogue: Catalogue, a_book: Callable[..., Book]
) -> None:
    run = runs.begin(SHOP, "cli", NOON)
    snapshot = catalogue.publish([a_book()], SHOP, NOON)
    runs.finish(run.id, LATER, snapshot_id=snapshot.id)
    ended = runs.get(run.id)
    assert (ended.status, ended.finished_at, ended.snapshot_id, ended.error) == (
        "succeeded",
        LATER,
        snapshot.id,
        None,
    )


def test_a_run_that_failed_says_why(runs: ScrapeRuns) -> None:
    run = runs.begin(SHOP, "cli", NOON)
    runs.finish(run.id, LATER, error="cannot read price on https://shop.test/")
    ended = runs.get(run.id)
    assert (ended.status, ended.finished_at) == ("failed", LATER)
    assert ended.error == "cannot read price on https://shop.test/"


def test_runs_that_nobody_carries_on_are_failed_and_the_others_left(runs: ScrapeRuns) -> None:
    abandoned = runs.begin(SHOP, "cli", NOON)
    waiting = runs.request(SHOP, "admin", NOON)
    done = runs.begin(SHOP, "cli", NOON)
    runs.finish(done.id, NOON)
    assert runs.fail_abandoned(LATER) == 1
    ended = runs.get(abandoned.id)
    assert (ended.status, ended.finished_at) == ("failed", LATER)
    assert ended.error is not None
    assert (runs.get(waiting).status, runs.get(done.id).status) == ("queued", "succeeded")


@pytest.mark.parametrize("run_id", ["nothing", "", "x" * 5000, "'; DROP TABLE scrape_runs"])
def test_a_run_that_is_not_there_is_named(runs: ScrapeRuns, run_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        runs.get(run_id)
    assert caught.value.field == "run_id"
