"""A scrape changes the whole catalogue or nothing, and is on record however it ends."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from filelock import Timeout

from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError, FeatureStoreError, PageChanged
from bookshelf.runs import ScrapeRun, ScrapeRuns
from bookshelf.settings import Settings
from ingestion.crawl import CrawlProgress
from ingestion.scrape import Scraper, only_scraper, scrape_lock

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


@pytest.fixture
def scraper(catalogue: Catalogue, settings: Settings) -> Scraper:
    return Scraper(catalogue, settings, tell=lambda _: None)


@pytest.fixture
def run(runs: ScrapeRuns, shop: SmallShop) -> ScrapeRun:
    return runs.begin(shop.url, "cli", now())


def test_a_scrape_fills_catalogue_export_and_record(
    scraper: Scraper, settings: Settings, runs: ScrapeRuns, run: ScrapeRun, shop: SmallShop
) -> None:
    snapshot = scraper.carry_out(run)
    assert (snapshot.source, snapshot.books) == (shop.url, 7)
    assert [listed.id for listed in scraper.catalogue.all_books()] == [1, 2, 3, 4, 5, 6, 7]
    with settings.export_csv.open(encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert [row["id"] for row in exported] == ["1", "2", "3", "4", "5", "6", "7"]
    assert exported[0]["title"] == "The Café of Book 1"
    ended = runs.get(run.id)
    assert (ended.status, ended.pages, ended.books, ended.snapshot_id) == ("succeeded", 10, 7, snapshot.id)


def test_a_failed_crawl_changes_neither_books_nor_export_nor_ids(
    scraper: Scraper, settings: Settings, runs: ScrapeRuns, run: ScrapeRun, shop: SmallShop
) -> None:
    first = scraper.carry_out(run)
    books, export = scraper.catalogue.all_books(), settings.export_csv.read_bytes()
    shop.change("/catalogue/book-1/index.html", "upc0001", "brand-new")
    shop.change("/catalogue/book-7/index.html", "£17.99", "seventeen")
    again = runs.begin(shop.url, "cli", now())
    with pytest.raises(PageChanged, match="price"):
        scraper.carry_out(again)
    assert scraper.catalogue.snapshot() == first
    assert scraper.catalogue.all_books() == books
    assert settings.export_csv.read_bytes() == export
    shop.change("/catalogue/book-7/index.html", "seventeen", "£17.99")
    scraper.carry_out(runs.begin(shop.url, "cli", now()))
    assert {one.book.upc: one.id for one in scraper.catalogue.all_books()}["brand-new"] == 8


def test_a_failed_crawl_is_on_record_with_how_far_it_came_and_why(
    scraper: Scraper, runs: ScrapeRuns, run: ScrapeRun, shop: SmallShop
) -> None:
    shop.change("/catalogue/book-5/index.html", 'class="breadcrumb"', 'class="crumbs"')
    with pytest.raises(PageChanged):
        scraper.carry_out(run)
    ended = runs.get(run.id)
    assert (ended.status, ended.books, ended.snapshot_id) == ("failed", 4, None)
    assert ended.finished_at is not None
    assert ended.error is not None
    assert ended.error.startswith(f"cannot read category on {shop.url}catalogue/book-5/index.html")


def test_features_are_published_for_the_new_snapshot(scraper: Scraper, run: ScrapeRun) -> None:
    published: list[datetime] = []
    scraper.carry_out(run, lambda _catalogue, _settings, at: published.append(at))
    assert len(published) == 1


def test_a_run_whose_features_fail_has_failed_but_names_its_snapshot(
    scraper: Scraper, runs: ScrapeRuns, run: ScrapeRun
) -> None:
    def fail(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> None:
        raise FeatureStoreError("book 3: rating is 2 online and 3 in the catalogue")

    with pytest.raises(FeatureStoreError):
        scraper.carry_out(run, fail)
    ended = runs.get(run.id)
    assert (ended.status, ended.snapshot_id, ended.books) == ("failed", 1, 7)
    assert ended.error == "book 3: rating is 2 online and 3 in the catalogue"


@pytest.mark.parametrize(
    ("error", "said"), [(KeyboardInterrupt(), "stopped before it was done"), (ValueError("?"), "ValueError")]
)
def test_a_run_that_ends_in_an_unforeseen_way_is_on_record_too(
    scraper: Scraper, runs: ScrapeRuns, run: ScrapeRun, error: BaseException, said: str
) -> None:
    def fail(_catalogue: Catalogue, _settings: Settings, _at: datetime) -> None:
        raise error

    with pytest.raises(type(error)):
        scraper.carry_out(run, fail)
    ended = runs.get(run.id)
    assert ended.status == "failed"
    assert said in (ended.error or "")


def test_progress_is_on_record_while_the_crawl_goes_on(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, run: ScrapeRun, shop: SmallShop
) -> None:
    shop.latency = 0.3
    seen: set[int] = set()

    def look(_progress: CrawlProgress) -> None:
        seen.add(runs.get(run.id).books)

    slow = settings.model_copy(update={"fetch_workers": 2})
    Scraper(catalogue, slow, lambda _: None, look).carry_out(run)
    assert seen & {1, 2, 3, 4, 5, 6}


def test_an_empty_source_is_the_installations_own(
    catalogue: Catalogue, settings: Settings, runs: ScrapeRuns, shop: SmallShop
) -> None:
    ours = settings.model_copy(update={"source": shop.url})
    snapshot = Scraper(catalogue, ours, lambda _: None).carry_out(runs.begin("", "admin", now()))
    assert snapshot.source == shop.url


def test_the_book_that_is_twice_in_a_shop_is_an_error(
    scraper: Scraper, run: ScrapeRun, shop: SmallShop
) -> None:
    shop.change("/catalogue/book-7/index.html", "upc0007", "upc0001")
    with pytest.raises(BookshelfError, match="upc0001 occurs twice"):
        scraper.carry_out(run)
    assert scraper.catalogue.snapshot() is None


def test_of_one_home_only_one_scrapes(settings: Settings) -> None:
    with only_scraper(settings, lambda _: None), pytest.raises(Timeout):
        scrape_lock(settings).acquire(blocking=False)
    with scrape_lock(settings).acquire(blocking=False):
        pass


@pytest.mark.slow
def test_the_real_shop_gives_exactly_its_books(
    scraper: Scraper, settings: Settings, runs: ScrapeRuns, bookstore_url: str
) -> None:
    scraper.carry_out(runs.begin(bookstore_url, "cli", now()))
    listed = scraper.catalogue.all_books()
    books = [one.book for one in listed]
    assert len({book.upc for book in books}) == len(books) == 1000
    assert len({book.category for book in books}) == 50
    assert sum(book.stock for book in books) == 8585
    assert sum(book.price for book in books) == Decimal("35070.35")
    assert Counter(book.rating for book in books) == {1: 226, 2: 196, 3: 203, 4: 179, 5: 196}
    assert sum(not book.description for book in books) == 2
    assert (listed[0].id, listed[0].book.title) == (1, "A Light in the Attic")
    assert len({book.title for book in books}) == 999
    assert not any("Â" in book.title + book.description for book in books)
    with settings.export_csv.open(encoding="utf-8", newline="") as file:
        assert sum(Decimal(row["price"]) for row in csv.DictReader(file)) == Decimal("35070.35")
