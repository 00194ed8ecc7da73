"""The crawl: every book in listing order, a few at once, or an error that says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bookshelf.book import Book
from bookshelf.errors import CrawlError, FetchFailed, PageChanged
from ingestion.crawl import CrawlProgress, crawl
from ingestion.fetch import FetchPolicy, PoliteFetcher

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop


@pytest.fixture
def fetch() -> Iterator[PoliteFetcher]:
    policy = FetchPolicy(attempts=2, first_wait=timedelta(milliseconds=5), timeout=timedelta(seconds=1))
    with PoliteFetcher("127.0.0.1", policy) as fetcher:
        yield fetcher


def books_of(shop: SmallShop, fetch: PoliteFetcher, workers: int = 4) -> list[Book]:
    return list(crawl(fetch, shop.url, workers, lambda _: None))


def test_every_book_comes_in_listing_order_however_late_its_page(
    shop: SmallShop, fetch: PoliteFetcher
) -> None:
    shop.latency_of["/catalogue/book-1/index.html"] = 0.2
    assert [book.upc for book in books_of(shop, fetch)] == [f"upc{n:04}" for n in range(1, 8)]


def test_each_book_carries_the_thumbnail_of_its_listing(shop: SmallShop, fetch: PoliteFetcher) -> None:
    books = books_of(shop, fetch)
    assert [book.thumbnail for book in books] == [f"{shop.url}media/small-{n}.jpg" for n in range(1, 8)]
    assert books[4].url == f"{shop.url}catalogue/book-5/index.html"


def test_a_dict_can_be_the_web(shop: SmallShop) -> None:
    web = {shop.url.rstrip("/") + path: body for path, body in shop.pages.items()}
    assert len(list(crawl(web.__getitem__, shop.url, 2, lambda _: None))) == 7
    assert shop.asked == []


def test_no_page_is_asked_for_twice(many_books: SmallShop, fetch: PoliteFetcher) -> None:
    assert len(books_of(many_books, fetch)) == 60
    assert len(many_books.asked) == len(set(many_books.asked)) == 1 + 20 + 60


def test_as_many_pages_are_fetched_at_once_as_there_are_workers(
    many_books: SmallShop, fetch: PoliteFetcher
) -> None:
    many_books.latency = 0.02
    books_of(many_books, fetch, workers=3)
    assert many_books.most_at_once == 3


def test_progress_is_told_after_each_book_and_ends_at_all_there_is(
    shop: SmallShop, fetch: PoliteFetcher
) -> None:
    told: list[CrawlProgress] = []
    list(crawl(fetch, shop.url, 4, told.append))
    assert [progress.books for progress in told] == [1, 2, 3, 4, 5, 6, 7]
    assert told[-1] == CrawlProgress(pages=10, books=7, pages_in_all=10)
    assert all(progress.pages <= progress.pages_in_all == 10 for progress in told)


def test_a_list_that_comes_back_on_itself_is_an_error(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.change("/catalogue/page-2.html", 'href="page-3.html"', 'href="page-2.html"')
    with pytest.raises(CrawlError, match=r"comes back on itself at http://.*/catalogue/page-2.html"):
        books_of(shop, fetch)


def test_a_list_that_begins_again_under_another_address_is_an_error(
    shop: SmallShop, fetch: PoliteFetcher
) -> None:
    shop.change("/catalogue/page-2.html", 'href="page-3.html"', 'href="page-1.html"')
    with pytest.raises(CrawlError, match=r"listed twice: http://.*/catalogue/book-1/"):
        books_of(shop, fetch)


def test_a_list_shorter_than_it_says_is_an_error(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.change("/catalogue/page-2.html", '<li class="next"><a href="page-3.html">next</a></li>', "")
    with pytest.raises(PageChanged, match="a list of 6 books that says it has 7") as caught:
        books_of(shop, fetch)
    assert caught.value.field == "number of results"


def test_a_shop_that_changes_under_the_crawl_is_an_error(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.change("/catalogue/page-2.html", "<strong>7</strong>", "<strong>8</strong>")
    with pytest.raises(CrawlError, match="7 books, then 8 on"):
        books_of(shop, fetch)


def test_a_list_page_cut_off_is_an_error(shop: SmallShop, fetch: PoliteFetcher) -> None:
    path = "/catalogue/page-2.html"
    shop.pages[path] = shop.pages[path][:600]
    with pytest.raises(PageChanged, match="cut off") as caught:
        books_of(shop, fetch)
    assert caught.value.url.endswith(path)


def test_one_book_that_cannot_be_read_ends_the_crawl_with_its_field_and_address(
    shop: SmallShop, fetch: PoliteFetcher
) -> None:
    shop.change("/catalogue/book-6/index.html", "£16.99", "16.99 EUR")
    with pytest.raises(PageChanged, match=r"cannot read price on http://.*/catalogue/book-6/index.html"):
        books_of(shop, fetch)


def test_one_book_that_cannot_be_had_ends_the_crawl(shop: SmallShop, fetch: PoliteFetcher) -> None:
    del shop.pages["/catalogue/book-3/index.html"]
    with pytest.raises(FetchFailed, match=r"book-3/index.html: the server answered 404"):
        books_of(shop, fetch)


def test_a_crawl_that_is_given_up_asks_for_no_more(many_books: SmallShop, fetch: PoliteFetcher) -> None:
    many_books.latency = 0.02
    walk = crawl(fetch, many_books.url, 2, lambda _: None)
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    time.sleep(0.1)
    asked = len(many_books.asked)
    time.sleep(0.1)
    assert len(many_books.asked) == asked < 40


def test_a_flaky_shop_gives_the_same_books(many_books: SmallShop, fetch: PoliteFetcher) -> None:
    for n in range(1, 61, 7):
        many_books.answer(f"/catalogue/book-{n}/index.html", 503, {"Retry-After": "0"})
    assert len(books_of(many_books, fetch)) == 60
