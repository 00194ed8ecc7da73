"""Runs: asked for, watched, cancelled, resumed and released; at most one is under way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from api.parts import Parts
from bookshelf.book import Book
from bookshelf.catalogue import now
from bookshelf.run_log import RunLog
from bookshelf.runs import LEASE, Run, Runs

RUNS = "/api/v1/scraping/runs"
TRIGGER = "/api/v1/scraping/trigger"
UNKNOWN = "0b8f4c1e-6f0e-4f7b-9d53-6b9a2c9d8a10"
SHOP = "http://127.0.0.1:8900/"

Refused = Callable[[Any, int], list[str]]


@pytest.fixture
def own(make_app: Callable[..., Any], tmp_path: Path, database_url: str) -> Any:
    """An app whose queue is nobody else's."""
    return make_app(tmp_path, BOOKSHELF_DATABASE_URL=database_url)


def parts_of(app: Flask) -> Parts:
    found: Parts = app.extensions["bookshelf"]
    return found


def ended(app: Flask, status: Any, **facts: Any) -> Run:
    """A run that ended so."""
    runs = parts_of(app).runs
    run = runs.begin("scrape", SHOP, "cli", "me", now())
    return runs.finish(run.id, "me", now(), status, counts={"pages": 7, "bytes": 512}, **facts)


def in_quarantine(app: Flask) -> tuple[Run, int]:
    """A run whose snapshot, of one book, was refused by the checks."""
    runs, snapshots = parts_of(app).runs, parts_of(app).catalogue.snapshots
    run = runs.begin("scrape", SHOP, "cli", "me", now())
    snapshot_id = snapshots.begin(SHOP, now())
    runs.fills(run.id, "me", snapshot_id)
    a_book = Book(upc="1", title="The Only One", price=Decimal("10.00"))
    snapshots.stage(snapshot_id, [(0, a_book)])
    snapshots.quarantine(snapshot_id, {"findings": []}, now())
    return runs.finish(run.id, "me", now(), "quarantined", counts={}, error="too few books"), snapshot_id


def test_a_triggered_run_waits_for_the_worker(own: Any, as_admin: dict[str, str]) -> None:
    client = own.test_client()
    reply = client.post(TRIGGER, headers=as_admin)
    assert reply.status_code == 202
    assert reply.json["status"] == "queued"
    assert reply.headers["Location"] == f"{RUNS}/{reply.json['run_id']}"
    seen = client.get(reply.headers["Location"]).json
    assert (seen["run_id"], seen["status"], seen["source"]) == (reply.json["run_id"], "queued", "")
    assert (seen["started_at"], seen["pages"], seen["books"]) == (None, 0, 0)


def test_a_run_of_the_own_shop_is_told_with_the_source_of_its_books(
    own: Any, as_admin: dict[str, str]
) -> None:
    client, parts = own.test_client(), parts_of(own)
    where = client.post(TRIGGER, headers=as_admin).headers["Location"]
    run = parts.runs.claim("worker", now())
    assert run is not None
    parts.runs.fills(run.id, "worker", parts.catalogue.snapshots.begin(SHOP, now()))
    assert client.get(where).json["source"] == SHOP
    assert client.get("/api/v1/health").json["last_run"]["source"] == SHOP


def test_a_run_is_watched_from_claim_to_end(own: Any, as_admin: dict[str, str]) -> None:
    client = own.test_client()
    where = client.post(TRIGGER, headers=as_admin, json={"source": SHOP[:-1]}).headers["Location"]
    runs = parts_of(own).runs
    claimed = runs.claim("worker", now())
    assert claimed is not None
    assert claimed.source == SHOP
    counts = {"requests": 9, "pages": 7, "books": 5, "bytes": 1_234, "pages_unchanged": 2}
    runs.renew(claimed.id, "worker", now(), counts)
    running = client.get(where).json
    assert running["lease_until"] > running["started_at"] >= running["requested_at"]
    assert (
        running.items()
        >= {
            "kind": "scrape",
            "status": "running",
            "requested_by": "admin",
            "attempts": 1,
            "cancel_asked": False,
            "pages": 7,
            "books": 5,
            "bytes": 1_234,
            "counts": counts,
            "snapshot_id": None,
            "error": None,
        }.items()
    )
    runs.finish(claimed.id, "worker", now(), "failed", counts=counts, error="the shop is closed")
    seen = client.get(where).json
    assert (seen["status"], seen["error"], seen["lease_until"]) == ("failed", "the shop is closed", None)
    assert seen["finished_at"].endswith("Z")


@pytest.mark.parametrize(
    "source",
    [
        "ftp://shop.test/",
        "file:///etc/passwd",
        "shop.test",
        "",
        7,
        "http://",
        "javascript:alert(1)",
        "http://shop.test/" + "a" * 500,
        "http://bob:secret@shop.test/",  # which everybody could read in the list of runs
        "http://bob@shop.test/",
        "http://shop.test/?page=2",
        "http://shop.test/#books",
    ],
)
def test_a_source_must_be_the_address_of_a_web_site(
    own: Any, as_admin: dict[str, str], refused: Refused, source: object
) -> None:
    reply = own.test_client().post(TRIGGER, headers=as_admin, json={"source": source})
    assert refused(reply, 422) == ["source"]
    assert parts_of(own).runs.claim("worker", now()) is None


def test_while_a_run_is_under_way_another_is_refused_and_told_which(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    client = own.test_client()
    first = client.post(TRIGGER, headers=as_admin)
    for claimed in (False, True):
        if claimed:
            assert parts_of(own).runs.claim("worker", now())
        second = client.post(TRIGGER, headers=as_admin)
        assert refused(second, 409) == ["run_id"]
        assert second.json["run_id"] == first.json["run_id"]
        assert second.headers["Location"] == first.headers["Location"]
        assert first.json["run_id"] in second.json["detail"]


def test_of_triggers_at_once_one_is_taken_and_the_others_are_told_which(
    own: Any, as_admin: dict[str, str]
) -> None:
    at_once = Barrier(6)

    def trigger() -> Any:
        at_once.wait()
        return own.test_client().post(TRIGGER, headers=as_admin)

    with ThreadPoolExecutor(6) as callers:
        replies = [call.result() for call in [callers.submit(trigger) for _ in range(6)]]
    assert sorted(reply.status_code for reply in replies) == [202, 409, 409, 409, 409, 409]
    assert len({reply.json["run_id"] for reply in replies}) == 1


def test_the_same_key_asks_for_the_same_run_whatever_has_become_of_it(
    own: Any, as_admin: dict[str, str]
) -> None:
    client, keyed = own.test_client(), as_admin | {"Idempotency-Key": "monday's scrape"}
    first = client.post(TRIGGER, headers=keyed)
    again = client.post(TRIGGER, headers=keyed)
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    claimed = parts_of(own).runs.claim("worker", now())
    assert claimed is not None
    parts_of(own).runs.finish(claimed.id, "worker", now(), "succeeded", counts={})
    later = client.post(TRIGGER, headers=keyed)
    assert (later.status_code, later.json) == (202, {"run_id": claimed.id, "status": "succeeded"})
    other = client.post(TRIGGER, headers=as_admin | {"Idempotency-Key": "tuesday's"})
    assert (other.status_code, other.json["run_id"] == claimed.id) == (202, False)


def test_one_key_at_once_is_one_run(own: Any, as_admin: dict[str, str]) -> None:
    at_once = Barrier(6)

    def trigger() -> Any:
        at_once.wait()
        return own.test_client().post(TRIGGER, headers=as_admin | {"Idempotency-Key": "k"})

    with ThreadPoolExecutor(6) as callers:
        replies = [call.result() for call in [callers.submit(trigger) for _ in range(6)]]
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json["run_id"] for reply in replies}) == 1


def test_a_key_of_another_source_is_a_conflict(own: Any, as_admin: dict[str, str], refused: Refused) -> None:
    client, keyed = own.test_client(), as_admin | {"Idempotency-Key": "k"}
    assert client.post(TRIGGER, headers=keyed).status_code == 202
    assert refused(client.post(TRIGGER, headers=keyed, json={"source": SHOP}), 409) == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["", "x" * 201, "schlüssel", "a\tb", "\x7f"])
def test_a_key_that_is_none_is_refused(
    own: Any, as_admin: dict[str, str], refused: Refused, key: str
) -> None:
    reply = own.test_client().post(TRIGGER, headers=as_admin | {"Idempotency-Key": key})
    assert refused(reply, 422) == ["Idempotency-Key"]
    assert parts_of(own).runs.active() is None


def test_a_key_may_have_two_hundred_characters(own: Any, as_admin: dict[str, str]) -> None:
    reply = own.test_client().post(TRIGGER, headers=as_admin | {"Idempotency-Key": "x" * 200})
    assert reply.status_code == 202


def test_runs_come_newest_first_page_by_page(own: Any) -> None:
    made = [ended(own, "failed", error="closed").id for _ in range(5)]
    found = own.test_client().get(f"{RUNS}?page=2&page_size=2").json
    assert [run["run_id"] for run in found["items"]] == [made[2], made[1]]
    assert (found["total"], found["pages"]) == (5, 3)
    assert found["items"][0].items() >= {"pages": 7, "bytes": 512, "error": "closed"}.items()


def test_a_run_whose_process_died_is_interrupted_as_soon_as_somebody_looks(own: Any) -> None:
    for address in ("", "/{}"):
        begun = now() - LEASE - timedelta(seconds=1)
        run = parts_of(own).runs.begin("scrape", "", "cli", "me", begun)
        seen = own.test_client().get(RUNS + address.format(run.id)).json
        seen = seen["items"][0] if "items" in seen else seen
        assert (seen["run_id"], seen["status"], seen["lease_until"]) == (run.id, "interrupted", None)
        assert "not heard of" in seen["error"]


def test_a_log_has_structured_lines_the_oldest_first(own: Any, refused: Refused) -> None:
    run = ended(own, "succeeded")
    log: RunLog = parts_of(own).log
    for number in range(3):
        log.write(run.id, now(), "warning", "page failed", page=f"{SHOP}{number}", tries=number)
    found = own.test_client().get(f"{RUNS}/{run.id}/log?page_size=2").json
    assert (found["total"], found["pages"]) == (3, 2)
    assert [line["detail"] for line in found["items"]] == [
        {"page": f"{SHOP}{number}", "tries": number} for number in (0, 1)
    ]
    assert {line["event"] for line in found["items"]} == {"page failed"}
    assert set(found["items"][0]) == {"id", "at", "level", "event", "detail"}
    assert refused(own.test_client().get(f"{RUNS}/{UNKNOWN}/log"), 404) == ["run_id"]


def test_a_queued_run_is_cancelled_at_once_and_a_running_one_is_asked_to_stop(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    client, runs = own.test_client(), parts_of(own).runs
    queued = client.post(TRIGGER, headers=as_admin).headers["Location"]
    cancelled = client.delete(queued, headers=as_admin)
    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
    assert refused(client.delete(queued, headers=as_admin), 409) == ["run_id"]
    running = client.post(TRIGGER, headers=as_admin).headers["Location"]
    assert runs.claim("worker", now())
    asked = client.delete(running, headers=as_admin)
    assert (asked.status_code, asked.json["status"], asked.json["cancel_asked"]) == (202, "running", True)
    assert asked.headers["Location"] == running


def test_a_cancelled_run_is_resumed_as_the_same_run(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    client = own.test_client()
    where = client.post(TRIGGER, headers=as_admin).headers["Location"]
    assert refused(client.post(f"{where}/resume", headers=as_admin), 409) == ["run_id"]
    client.delete(where, headers=as_admin)
    resumed = client.post(f"{where}/resume", headers=as_admin)
    assert (resumed.status_code, resumed.json["status"], resumed.headers["Location"]) == (
        202,
        "queued",
        where,
    )
    claimed = parts_of(own).runs.claim("worker", now())
    assert claimed is not None
    assert where.endswith(claimed.id)


def test_no_run_is_resumed_while_another_is_under_way(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    client, failed = own.test_client(), ended(own, "failed")
    other = client.post(TRIGGER, headers=as_admin)
    reply = client.post(f"{RUNS}/{failed.id}/resume", headers=as_admin)
    assert refused(reply, 409) == ["run_id"]
    assert reply.json["run_id"] == other.json["run_id"]
    assert client.get(f"{RUNS}/{failed.id}").json["status"] == "failed"


def test_what_is_in_quarantine_is_released_by_the_admin(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    client = own.test_client()
    run, snapshot_id = in_quarantine(own)
    assert client.get("/api/v1/books").json["total"] == 45
    released = client.post(f"{RUNS}/{run.id}/release", headers=as_admin)
    assert (released.status_code, released.json["id"], released.json["status"]) == (
        200,
        snapshot_id,
        "published",
    )
    assert client.get("/api/v1/books").json["total"] == 46  # of another source
    assert client.get(f"{RUNS}/{run.id}").json["status"] == "succeeded"
    assert refused(client.post(f"{RUNS}/{run.id}/release", headers=as_admin), 409) == ["run_id"]


def test_what_is_not_in_quarantine_is_not_released(
    own: Any, as_admin: dict[str, str], refused: Refused
) -> None:
    failed = ended(own, "failed")
    reply = own.test_client().post(f"{RUNS}/{failed.id}/release", headers=as_admin)
    assert refused(reply, 409) == ["run_id"]


def test_an_import_is_not_resumed(own: Any, as_admin: dict[str, str], refused: Refused) -> None:
    runs = parts_of(own).runs
    run = runs.begin("import", "books.csv", "cli", "me", now())
    runs.finish(run.id, "me", now(), "failed", counts={}, error="the disk is full")
    reply = own.test_client().post(f"{RUNS}/{run.id}/resume", headers=as_admin)
    assert refused(reply, 409) == ["run_id"]
    assert runs.claim("worker", now()) is None


CHANGES = (("DELETE", ""), ("POST", "/resume"), ("POST", "/release"))


@pytest.mark.parametrize(("verb", "what"), CHANGES)
def test_runs_are_changed_by_nobody_but_the_admin(own: Any, refused: Refused, verb: str, what: str) -> None:
    run, _ = in_quarantine(own)
    reply = own.test_client().open(f"{RUNS}/{run.id}{what}", method=verb)
    assert refused(reply, 401) == ["Authorization"]
    assert Runs(parts_of(own).catalogue.engine).get(run.id) == run


@pytest.mark.parametrize(("verb", "what"), [("GET", ""), *CHANGES])
def test_an_unknown_run_is_not_found(
    client: Any, as_admin: dict[str, str], refused: Refused, verb: str, what: str
) -> None:
    unknown = client.open(f"{RUNS}/{UNKNOWN}{what}", method=verb, headers=as_admin)
    assert refused(unknown, 404) == ["run_id"]
    assert refused(client.open(f"{RUNS}/latest{what}", method=verb, headers=as_admin), 422) == ["run_id"]
