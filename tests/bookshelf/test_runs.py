"""Runs: one at a time, held on a lease, on record to their end, resumed and cancelled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import Conflict, NotFound, RunInProgress
from bookshelf.run_log import RunLog
from bookshelf.runs import LEASE, Run, Runs
from bookshelf.snapshots import Snapshots

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=10)
EXPIRED = NOON + LEASE + timedelta(seconds=1)
SHOP = "https://shop.test/"


@pytest.fixture
def runs(catalogue: Catalogue) -> Runs:
    return Runs(catalogue.engine)


@pytest.fixture
def held(runs: Runs) -> Run:
    return runs.begin("scrape", SHOP, "cli", "us", NOON)


def test_a_run_that_was_asked_for_waits(runs: Runs) -> None:
    run = runs.request(SHOP, "admin", NOON)
    assert (run.kind, run.source, run.requested_by, run.status) == ("scrape", SHOP, "admin", "queued")
    assert (run.requested_at, run.started_at, run.finished_at) == (NOON, None, None)
    assert (run.counts, run.attempts, run.snapshot_id, run.error) == ({}, 0, None, None)


def test_a_run_of_the_own_shop_says_what_it_reads_once_it_does(runs: Runs) -> None:
    run = runs.begin("scrape", "", "cli", "us", NOON)
    assert (run.source, run.read_from) == ("", None)
    runs.fills(run.id, "us", Snapshots(runs.engine).begin(SHOP, NOON))
    filled = runs.get(run.id)
    assert (filled.source, filled.read_from) == ("", SHOP)
    assert [one.read_from for one in runs.page(number=1, size=1)[0]] == [SHOP]


def test_a_second_run_is_refused_while_one_waits_or_is_carried_out(runs: Runs) -> None:
    first = runs.request(SHOP, "admin", NOON)
    with pytest.raises(RunInProgress) as caught:
        runs.request(SHOP, "admin", NOON)
    assert caught.value.run_id == first.id
    runs.claim("us", NOON)
    with pytest.raises(RunInProgress, match="is running"):
        runs.begin("import", "books.csv", "cli", "them", NOON)


def test_of_many_who_ask_at_once_one_gets_a_run_and_the_others_hear_of_it(runs: Runs) -> None:
    def ask(_number: int) -> str:
        try:
            return "asked " + runs.request(SHOP, "admin", NOON).id
        except RunInProgress as error:
            return "in progress " + error.run_id

    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(ask, range(8)))
    [asked] = [one.removeprefix("asked ") for one in told if one.startswith("asked ")]
    assert sorted(told) == sorted([f"asked {asked}", *[f"in progress {asked}"] * 7])


def test_of_several_workers_a_run_goes_to_one(runs: Runs) -> None:
    asked = runs.request(SHOP, "admin", NOON)
    with ThreadPoolExecutor(6) as workers:
        claimed = list(workers.map(lambda number: runs.claim(f"worker {number}", LATER), range(6)))
    assert [run.id for run in claimed if run] == [asked.id]
    assert runs.claim("one more", LATER) is None


def test_the_same_key_gives_the_same_run_whatever_has_become_of_it(runs: Runs) -> None:
    first = runs.request(SHOP, "admin", NOON, idempotency_key="monday")
    assert runs.request(SHOP, "admin", LATER, idempotency_key="monday").id == first.id
    runs.claim("us", NOON)
    runs.finish(first.id, "us", LATER, "succeeded", counts={})
    assert runs.request(SHOP, "admin", LATER, idempotency_key="monday").id == first.id
    assert runs.request(SHOP, "admin", LATER, idempotency_key="tuesday").id != first.id


def test_a_key_is_for_one_source(runs: Runs) -> None:
    runs.request(SHOP, "admin", NOON, idempotency_key="monday")
    with pytest.raises(Conflict, match=r"the key was used for a scrape of https://shop\.test/") as caught:
        runs.request("https://other.test/", "admin", NOON, idempotency_key="monday")
    assert caught.value.field == "Idempotency-Key"


def test_with_one_key_at_once_there_is_one_run(runs: Runs) -> None:
    with ThreadPoolExecutor(8) as clients:
        found = list(
            clients.map(lambda _: runs.request(SHOP, "admin", NOON, idempotency_key="monday").id, range(8))
        )
    assert len(set(found)) == 1


def test_a_heartbeat_keeps_the_lease_and_the_counts(runs: Runs, held: Run) -> None:
    run = runs.renew(held.id, "us", LATER, {"pages": 105, "books": 100})
    assert (run.counts, run.lease_until) == ({"pages": 105, "books": 100}, LATER + LEASE)
    assert runs.expire(EXPIRED) == []


def test_a_run_whose_holder_is_not_heard_of_is_interrupted(runs: Runs, held: Run) -> None:
    assert runs.expire(LATER) == []
    assert runs.expire(EXPIRED) == [held.id]
    run = runs.get(held.id)
    assert (run.status, run.finished_at, run.lease_until) == ("interrupted", EXPIRED, None)
    assert run.error is not None


def test_a_dead_holder_does_not_keep_the_next_run_from_its_turn(runs: Runs, held: Run) -> None:
    with pytest.raises(RunInProgress):
        runs.request(SHOP, "admin", LATER)
    assert runs.request(SHOP, "admin", EXPIRED).status == "queued"
    assert runs.get(held.id).status == "interrupted"


def test_who_was_thought_dead_can_neither_go_on_nor_finish(runs: Runs, held: Run) -> None:
    runs.expire(EXPIRED)
    with pytest.raises(Conflict, match="no longer held by us"):
        runs.renew(held.id, "us", EXPIRED, {})
    with pytest.raises(Conflict, match="no longer held by us"):
        runs.finish(held.id, "us", EXPIRED, "succeeded", counts={})
    assert runs.get(held.id).status == "interrupted"


def test_an_interrupted_run_goes_on_with_its_counts_and_its_snapshot(
    runs: Runs, catalogue: Catalogue, held: Run
) -> None:
    snapshot_id = catalogue.snapshots.begin(SHOP, NOON)
    runs.fills(held.id, "us", snapshot_id)
    runs.renew(held.id, "us", NOON, {"pages": 5})
    runs.expire(EXPIRED)
    assert runs.resume(held.id, EXPIRED).status == "queued"
    run = runs.claim("them", EXPIRED)
    assert run is not None
    assert (run.id, run.status, run.attempts) == (held.id, "running", 2)
    assert (run.counts, run.snapshot_id, run.started_at) == ({"pages": 5}, snapshot_id, NOON)


def test_a_run_that_ended_well_is_not_resumed(runs: Runs, held: Run) -> None:
    with pytest.raises(Conflict, match="the run is running"):
        runs.resume(held.id, LATER)
    runs.finish(held.id, "us", LATER, "succeeded", counts={})
    with pytest.raises(Conflict, match="the run is succeeded"):
        runs.resume(held.id, LATER)


def test_a_run_is_not_resumed_while_another_is_in_progress(runs: Runs, held: Run) -> None:
    runs.expire(EXPIRED)
    other = runs.request(SHOP, "admin", EXPIRED)
    with pytest.raises(RunInProgress) as caught:
        runs.resume(held.id, EXPIRED)
    assert caught.value.run_id == other.id
    assert runs.get(held.id).status == "interrupted"


def test_a_queued_run_is_cancelled_at_once(runs: Runs) -> None:
    run = runs.request(SHOP, "admin", NOON)
    assert runs.cancel(run.id, LATER).status == "cancelled"
    assert runs.claim("us", LATER) is None
    assert runs.request(SHOP, "admin", LATER).status == "queued"


def test_the_holder_of_a_running_run_hears_that_it_is_cancelled(runs: Runs, held: Run) -> None:
    assert not runs.renew(held.id, "us", NOON, {}).cancel_asked
    assert runs.cancel(held.id, LATER).status == "running"
    assert runs.renew(held.id, "us", LATER, {}).cancel_asked


def test_a_run_that_has_ended_is_not_cancelled(runs: Runs, held: Run) -> None:
    runs.finish(held.id, "us", LATER, "failed", counts={}, error="the shop is closed")
    with pytest.raises(Conflict, match="ended already: it failed"):
        runs.cancel(held.id, LATER)
    assert runs.get(held.id).error == "the shop is closed"


def test_runs_are_listed_newest_first(runs: Runs) -> None:
    asked = []
    for minute in range(3):
        run = runs.request(SHOP, "admin", NOON + timedelta(minutes=minute))
        asked.append(run.id)
        runs.cancel(run.id, NOON + timedelta(minutes=minute))
    first, total = runs.page(number=1, size=2)
    second, _ = runs.page(number=2, size=2)
    assert ([run.id for run in first + second], total) == (asked[::-1], 3)


@pytest.mark.parametrize("run_id", ["nothing", "", "x" * 5000, "'; DROP TABLE scrape_runs"])
def test_a_run_that_is_not_there_is_named(runs: Runs, run_id: str) -> None:
    for find in (runs.get, lambda it: runs.cancel(it, NOON), lambda it: runs.resume(it, NOON)):
        with pytest.raises(NotFound) as caught:
            find(run_id)
        assert caught.value.field == "run_id"


def test_a_run_s_log_keeps_its_lines_in_order(catalogue: Catalogue, held: Run) -> None:
    log = RunLog(catalogue.engine)
    log.write(held.id, NOON, "info", "crawl begins", source=SHOP)
    log.write(held.id, LATER, "warning", "page failed", page=f"{SHOP}7", reason="404")
    (first, second), total = log.page(held.id, number=1, size=10)
    assert total == 2
    assert (first.event, first.at, first.detail) == ("crawl begins", NOON, {"source": SHOP})
    assert (second.level, second.detail["reason"]) == ("warning", "404")
    assert log.page("another", number=1, size=10) == ([], 0)
