"""What goes wrong in shops, and what becomes of it: a failed page, a failed crawl, or nothing at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from bookshelf.errors import CrawlError, CrawlForbidden, FetchFailed, PageChanged
from bookshelf.snapshots import Failure
from ingestion.listed import ListBroken

if TYPE_CHECKING:
    from tests.ingestion.conftest import Crawler, Outcome, SmallShop

BOOK = "/catalogue/book-3/index.html"
LIST = "/catalogue/page-2.html"
FROM_LIST_1_TO_2 = 'href="page-2.html"'
FROM_LIST_2_TO_3 = 'href="page-3.html"'

Break = Callable[[BaseHTTPRequestHandler], None]


def only_failure(outcome: Outcome) -> Failure:
    """The one page that failed, book 3's, with every other book there and in its place."""
    assert [book.upc for book in outcome.books] == [f"upc{n:04}" for n in (1, 2, 4, 5, 6, 7)]
    assert (outcome.last.books, outcome.last.failures, outcome.last.pages) == (6, 1, 10)
    (failure,) = outcome.failures
    assert outcome.found.index(failure) == failure.position == 2
    assert failure.place.endswith(BOOK)
    return failure


def breaking_off(shop: SmallShop, path: str) -> Break:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(shop.pages[path])))
        handler.end_headers()
        handler.wfile.write(shop.pages[path][:100])
        handler.close_connection = True

    return break_off


def dripping(shop: SmallShop, head: bytes) -> Break:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        while not shop.closing.wait(0.05):
            handler.wfile.write(b".")

    return drip


# Pages of books: each fails alone.


def test_a_book_page_that_no_longer_parses_is_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(BOOK, "£13.99", "13.99 EUR")
    failure = only_failure(crawler.crawl(shop))
    assert failure.reason.startswith("cannot read price on http://")
    assert not failure.gone


def test_a_book_page_that_says_something_else_altogether_is_a_failure(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.pages[BOOK] = shop.pages["/"]  # a page that is not there, told with 200
    assert "cannot read product" in only_failure(crawler.crawl(shop)).reason


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_book_page_cut_off_is_a_failure(shop: SmallShop, crawler: Crawler, share: float) -> None:
    shop.pages[BOOK] = shop.pages[BOOK][: int(len(shop.pages[BOOK]) * share)]
    assert "end of page" in only_failure(crawler.crawl(shop)).reason


@pytest.mark.parametrize("body", [b"", b"</html>", b"\0" * 400, b"{}"])
def test_a_book_page_that_is_no_page_is_a_failure(shop: SmallShop, crawler: Crawler, body: bytes) -> None:
    shop.pages[BOOK] = body
    assert "cannot read charset" in only_failure(crawler.crawl(shop)).reason


def test_a_page_that_failed_is_read_as_soon_as_it_is_well(shop: SmallShop, crawler: Crawler) -> None:
    whole = shop.pages[BOOK]
    shop.pages[BOOK] = whole[:300]
    crawler.crawl(shop, 1)
    shop.pages[BOOK] = whole
    again = crawler.crawl(shop, 1)
    assert len(again.books) == 7
    assert (again.last.pages_parsed, again.last.pages_kept) == (1, 9)


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "shift_jis", "no-such-charset"])
def test_a_wrong_charset_in_the_header_changes_nothing(
    shop: SmallShop, crawler: Crawler, charset: str
) -> None:
    shop.content_type = f"text/html; charset={charset}"
    outcome = crawler.crawl(shop)
    assert [book.title for book in outcome.books] == [f"The Café of Book {n}" for n in range(1, 8)]
    assert str(outcome.books[0].price) == "11.99"


def test_a_page_that_does_not_keep_to_its_own_charset_is_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    shop.pages[BOOK] = shop.pages[BOOK].replace("é".encode(), b"\xe9")
    assert "cannot read charset" in only_failure(crawler.crawl(shop)).reason


@pytest.mark.parametrize("status", [404, 410])
def test_a_book_listed_a_moment_ago_and_not_there_now_is_gone(
    shop: SmallShop, crawler: Crawler, status: int
) -> None:
    shop.answer(BOOK, status)
    failure = only_failure(crawler.crawl(shop))
    assert failure.gone
    assert f"the server answered {status}" in failure.reason
    assert shop.asked.count(BOOK) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 451, 500, 501])
def test_a_book_page_that_is_refused_is_a_failure_but_not_gone(
    shop: SmallShop, crawler: Crawler, status: int
) -> None:
    shop.answer(BOOK, status, times=2)
    assert not only_failure(crawler.crawl(shop)).gone


def test_redirects_in_a_circle_are_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer(BOOK, 302, {"Location": "/elsewhere"}, times=9)
    shop.answer("/elsewhere", 302, {"Location": BOOK}, times=9)
    assert "more than 5 redirects" in only_failure(crawler.crawl(shop)).reason
    assert shop.asked.count(BOOK) + shop.asked.count("/elsewhere") == 6


def test_a_redirect_off_the_shop_is_a_failure_and_not_followed(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer(BOOK, 302, {"Location": "http://elsewhere.invalid/"})
    assert "leads away" in only_failure(crawler.crawl(shop)).reason


def test_a_book_of_another_shop_is_a_failure_and_not_asked_for(shop: SmallShop, crawler: Crawler) -> None:
    shop.change("/", 'href="catalogue/book-3/index.html"><img', 'href="http://elsewhere.invalid/"><img')
    (failure,) = crawler.crawl(shop).failures
    assert failure.place == "http://elsewhere.invalid/"
    assert "leads away" in failure.reason


def test_a_book_page_that_robots_may_not_read_is_a_failure_and_not_asked_for(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.pages["/robots.txt"] = f"User-agent: *\nDisallow: {BOOK}\n".encode()
    assert "robots.txt does not allow" in only_failure(crawler.crawl(shop)).reason
    assert BOOK not in shop.asked


@pytest.mark.parametrize("status", [429, 503])
def test_a_shop_that_asks_for_time_is_given_it(shop: SmallShop, crawler: Crawler, status: int) -> None:
    shop.answer(BOOK, status, {"Retry-After": "1"})
    started = time.monotonic()
    assert len(crawler.crawl(shop).books) == 7
    assert time.monotonic() - started >= 1
    assert shop.asked.count(BOOK) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_shop_that_asks_for_time_until_a_date_is_given_it(
    shop: SmallShop, crawler: Crawler, status: int
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    shop.answer(BOOK, status, {"Retry-After": format_datetime(soon, usegmt=True)})
    assert len(crawler.crawl(shop).books) == 7
    assert datetime.now(UTC) >= soon


@pytest.mark.parametrize("status", [429, 503])
def test_a_page_that_asks_for_more_time_than_we_have_is_a_failure(
    shop: SmallShop, crawler: Crawler, status: int
) -> None:
    shop.answer(BOOK, status, {"Retry-After": "3600"})
    assert "come back in 3,600 s" in only_failure(crawler.crawl(shop)).reason
    assert shop.asked.count(BOOK) == 1


def test_a_server_that_accepts_and_never_answers_costs_its_page_and_no_more(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.answer_by_hand(BOOK, shop.say_nothing, times=2)
    crawler.policy = replace(crawler.policy, timeout=timedelta(seconds=1))
    assert "no whole answer within 1 s, 2 times" in only_failure(crawler.crawl(shop)).reason


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Long: "],
    ids=["first line", "body", "header"],
)
def test_a_server_that_drips_costs_its_page_and_no_more(
    shop: SmallShop, crawler: Crawler, head: bytes
) -> None:
    # Each drop comes long before the timeout of a single silence.
    shop.answer_by_hand(BOOK, dripping(shop, head), times=2)
    crawler.policy = replace(crawler.policy, timeout=timedelta(seconds=1))
    assert "no whole answer within 1 s, 2 times" in only_failure(crawler.crawl(shop)).reason


def test_a_slow_answer_leaves_the_next_on_its_connection_all_its_time(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.latency = 0.4  # eleven times that is more than the time of one answer, and once is far less
    crawler.policy = replace(crawler.policy, timeout=timedelta(seconds=4), attempts=1, at_once=1)
    assert len(crawler.crawl(shop, workers=1).books) == 7
    assert shop.connections == 1


def test_a_connection_cut_in_the_middle_of_a_page_is_opened_again(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer_by_hand(BOOK, breaking_off(shop, BOOK))
    assert len(crawler.crawl(shop).books) == 7
    assert shop.asked.count(BOOK) == 2


def test_a_connection_cut_in_the_middle_each_time_is_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer_by_hand(BOOK, breaking_off(shop, BOOK), times=2)
    assert "broke off, 2 times" in only_failure(crawler.crawl(shop)).reason


def test_an_answer_that_is_no_http_is_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x16\x03\x01 what?\r\n\r\n")
        handler.close_connection = True

    shop.answer_by_hand(BOOK, babble, times=2)
    assert "2 times" in only_failure(crawler.crawl(shop)).reason


def test_a_not_modified_that_we_never_asked_for_is_a_failure(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer(BOOK, 304)
    reason = only_failure(crawler.crawl(shop)).reason
    assert "304 Not Modified, but it was not asked whether it was" in reason


def test_a_not_modified_that_speaks_of_another_state_is_not_believed(
    shop: SmallShop, crawler: Crawler
) -> None:
    crawler.crawl(shop, 1)
    shop.change(BOOK, "£13.99", "£13.50")
    shop.answer(BOOK, 304, {"ETag": '"of some other state"'})
    second = crawler.crawl(shop, 2)
    assert str(second.books[2].price) == "13.50"
    assert second.last.pages_parsed == 1


def test_an_etag_that_lies_is_believed_until_the_page_gets_another(shop: SmallShop, crawler: Crawler) -> None:
    # Nobody could know without fetching every page each time. The book stays as it was read: what the
    # catalogue says is old, but was true, and is mended with the next honest answer.
    shop.stamps = lambda _: {"ETag": '"always the same"'}
    crawler.crawl(shop, 1)
    shop.change(BOOK, "£13.99", "£13.50")
    assert str(crawler.crawl(shop, 2).books[2].price) == "13.99"
    shop.stamps = lambda page: {"ETag": f'"{len(page)} {hash(page)}"'}
    assert str(crawler.crawl(shop, 3).books[2].price) == "13.50"


# Pages of the list: without one of them nothing is known of the whole, and nothing changes.


@pytest.mark.parametrize("status", [403, 404, 410, 429, 500, 503])
def test_a_list_page_that_cannot_be_had_ends_the_crawl(
    shop: SmallShop, crawler: Crawler, status: int
) -> None:
    shop.answer(LIST, status, {"Retry-After": "0"}, times=9)
    with pytest.raises(FetchFailed, match=rf"page-2.html: the server answered {status}"):
        crawler.crawl(shop)


def test_a_list_page_that_no_longer_parses_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(LIST, "product_pod", "pod")
    with pytest.raises(PageChanged, match=r"cannot read books on http://.*/catalogue/page-2.html"):
        crawler.crawl(shop)


def test_a_list_page_cut_off_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.pages[LIST] = shop.pages[LIST][:600]
    with pytest.raises(PageChanged, match="cut off"):
        crawler.crawl(shop)


def test_a_list_page_that_links_to_no_address_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(LIST, FROM_LIST_2_TO_3, 'href="http://["')
    with pytest.raises(PageChanged, match="cannot read next page"):
        crawler.crawl(shop)


def test_a_list_that_never_answers_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer_by_hand(LIST, shop.say_nothing, times=2)
    crawler.policy = replace(crawler.policy, timeout=timedelta(seconds=1))
    with pytest.raises(FetchFailed, match=r"no whole answer within 1 s, 2 times"):
        crawler.crawl(shop)


def test_a_list_redirected_in_a_circle_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.answer(LIST, 302, {"Location": LIST}, times=9)
    with pytest.raises(FetchFailed, match="more than 5 redirects"):
        crawler.crawl(shop)


def test_a_list_that_robots_may_not_read_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.pages["/robots.txt"] = b"User-agent: *\nDisallow: /\n"
    with pytest.raises(CrawlForbidden):
        crawler.crawl(shop)
    assert shop.asked == ["/robots.txt"]


def test_a_list_that_loops_back_on_itself_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(LIST, FROM_LIST_2_TO_3, 'href="page-2.html"')
    with pytest.raises(ListBroken, match=r"comes back on itself at http://.*/catalogue/page-2.html"):
        crawler.crawl(shop)


def test_a_list_that_begins_again_under_another_address_ends_the_crawl(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.change(LIST, FROM_LIST_2_TO_3, 'href="page-1.html"')
    with pytest.raises(ListBroken, match=r"listed twice: http://.*/catalogue/book-1/"):
        crawler.crawl(shop)


def test_a_book_listed_twice_ends_the_crawl_for_another_may_be_missing(
    shop: SmallShop, crawler: Crawler
) -> None:
    # As when a book arrives while another leaves: book 3 has moved on to the next page, and book 4 with
    # it would be taken for gone.
    shop.pages[LIST] = shop.pages[LIST].replace(b"book-4/", b"book-3/")
    with pytest.raises(ListBroken, match=r"listed twice: http://.*/catalogue/book-3/"):
        crawler.crawl(shop)


def test_a_list_shorter_than_it_says_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(LIST, '<li class="next"><a href="page-3.html">next</a></li>', "")
    with pytest.raises(ListBroken, match="a list of 6 books that says it has 7"):
        crawler.crawl(shop)


def test_a_list_longer_than_it_says_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    for path in shop.pages:
        if not path.startswith("/catalogue/book"):
            shop.pages[path] = shop.pages[path].replace(
                b"<strong>7</strong> results", b"<strong>6</strong> results"
            )
    with pytest.raises(ListBroken, match="the list of 6 books goes on after 6 of them"):
        crawler.crawl(shop)


def test_a_list_of_empty_pages_without_end_ends_the_crawl(shop: SmallShop, crawler: Crawler) -> None:
    empty = shop.pages[LIST].decode()
    start, end = empty.index("<li><article"), empty.index("</ol>")
    shop.pages[LIST] = (
        (empty[:start] + empty[end:]).replace("<strong>6</strong>", "<strong>3</strong>").encode()
    )
    with pytest.raises(ListBroken, match="goes on after 3 of them"):
        crawler.crawl(shop)


def test_a_shop_that_changes_under_the_crawl_ends_it(shop: SmallShop, crawler: Crawler) -> None:
    shop.change(LIST, "<strong>7</strong>", "<strong>8</strong>")
    with pytest.raises(ListBroken, match="7 books, then 8 on"):
        crawler.crawl(shop)


def test_a_not_modified_list_that_we_never_asked_for_ends_the_crawl(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.answer(LIST, 304)
    with pytest.raises(FetchFailed, match="304 Not Modified"):
        crawler.crawl(shop)


def test_a_shop_that_falls_silent_leaves_what_was_read_for_another_time(
    shop: SmallShop, crawler: Crawler
) -> None:
    shop.answer("/catalogue/page-3.html", 503, {"Retry-After": "3600"})
    with pytest.raises(CrawlError, match="come back"):
        crawler.crawl(shop, 1)
    shop.forget_what_was_asked()
    again = crawler.crawl(shop, 1)
    assert len(again.books) == 7
    assert again.last.pages_kept >= 2
