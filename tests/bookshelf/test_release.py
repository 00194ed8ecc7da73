"""Releasing what is in quarantine: published all the same, once, and only while it is the newest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.errors import Conflict, NotFound
from bookshelf.release import release
from bookshelf.runs import Runs

MakeBook = Callable[..., Book]

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
SHOP = "https://shop.test/"
REPORT = {"findings": [{"check": "count", "expected": "at least 2", "found": "1"}]}


def a_quarantined_run(catalogue: Catalogue, book: Book) -> str:
    runs, snapshots = Runs(catalogue.engine), catalogue.snapshots
    run = runs.begin("scrape", SHOP, "cli", "me", NOON)
    snapshot_id = snapshots.begin(SHOP, NOON)
    snapshots.stage(snapshot_id, [(0, book)])
    snapshots.quarantine(snapshot_id, REPORT, NOON)
    runs.fills(run.id, "me", snapshot_id)
    runs.finish(run.id, "me", NOON, "quarantined", counts={}, error="count: expected at least 2, found 1")
    return run.id


def test_a_released_snapshot_is_published_and_keeps_its_report(
    catalogue: Catalogue, a_book: MakeBook
) -> None:
    run_id = a_quarantined_run(catalogue, a_book(upc="a"))
    assert catalogue.all_books() == []
    snapshot = release(catalogue.engine, run_id, LATER)
    assert (snapshot.status, snapshot.published_at, snapshot.taken_at) == ("published", LATER, NOON)
    assert snapshot.report == REPORT
    assert [listed.book.upc for listed in catalogue.all_books()] == ["a"]
    run = Runs(catalogue.engine).get(run_id)
    assert (run.status, run.error, run.finished_at) == ("succeeded", None, NOON)


def test_a_run_is_released_once(catalogue: Catalogue, a_book: MakeBook) -> None:
    run_id = a_quarantined_run(catalogue, a_book())
    release(catalogue.engine, run_id, LATER)
    with pytest.raises(Conflict, match="the run is succeeded; only one in quarantine"):
        release(catalogue.engine, run_id, LATER)


def test_a_release_that_was_cut_short_is_finished_by_the_next(catalogue: Catalogue, a_book: MakeBook) -> None:
    run_id = a_quarantined_run(catalogue, a_book())
    snapshot_id = Runs(catalogue.engine).get(run_id).snapshot_id
    assert snapshot_id is not None
    published = catalogue.snapshots.publish(snapshot_id, LATER)
    assert release(catalogue.engine, run_id, LATER + timedelta(hours=1)) == published
    assert Runs(catalogue.engine).get(run_id).status == "succeeded"


def test_what_is_older_than_what_is_on_offer_is_not_released(catalogue: Catalogue, a_book: MakeBook) -> None:
    run_id = a_quarantined_run(catalogue, a_book(upc="a"))
    catalogue.publish([a_book(upc="b")], SHOP, LATER)
    with pytest.raises(Conflict, match="is newer than snapshot") as caught:
        release(catalogue.engine, run_id, LATER + timedelta(hours=1))
    assert caught.value.field == "run_id"
    assert [listed.book.upc for listed in catalogue.all_books()] == ["b"]
    assert Runs(catalogue.engine).get(run_id).status == "quarantined"


def test_a_run_that_is_not_there_is_not_released(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound):
        release(catalogue.engine, "nothing", NOON)


def test_a_run_that_is_not_in_quarantine_is_not_released(catalogue: Catalogue) -> None:
    run = Runs(catalogue.engine).begin("scrape", SHOP, "cli", "me", NOON)
    with pytest.raises(Conflict, match="the run is running"):
        release(catalogue.engine, run.id, NOON)
