"""Asking only for what has changed, and counting what was asked, against a real server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from bookshelf.errors import FetchFailed
from ingestion.fetch import FetchPolicy, PoliteFetcher
from ingestion.fetched import Stamp, Traffic

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop

PAGE = "/catalogue/page-2.html"
LONG_AGO = "Wed, 08 Feb 2023 21:02:32 GMT"


@pytest.fixture
def fetch() -> Iterator[PoliteFetcher]:
    policy = FetchPolicy(attempts=3, first_wait=timedelta(milliseconds=5), timeout=timedelta(seconds=60))
    with PoliteFetcher("127.0.0.1", policy) as fetcher:
        yield fetcher


@pytest.fixture
def page_url(shop: SmallShop) -> str:
    return shop.url.rstrip("/") + PAGE


def test_a_page_that_has_not_changed_is_not_sent_again(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    first = fetch(page_url)
    before = fetch.traffic.bytes
    again = fetch(page_url, first.stamp)
    assert (again.body, again.stamp) == (None, first.stamp)
    assert shop.statuses[-1] == 304
    assert fetch.traffic.bytes == before


def test_a_page_that_has_changed_is_sent_whole(shop: SmallShop, fetch: PoliteFetcher, page_url: str) -> None:
    known = fetch(page_url).stamp
    shop.change(PAGE, "Book 5", "Book Five")
    again = fetch(page_url, known)
    assert again.body == shop.pages[PAGE]
    assert again.stamp != known


def test_without_an_etag_the_date_of_the_page_is_the_condition(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.stamps = lambda _: {"Last-Modified": LONG_AGO}
    known = fetch(page_url).stamp
    assert known.conditions == {"If-Modified-Since": LONG_AGO}
    assert fetch(page_url, known).body is None


def test_with_an_etag_the_date_is_not_a_condition(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.stamps = lambda _: {"ETag": '"a"', "Last-Modified": LONG_AGO}
    assert fetch(page_url).stamp.conditions == {"If-None-Match": '"a"'}


def test_a_page_dated_just_now_may_be_changing_still(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.stamps = lambda _: {"Last-Modified": format_datetime(datetime.now(UTC), usegmt=True)}
    assert fetch(page_url).stamp.conditions == {}


@pytest.mark.parametrize("etag", ['"a\x01b"', f'"{"x" * 2000}"', "", '"a\u20ac"'])
def test_an_etag_that_cannot_be_sent_back_is_none(etag: str) -> None:
    assert Stamp.of({"ETag": etag}).conditions == {}


def test_a_weak_etag_is_sent_back_as_it_came() -> None:
    assert Stamp.of({"ETag": 'W/"weak"'}).conditions == {"If-None-Match": 'W/"weak"'}


def test_a_date_that_no_calendar_has_is_of_no_use() -> None:
    headers = {"Last-Modified": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Date": LONG_AGO}
    assert Stamp.of(headers) == Stamp()


def test_a_redirected_page_is_not_known_again_by_the_stamp_of_another(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer("/old", 302, {"Location": page_url}, times=2)
    known = fetch(page_url).stamp
    assert fetch(shop.url + "old").stamp.conditions == {}
    # The page at the end of the way is asked for without the condition that was meant for its beginning.
    assert fetch(shop.url + "old", known).body == shop.pages[PAGE]


def test_the_traffic_counts_every_request_and_the_bytes_that_came(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer(PAGE, 503, {"Retry-After": "0"}, b"busy")
    fetch(page_url)
    assert fetch.traffic == Traffic(requests=3, retries=1, bytes=shop.sent)
    assert shop.asked == ["/robots.txt", PAGE, PAGE]
    assert shop.sent == len(shop.pages[PAGE]) + len(b"busy")


def test_a_packed_answer_counts_as_it_came(shop: SmallShop, fetch: PoliteFetcher, page_url: str) -> None:
    packed = gzip.compress(b"x" * 10_000)
    shop.answer(PAGE, 200, {"Content-Encoding": "gzip"}, packed)
    fetch(page_url)
    assert fetch.traffic.bytes == len(packed)


def test_where_a_page_is_can_be_asked_without_fetching_it(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    assert fetch.locate(page_url) == page_url
    assert shop.asked == ["/robots.txt", f"HEAD {PAGE}"]
    assert shop.sent == 0


def test_a_server_that_knows_no_heads_is_asked_for_the_page(
    shop: SmallShop, fetch: PoliteFetcher, page_url: str
) -> None:
    shop.answer(PAGE, 405)
    assert fetch.locate(page_url) == page_url
    assert shop.asked == ["/robots.txt", f"HEAD {PAGE}", PAGE]


@pytest.mark.parametrize("where", ["http://[", "//[oops]/", "javascript:void(0)"])
def test_a_redirect_to_no_address_is_a_failure(shop: SmallShop, fetch: PoliteFetcher, where: str) -> None:
    shop.answer("/old", 302, {"Location": where})
    with pytest.raises(FetchFailed, match=r"redirect to|leads away"):
        fetch(shop.url + "old")
