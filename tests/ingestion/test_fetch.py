"""The fetcher against a real server: what it retries, what it refuses, and how politely it asks."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from threading import Timer
from typing import TYPE_CHECKING

import pytest

from bookshelf.errors import CrawlError, CrawlForbidden, FetchFailed, PageGone
from bookshelf.settings import Settings
from ingestion.fetch import FetchPolicy, PoliteFetcher, retry_after

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop

PAGE = "/catalogue/page-2.html"
# Patience is for real shops.
QUICK = FetchPolicy(attempts=3, first_wait=timedelta(milliseconds=5), timeout=timedelta(seconds=60))
IMPATIENT = replace(QUICK, attempts=2, timeout=timedelta(seconds=0.2))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

Opener = Callable[[FetchPolicy], PoliteFetcher]


@pytest.fixture
def open_fetcher() -> Iterator[Opener]:
    with ExitStack() as opened:
        yield lambda policy: opened.enter_context(PoliteFetcher("127.0.0.1", policy))


@pytest.fixture
def fetch(open_fetcher: Opener) -> PoliteFetcher:
    return open_fetcher(QUICK)


@pytest.fixture
def page_url(shop: SmallShop) -> str:
    return shop.url.rstrip("/") + PAGE


def times_asked(shop: SmallShop, path: str = PAGE) -> int:
    return shop.asked.count(path)


def test_a_page_is_its_bytes_whatever_the_header_says_of_them(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.content_type = "text/html; charset=iso-8859-1"
    assert fetch(page_url).body == shop.pages[PAGE]


def test_we_say_who_we_are(shop: SmallShop, fetch: PoliteFetcher) -> None:
    fetch(shop.url)
    (agent,) = shop.agents
    assert agent.startswith("Bookshelf/")
    assert "(" in agent


def test_a_busy_server_is_asked_again_after_the_time_it_names(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer(PAGE, 503, {"Retry-After": "1"})
    started = time.monotonic()
    assert fetch(page_url).body == shop.pages[PAGE]
    assert time.monotonic() - started >= 1
    assert times_asked(shop) == 2


def test_the_time_may_be_named_as_a_date(shop: SmallShop, fetch: PoliteFetcher, page_url: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    shop.answer(PAGE, 429, {"Retry-After": format_datetime(soon, usegmt=True)})
    assert fetch(page_url).body == shop.pages[PAGE]
    # HTTP dates have whole seconds.
    assert datetime.now(UTC) >= soon.replace(microsecond=0)


def test_a_server_that_wants_us_back_in_an_hour_is_left_alone(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer(PAGE, 503, {"Retry-After": "3600"})
    with pytest.raises(FetchFailed, match="come back in 3,600 s"):
        fetch(page_url)
    assert times_asked(shop) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_we_give_up_after_as_many_attempts_as_the_policy_says(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str, status: int
) -> None:
    shop.answer(PAGE, status, times=99)
    with pytest.raises(FetchFailed, match=f"{status} .*, 3 times") as caught:
        fetch(page_url)
    assert caught.value.url == page_url
    assert times_asked(shop) == 3


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_not_there_is_gone_and_asked_for_once(
    shop: SmallShop, fetch: PoliteFetcher, status: int
) -> None:
    shop.answer("/nowhere", status, times=99)
    with pytest.raises(PageGone, match=f"the server answered {status}"):
        fetch(shop.url + "nowhere")
    assert times_asked(shop, "/nowhere") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 501])
def test_a_page_that_is_refused_is_not_gone(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str, status: int
) -> None:
    shop.answer(PAGE, status)
    with pytest.raises(FetchFailed) as caught:
        fetch(page_url)
    assert not isinstance(caught.value, PageGone)


def test_waits_double_from_attempt_to_attempt(shop: SmallShop, open_fetcher: Opener, page_url: str) -> None:
    shop.answer(PAGE, 500, times=3)
    started = time.monotonic()
    open_fetcher(replace(QUICK, attempts=4, first_wait=timedelta(seconds=0.05)))(page_url)
    assert time.monotonic() - started >= 0.05 + 0.1 + 0.2


def test_a_server_that_never_answers_is_given_up(
    shop: SmallShop, open_fetcher: Opener, page_url: str
) -> None:
    shop.answer_by_hand(PAGE, shop.say_nothing, times=2)
    with pytest.raises(FetchFailed, match=r"no whole answer within 0.2 s, 2 times"):
        open_fetcher(IMPATIENT)(page_url)


def test_a_server_that_drips_its_answer_is_given_up(
    shop: SmallShop, open_fetcher: Opener, page_url: str
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not shop.closing.wait(0.05):
            handler.wfile.write(b".")

    shop.answer_by_hand(PAGE, drip, times=2)
    with pytest.raises(FetchFailed, match="no whole answer within"):
        open_fetcher(IMPATIENT)(page_url)


def test_nobody_there_is_said_in_plain_words(fetch: PoliteFetcher, nobodys_port: int) -> None:
    with pytest.raises(FetchFailed, match=r"connection refused, 3 times$"):
        fetch(f"http://127.0.0.1:{nobodys_port}/")


def test_an_answer_that_breaks_off_is_asked_for_again(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(shop.pages[PAGE])))
        handler.end_headers()
        handler.wfile.write(shop.pages[PAGE][:100])
        handler.close_connection = True

    shop.answer_by_hand(PAGE, break_off)
    assert fetch(page_url).body == shop.pages[PAGE]
    assert times_asked(shop) == 2


@pytest.mark.parametrize("body", [b"x" * 1001, gzip.compress(b"x" * 1001)], ids=["plain", "packed"])
def test_an_answer_past_the_limit_is_refused(
    shop: SmallShop, open_fetcher: Opener, page_url: str, body: bytes
) -> None:
    packed = {"Content-Encoding": "gzip"} if len(body) < 1001 else {}
    shop.answer(PAGE, 200, packed, body)
    with pytest.raises(FetchFailed, match="more than 1,000 bytes"):
        open_fetcher(replace(QUICK, max_bytes=1000))(page_url)


def test_a_packed_answer_is_unpacked(shop: SmallShop, fetch: PoliteFetcher, page_url: str) -> None:
    shop.answer(PAGE, 200, {"Content-Encoding": "gzip"}, gzip.compress(b"a page"))
    assert fetch(page_url).body == b"a page"


def test_at_most_eight_are_asked_for_at_once_whoever_asks(many_books: SmallShop) -> None:
    many_books.gather(8)
    urls = [f"{many_books.url}catalogue/book-{n}/index.html" for n in range(1, 61)]
    with PoliteFetcher("127.0.0.1", QUICK) as fetch, ThreadPoolExecutor(32) as crowd:
        list(crowd.map(fetch, urls))
    assert many_books.most_at_once == 8


def test_connections_are_used_again(many_books: SmallShop) -> None:
    urls = [f"{many_books.url}catalogue/book-{n}/index.html" for n in range(1, 61)]
    with PoliteFetcher("127.0.0.1", replace(QUICK, at_once=4)) as fetch, ThreadPoolExecutor(16) as crowd:
        list(crowd.map(fetch, urls))
    assert len(many_books.asked) == 61  # robots.txt too
    assert many_books.connections <= 4


def test_a_pause_lies_between_the_starts_of_two_requests(shop: SmallShop, open_fetcher: Opener) -> None:
    fetch = open_fetcher(replace(QUICK, pause=timedelta(seconds=0.05)))
    started = time.monotonic()
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(fetch, [shop.url] * 5))
    assert time.monotonic() - started >= 5 * 0.05  # robots.txt, then five pages


def test_the_pause_of_robots_txt_is_kept(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.pages["/robots.txt"] = b"User-agent: *\nCrawl-delay: 1\n"
    started = time.monotonic()
    fetch(shop.url)
    fetch(shop.url)
    assert time.monotonic() - started >= 1


def test_a_page_that_robots_txt_forbids_is_not_asked_for(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.pages["/robots.txt"] = b"User-agent: *\nDisallow: /catalogue/\n"
    fetch(shop.url)
    with pytest.raises(CrawlForbidden, match=f"robots.txt does not allow us to read {page_url}"):
        fetch(page_url)
    assert shop.asked == ["/robots.txt", "/"]


@pytest.mark.parametrize("status", [500, 501])
def test_rules_that_cannot_be_had_forbid_everything(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str, status: int
) -> None:
    shop.answer("/robots.txt", status, times=99)
    with pytest.raises(FetchFailed, match=rf"robots.txt: the server answered {status}"):
        fetch(page_url)
    assert times_asked(shop) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_shop_without_rules_may_be_read(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str, status: int
) -> None:
    shop.answer("/robots.txt", status)
    assert fetch(page_url).body


def test_redirects_within_the_host_are_followed_to_where_the_page_really_is(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer("/old", 301, {"Location": "/older"})
    shop.answer("/older", 302, {"Location": page_url})
    assert fetch.locate(shop.url + "old") == page_url


def test_redirects_off_the_host_are_not_followed(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.answer("/old", 302, {"Location": "http://elsewhere.invalid/"})
    with pytest.raises(FetchFailed, match=r"leads away from 127.0.0.1, to http://elsewhere.invalid/"):
        fetch(shop.url + "old")


def test_redirects_in_a_ring_come_to_an_end(shop: SmallShop, fetch: PoliteFetcher) -> None:
    shop.answer("/ring", 302, {"Location": "/ring"}, times=99)
    with pytest.raises(FetchFailed, match="more than 5 redirects"):
        fetch(shop.url + "ring")


def test_closing_ends_a_wait_at_once(shop: SmallShop, fetch: PoliteFetcher, page_url: str) -> None:
    shop.answer(PAGE, 503, {"Retry-After": "60"})
    closer = Timer(0.2, fetch.close)
    closer.start()
    started = time.monotonic()
    with pytest.raises(CrawlError, match="stopped") as caught:
        fetch(page_url)
    assert not isinstance(caught.value, FetchFailed)  # the page is not to blame
    closer.join()
    assert time.monotonic() - started < 20  # not the minute that the shop asked for


def test_a_proxy_is_not_asked_about_our_own_loopback(
    shop: SmallShop, fetch: PoliteFetcher, nobodys_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{nobodys_port}")
    assert fetch(shop.url).body


def test_the_policy_is_the_settings() -> None:
    settings = Settings(fetch_workers=3, fetch_pause=timedelta(seconds=1), fetch_timeout=timedelta(seconds=2))
    policy = FetchPolicy.of(settings)
    assert (policy.at_once, policy.pause, policy.timeout) == (3, timedelta(seconds=1), timedelta(seconds=2))


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30),
        ("Wed, 01 May 2024 12:00:30 -0000", 30),
        ("Wed, 01 May 2024 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("9" * 5000, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_a_retry_after_header_is_seconds_or_a_date(header: str | None, wait: int | None) -> None:
    assert retry_after(header, NOON) == (None if wait is None else timedelta(seconds=wait))
