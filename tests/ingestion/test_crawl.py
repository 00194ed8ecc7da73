"""The crawl: every book in listing order, a few at once, and nothing asked for twice that has not changed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from bookshelf.database import reading
from bookshelf.errors import CrawlError, FetchFailed
from bookshelf.settings import ROOT
from bookshelf.tables import pages
from ingestion import crawl as crawl_module
from ingestion import page_store
from ingestion.crawl import CrawlProgress, Found, crawl
from ingestion.fetched import Fetched, Stamp, Traffic
from ingestion.listed import ListBroken
from ingestion.page_store import PageStore
from ingestion.reader import PageReader
from tests.conftest import wait_until

if TYPE_CHECKING:
    from tests.ingestion.conftest import Crawler, SmallShop


@pytest.fixture
def crawler(database_url: str, make_crawler: Callable[[str], Crawler]) -> Crawler:
    """On SQLite and on PostgreSQL."""
    return make_crawler(database_url)


def kept_pages(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return {urlsplit(url).path for url in connection.execute(select(pages.c.url)).scalars()}


def pages_asked(shop: SmallShop) -> list[str]:
    return [path for path in shop.asked if path != "/robots.txt"]


def test_every_book_comes_in_listing_order_however_late_its_page(shop: SmallShop, crawler: Crawler) -> None:
    shop.latency_of["/catalogue/book-1/index.html"] = 0.2
    found = crawler.crawl(shop).found
    assert [(place, book.upc) for place, book in found] == [(n - 1, f"upc{n:04}") for n in range(1, 8)]  # type: ignore[misc]


def test_each_book_carries_the_thumbnail_of_its_listing(shop: SmallShop, crawler: Crawler) -> None:
    books = crawler.crawl(shop).books
    assert [book.thumbnail for book in books] == [f"{shop.url}media/small-{n}.jpg" for n in range(1, 8)]
    assert books[4].url == f"{shop.url}catalogue/book-5/index.html"


def test_a_dict_can_be_the_web(shop: SmallShop, crawler: Crawler) -> None:
    web = {shop.url.rstrip("/") + path: body for path, body in shop.pages.items()}

    class Web:
        traffic = Traffic()

        def __call__(self, url: str, known: Stamp | None = None) -> Fetched:
            return Fetched(web[url], known or Stamp())

    with PageStore(crawler.engine, shop.url, 1) as store:
        found = list(crawl(PageReader(Web(), store), shop.url, 2, lambda _: None))
    assert len(found) == 7
    assert shop.asked == []


def test_no_page_is_asked_for_twice(many_books: SmallShop, crawler: Crawler) -> None:
    assert len(crawler.crawl(many_books).books) == 60
    assert len(many_books.asked) == len(set(many_books.asked)) == 1 + 20 + 60


def test_as_many_pages_are_fetched_at_once_as_there_are_workers(
    many_books: SmallShop, crawler: Crawler
) -> None:
    many_books.gather(3)
    crawler.crawl(many_books, workers=3)
    assert many_books.most_at_once == 3


def test_progress_is_told_after_each_book_and_ends_at_all_there_is(shop: SmallShop, crawler: Crawler) -> None:
    outcome = crawler.crawl(shop)
    # None at first, if it is long in coming; and nothing is known of their number before the list is.
    assert sorted({progress.books for progress in outcome.told} - {0}) == [1, 2, 3, 4, 5, 6, 7]
    assert {progress.pages_in_all for progress in outcome.told} - {0} == {10}
    assert outcome.last == CrawlProgress(
        pages=10, pages_in_all=10, requests=11, pages_parsed=10, bytes=shop.sent, books=7
    )
    assert all(progress.pages <= progress.pages_in_all for progress in outcome.told)


def test_a_caller_hears_of_the_crawl_while_a_page_is_waited_for_and_can_end_it(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.answer_by_hand("/catalogue/book-1/index.html", shop.say_nothing)
    told = 0

    def cancel(_progress: CrawlProgress) -> None:
        nonlocal told
        told += 1
        if told == 2:
            raise InterruptedError("enough")

    started = time.monotonic()
    with (
        pytest.raises(InterruptedError, match="enough"),
        crawler.opened(shop, 1, cancel) as found,
    ):
        list(found)
    assert time.monotonic() - started < 30  # not the minute that an answer may take


def test_an_unchanged_shop_costs_no_page_and_no_byte(many_books: SmallShop, crawler: Crawler) -> None:
    first = crawler.crawl(many_books, 1)
    many_books.forget_what_was_asked()
    second = crawler.crawl(many_books, 2)
    assert second.found == first.found
    assert set(many_books.statuses) == {304, 404}  # there is no robots.txt
    assert many_books.sent == 0
    assert second.last == CrawlProgress(
        pages=80, pages_in_all=80, requests=81, pages_unchanged=80, bytes=0, books=60
    )


def test_only_what_has_changed_is_read_again(many_books: SmallShop, crawler: Crawler) -> None:
    crawler.crawl(many_books, 1)
    many_books.change("/catalogue/book-7/index.html", "£17.99", "£17.50")
    second = crawler.crawl(many_books, 2)
    assert (second.last.pages_parsed, second.last.pages_unchanged) == (1, 79)
    assert str(second.books[6].price) == "17.50"
    third = crawler.crawl(many_books, 3)
    assert third.last.pages_parsed == 0
    assert third.found == second.found


def test_a_changed_list_alone_changes_a_book(shop: SmallShop, crawler: Crawler) -> None:
    crawler.crawl(shop, 1)
    shop.change("/catalogue/page-2.html", "small-5.jpg", "tiny-5.jpg")
    second = crawler.crawl(shop, 2)
    assert (second.last.pages_parsed, second.last.pages_unchanged) == (1, 9)
    assert second.books[4].thumbnail == f"{shop.url}media/tiny-5.jpg"


def test_a_shop_that_stamps_nothing_is_known_again_by_its_bytes(shop: SmallShop, crawler: Crawler) -> None:
    shop.stamps = lambda _: {}
    first = crawler.crawl(shop, 1)
    shop.change("/catalogue/book-2/index.html", "£12.99", "£12.50")
    second = crawler.crawl(shop, 2)
    assert (second.last.pages_parsed, second.last.pages_unchanged) == (1, 9)
    assert [book.price for book in second.books if book not in first.books] == [second.books[1].price]


def test_an_etag_that_changes_with_every_answer_costs_bytes_but_no_reading(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.stamps = lambda _: {"ETag": f'"{time.monotonic_ns()}"'}
    crawler.crawl(shop, 1)
    second = crawler.crawl(shop, 2)
    assert (second.last.pages_parsed, second.last.pages_unchanged) == (0, 10)
    assert second.last.bytes > 0


def test_pages_read_by_another_parser_are_asked_for_anew(
    shop: SmallShop, crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(page_store, "parser_fingerprint", lambda: "another")
        crawler.crawl(shop, 1)
    shop.forget_what_was_asked()
    second = crawler.crawl(shop, 1)  # even by the crawl that had them
    assert second.last.pages_parsed == 10
    assert set(shop.statuses) == {200, 404}


def test_an_interrupted_crawl_goes_on_without_asking_again(many_books: SmallShop, crawler: Crawler) -> None:
    under_way = [f"/catalogue/book-{n}/index.html" for n in range(26, 30)]
    many_books.hold(*under_way)
    first: list[Found] = []

    def interrupt_when_all_wait(_progress: CrawlProgress) -> None:
        if set(under_way) <= set(many_books.asked):
            raise InterruptedError

    with (
        pytest.raises(InterruptedError),
        crawler.opened(many_books, 1, interrupt_when_all_wait) as found,
    ):
        first.extend(found)
    had = set(pages_asked(many_books))
    assert 25 <= len(had) < 80
    many_books.let_go()
    many_books.forget_what_was_asked()
    second = crawler.crawl(many_books, 1)
    assert second.found[: len(first)] == first
    assert len(second.books) == 60
    asked = pages_asked(many_books)
    assert set(asked) & had == set(under_way)
    assert second.last.pages_kept == 80 - len(asked)
    assert len(asked) == len(set(asked))


def test_a_crawl_that_came_to_its_end_asks_for_nothing_when_it_is_done_again(
    shop: SmallShop, crawler: Crawler
) -> None:
    first = crawler.crawl(shop, 1)
    shop.forget_what_was_asked()
    again = crawler.crawl(shop, 1)
    assert again.found == first.found
    assert pages_asked(shop) == []
    assert again.last == CrawlProgress(pages=10, pages_in_all=10, pages_kept=10, books=7)


def test_a_crawl_that_was_killed_goes_on_without_asking_for_what_it_had(
    many_books: SmallShop, crawler: Crawler, database_url: str
) -> None:
    under_way = [f"/catalogue/book-{n}/index.html" for n in range(37, 41)]
    many_books.hold(*under_way)
    program = f"""
from bookshelf.database import open_database
from ingestion.crawl import read_shop
from ingestion.fetch import FetchPolicy
from ingestion.source import open_source
with open_source({many_books.url!r}, FetchPolicy(), print) as source:
    list(read_shop(source, open_database({database_url!r}), 1, 4, lambda _: None))
"""

    def all_is_written_but_what_is_under_way() -> bool:
        asked = set(many_books.asked)
        had = asked - {"/robots.txt", "HEAD /"} - set(under_way)
        return set(under_way) <= asked and kept_pages(crawler.engine) == had

    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
        try:
            # Else a server might carry out what it was sent before the kill when we have looked already.
            wait_until(all_is_written_but_what_is_under_way)
            assert process.poll() is None
        finally:
            process.kill()
    kept = kept_pages(crawler.engine)
    assert 36 < len(kept) < 80
    many_books.let_go()
    many_books.forget_what_was_asked()
    outcome = crawler.crawl(many_books, 1)
    assert [book.upc for book in outcome.books] == [f"upc{n:04}" for n in range(1, 61)]
    assert set(pages_asked(many_books)) & kept == set()
    assert outcome.last.pages_kept == len(kept)


def test_a_new_crawl_takes_nothing_for_granted_that_an_interrupted_one_had(
    shop: SmallShop, crawler: Crawler
) -> None:
    with crawler.opened(shop, 1) as found:
        next(found)
    shop.change("/catalogue/book-1/index.html", "£11.99", "£11.50")
    assert str(crawler.crawl(shop, 2).books[0].price) == "11.50"


def test_a_page_that_no_list_has_named_for_two_crawls_is_forgotten(shop: SmallShop, crawler: Crawler) -> None:
    crawler.crawl(shop, 1)
    shop.change("/catalogue/page-3.html", "book-7/", "book-8/")
    shop.pages["/catalogue/book-8/index.html"] = shop.pages["/catalogue/book-7/index.html"]
    kept = []
    for snapshot_id in (2, 3):
        crawler.crawl(shop, snapshot_id)
        with reading(crawler.engine) as connection:
            kept.append(len(connection.execute(select(pages.c.url)).all()))
    assert kept == [11, 10]


def test_a_crawl_that_is_given_up_asks_for_no_more(many_books: SmallShop, crawler: Crawler) -> None:
    under_way = ["/catalogue/book-2/index.html", "/catalogue/book-3/index.html"]
    many_books.hold(*under_way)
    with crawler.opened(many_books, 1, workers=2) as found:
        next(found)
        wait_until(lambda: set(under_way) <= set(many_books.asked))
    asked = len(many_books.asked)
    many_books.let_go()
    wait_until(lambda: many_books.at_once == 0)
    time.sleep(0.2)  # for who would ask for more
    assert len(many_books.asked) == asked < 40


def test_a_flaky_shop_gives_the_same_books(many_books: SmallShop, crawler: Crawler) -> None:
    for n in range(1, 61, 7):
        many_books.answer(f"/catalogue/book-{n}/index.html", 503, {"Retry-After": "0"})
    outcome = crawler.crawl(many_books)
    assert len(outcome.books) == 60
    assert outcome.last.requests == 1 + 80 + 9


def test_a_shop_that_has_gone_away_is_not_asked_for_every_page(
    many_books: SmallShop, crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_module, "_MOST_UNHAD_IN_A_ROW", 10)
    for n in range(20, 61):
        many_books.answer(f"/catalogue/book-{n}/index.html", 500, times=99)
    with pytest.raises(CrawlError, match=r"10 books in a row could not be had; the last: .*book-29"):
        crawler.crawl(many_books)


def test_books_that_are_gone_do_not_make_a_shop_that_has_gone_away(
    many_books: SmallShop, crawler: Crawler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawl_module, "_MOST_UNHAD_IN_A_ROW", 10)
    for n in range(20, 61):
        del many_books.pages[f"/catalogue/book-{n}/index.html"]
    assert len(crawler.crawl(many_books).failures) == 41


def test_a_list_that_broke_is_asked_for_again_when_its_crawl_goes_on(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.change("/catalogue/page-2.html", "<strong>7</strong>", "<strong>8</strong>")
    with pytest.raises(ListBroken, match="7 books, then 8 on"):
        crawler.crawl(shop, 1)
    shop.change("/catalogue/page-2.html", "<strong>8</strong>", "<strong>7</strong>")
    assert len(crawler.crawl(shop, 1).books) == 7


def test_a_list_that_could_not_be_had_leaves_what_was_read(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer("/catalogue/page-3.html", 500, times=2)
    with pytest.raises(FetchFailed):
        crawler.crawl(shop, 1)
    shop.forget_what_was_asked()
    assert len(crawler.crawl(shop, 1).books) == 7
    assert "/catalogue/page-2.html" not in shop.asked
