"""A scrape changes the whole catalogue or nothing, and is on record however it ends."""

from __future__ import annotations

import csv
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import Conflict, CrawlError, FeatureStoreError
from bookshelf.run_log import RunLog
from bookshelf.runs import LEASE, Run, Runs
from bookshelf.settings import Settings
from bookshelf.tables import staged_books, versions
from ingestion.crawl import CrawlProgress
from ingestion.lease import Quarantined, RunCancelled
from ingestion.scrape import Scraper
from tests.conftest import wait_until
from tests.ingestion.publisher import Report

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


@pytest.fixture
def scraper(catalogue: Catalogue, settings: Settings) -> Scraper:
    return Scraper(catalogue, settings, tell=lambda _: None)


@pytest.fixture
def run(runs: Runs, shop: SmallShop) -> Run:
    return runs.begin("scrape", shop.url, "cli", "us", now())


def again(runs: Runs, shop: SmallShop) -> Run:
    return runs.begin("scrape", shop.url, "cli", "us", now())


def events(catalogue: Catalogue, run: Run) -> list[str]:
    return [line.event for line in RunLog(catalogue.engine).page(run.id, number=1, size=100)[0]]


def test_a_scrape_fills_catalogue_export_and_record(
    scraper: Scraper, settings: Settings, runs: Runs, run: Run, shop: SmallShop
) -> None:
    snapshot = scraper.carry_out(run, "us")
    assert (snapshot.source, snapshot.books) == (shop.url, 7)
    assert [listed.id for listed in scraper.catalogue.all_books()] == [1, 2, 3, 4, 5, 6, 7]
    with settings.export_csv.open(encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert [row["id"] for row in exported] == ["1", "2", "3", "4", "5", "6", "7"]
    assert exported[0]["title"] == "The Café of Book 1"
    ended = runs.get(run.id)
    assert (ended.status, ended.snapshot_id, ended.error) == ("succeeded", snapshot.id, None)
    counted = {name: ended.counts[name] for name in ("pages", "pages_parsed", "books", "added", "failures")}
    assert counted == {"pages": 10, "pages_parsed": 10, "books": 7, "added": 7, "failures": 0}
    assert ended.counts["bytes"] > 0
    assert events(scraper.catalogue, run) == ["crawl begins", "published", "ended"]


def test_a_shop_that_has_not_changed_costs_nothing(
    scraper: Scraper, runs: Runs, run: Run, shop: SmallShop
) -> None:
    scraper.carry_out(run, "us")
    second = again(runs, shop)
    scraper.carry_out(second, "us")
    counts = runs.get(second.id).counts
    assert (counts["pages_parsed"], counts["pages_unchanged"]) == (0, 10)
    assert (counts["added"], counts["changed"], counts["removed"]) == (0, 0, 0)
    with scraper.catalogue.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(versions)).scalar_one() == 7
        assert connection.execute(select(func.count()).select_from(staged_books)).scalar_one() == 0


def test_a_failed_crawl_changes_neither_books_nor_export_nor_ids(
    scraper: Scraper, settings: Settings, runs: Runs, run: Run, shop: SmallShop
) -> None:
    first = scraper.carry_out(run, "us")
    books, export = scraper.catalogue.all_books(), settings.export_csv.read_bytes()
    shop.change("/catalogue/book-1/index.html", "upc0001", "brand-new")
    shop.answer("/catalogue/page-3.html", 404)
    with pytest.raises(CrawlError):
        scraper.carry_out(again(runs, shop), "us")
    assert scraper.catalogue.snapshot() == first
    assert scraper.catalogue.all_books() == books
    assert settings.export_csv.read_bytes() == export
    scraper.carry_out(again(runs, shop), "us")
    assert {one.book.upc: one.id for one in scraper.catalogue.all_books()}["brand-new"] == 8


def test_a_shop_of_which_too_many_pages_cannot_be_read_is_kept_apart(
    scraper: Scraper, settings: Settings, runs: Runs, run: Run, shop: SmallShop
) -> None:
    scraper.carry_out(run, "us")
    export = settings.export_csv.read_bytes()
    shop.change("/catalogue/book-5/index.html", 'class="breadcrumb"', 'class="crumbs"')
    second = again(runs, shop)
    with pytest.raises(Quarantined, match="pages"):
        scraper.carry_out(second, "us")
    ended = runs.get(second.id)
    assert (ended.status, ended.counts["failures"], ended.snapshot_id) == ("quarantined", 1, 2)
    assert ended.finished_at is not None
    report = scraper.catalogue.snapshots.get(2).report
    assert report is not None
    examples = [example for one in report["findings"] for example in one["examples"]]
    assert any(f"{shop.url}catalogue/book-5/index.html" in example for example in examples)
    assert events(scraper.catalogue, second)[-3:] == ["page failed", "quarantined", "ended"]
    current = scraper.catalogue.snapshot()
    assert current is not None
    assert current.id == 1
    assert settings.export_csv.read_bytes() == export


def test_features_are_published_for_the_new_snapshot_and_counted(
    scraper: Scraper, runs: Runs, run: Run
) -> None:
    published: list[datetime] = []

    def publish(_catalogue: Catalogue, _settings: Settings, at: datetime) -> Report:
        published.append(at)
        return Report()

    scraper.carry_out(run, "us", publish)
    assert len(published) == 1
    counts = runs.get(run.id).counts
    assert (counts["feature_rows"], counts["texts_encoded"]) == (21, 7)


def test_a_run_whose_features_fail_has_failed_but_names_its_snapshot_and_goes_on_from_there(
    scraper: Scraper, runs: Runs, run: Run, shop: SmallShop
) -> None:
    def fail(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> Report:
        raise FeatureStoreError("book 3: rating is 2 online and 3 in the catalogue")

    with pytest.raises(FeatureStoreError):
        scraper.carry_out(run, "us", fail)
    ended = runs.get(run.id)
    assert (ended.status, ended.snapshot_id) == ("failed", 1)
    assert ended.error == "book 3: rating is 2 online and 3 in the catalogue"
    asked = len(shop.asked)
    runs.resume(run.id, now())
    resumed = runs.claim("us", now())
    assert resumed is not None
    assert scraper.carry_out(resumed, "us", lambda *_: Report()).id == 1
    assert (runs.get(run.id).status, len(shop.asked)) == ("succeeded", asked)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), "interrupted", "stopped before it was done"),
        (ValueError("?"), "failed", "ValueError"),
    ],
)
def test_a_run_that_ends_in_an_unforeseen_way_is_on_record_too(
    scraper: Scraper, runs: Runs, run: Run, error: BaseException, status: str, said: str
) -> None:
    def fail(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> Report:
        raise error

    with pytest.raises(type(error)):
        scraper.carry_out(run, "us", fail)
    ended = runs.get(run.id)
    assert ended.status == status
    assert said in (ended.error or "")


def test_progress_is_on_record_while_the_crawl_goes_on(
    catalogue: Catalogue, settings: Settings, runs: Runs, run: Run, shop: SmallShop
) -> None:
    shop.hold("/catalogue/book-7/index.html")
    seen: set[int] = set()

    def look(_progress: CrawlProgress) -> None:
        seen.add(runs.get(run.id).counts.get("books", 0))
        if seen & {1, 2, 3, 4, 5, 6}:
            shop.let_go()

    patient = settings.model_copy(update={"fetch_timeout": timedelta(minutes=1)})
    Scraper(catalogue, patient, lambda _: None, look).carry_out(run, "us")
    assert seen & {1, 2, 3, 4, 5, 6}


def test_a_run_that_is_cancelled_ends_soon_and_changes_nothing(
    scraper: Scraper, runs: Runs, run: Run, shop: SmallShop
) -> None:
    shop.answer("/catalogue/book-7/index.html", 503, {"Retry-After": "50"})

    def cancel_soon() -> None:
        wait_until(lambda: "/catalogue/book-7/index.html" in shop.asked)
        runs.cancel(run.id, now())

    with ThreadPoolExecutor(1) as other:
        cancelled = other.submit(cancel_soon)
        started = time.monotonic()
        with pytest.raises(RunCancelled):
            scraper.carry_out(run, "us")
        cancelled.result()
    assert time.monotonic() - started < 30  # not the 50 seconds that the shop asked for
    assert runs.get(run.id).status == "cancelled"
    last = RunLog(scraper.catalogue.engine).page(run.id, number=1, size=100)[0][-1]
    assert (last.event, last.level) == ("ended", "info")
    assert scraper.catalogue.snapshot() is None


def test_who_has_lost_its_run_does_not_publish(
    catalogue: Catalogue, settings: Settings, runs: Runs, run: Run
) -> None:
    def expired(_progress: CrawlProgress) -> None:
        runs.expire(now() + 2 * LEASE)

    with pytest.raises(Conflict, match="no longer held"):
        Scraper(catalogue, settings, lambda _: None, expired).carry_out(run, "us")
    assert catalogue.snapshot() is None
    assert runs.get(run.id).status == "interrupted"
    assert "ended" not in events(catalogue, run)


def test_an_empty_source_is_the_installations_own(
    catalogue: Catalogue, settings: Settings, runs: Runs, shop: SmallShop
) -> None:
    ours = settings.model_copy(update={"source": shop.url})
    run = runs.begin("scrape", "", "admin", "us", now())
    assert Scraper(catalogue, ours, lambda _: None).carry_out(run, "us").source == shop.url


def test_without_a_source_the_shop_that_was_read_last_is_read_again(
    scraper: Scraper, runs: Runs, run: Run, many_books: SmallShop
) -> None:
    scraper.carry_out(run, "us")
    scraper.carry_out(runs.begin("scrape", many_books.url, "cli", "us", now()), "us")
    scraper.catalogue.publish([a_book_of_a_file()], "books.csv", now())
    snapshot = scraper.carry_out(runs.begin("scrape", "", "schedule", "us", now()), "us")
    assert snapshot.source == many_books.url
    assert len(scraper.catalogue.all_books()) == 7 + 60 + 1


def a_book_of_a_file() -> Book:
    return Book(title="Emma", price=Decimal("7.50"), isbn="9780141439587")


@pytest.mark.slow
def test_the_real_shop_gives_exactly_its_books(
    scraper: Scraper, settings: Settings, runs: Runs, bookstore_url: str
) -> None:
    scraper.carry_out(runs.begin("scrape", bookstore_url, "cli", "us", now()), "us")
    listed = scraper.catalogue.all_books()
    books = [one.book for one in listed]
    assert len({book.upc for book in books}) == len(books) == 1000
    assert len({book.category for book in books}) == 50
    assert sum(book.stock or 0 for book in books) == 8585
    assert sum(book.price for book in books) == Decimal("35070.35")
    assert Counter(book.rating for book in books) == {1: 226, 2: 196, 3: 203, 4: 179, 5: 196}
    assert sum(not book.description for book in books) == 2
    assert (listed[0].id, listed[0].book.title) == (1, "A Light in the Attic")
    assert len({book.title for book in books}) == 999
    assert not any("Â" in book.title + book.description for book in books)
    with settings.export_csv.open(encoding="utf-8", newline="") as file:
        assert sum(Decimal(row["price"]) for row in csv.DictReader(file)) == Decimal("35070.35")
