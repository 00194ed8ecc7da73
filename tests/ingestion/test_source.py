"""Which shop is read: a named one or an error, and without a name the live one or the sample, said aloud."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import CrawlForbidden, FetchFailed, SettingsError
from bookshelf.snapshots import Failure
from ingestion.crawl import CrawlProgress, read_shop
from ingestion.fetch import FetchPolicy
from ingestion.source import SAMPLE_SHOP, SAMPLE_SHOP_URL, open_source, source_name

if TYPE_CHECKING:
    from tests.ingestion.conftest import SmallShop

POLICY = FetchPolicy(attempts=2, first_wait=timedelta(milliseconds=5), timeout=timedelta(seconds=60))
PATIENCE = timedelta(seconds=60)
IMPATIENCE = timedelta(seconds=0.5)


def untold(line: str) -> None:
    raise AssertionError(f"nothing should have been said, but: {line}")


def test_a_named_shop_is_read_under_its_name(shop: SmallShop) -> None:
    with open_source(shop.url.rstrip("/"), POLICY, untold) as source:
        assert source.name == source.start_url == shop.url
        assert source.fetch(source.start_url).body == shop.pages["/"]


def test_a_named_shop_that_has_moved_is_read_where_it_is(shop: SmallShop, catalogue: Catalogue) -> None:
    shop.answer("/old", 301, {"Location": "/catalogue/page-1.html"})
    with open_source(f"{shop.url}old", POLICY, untold) as source:
        assert source.name == f"{shop.url}old"
        assert source.start_url == f"{shop.url}catalogue/page-1.html"
        assert len(list(read_shop(source, catalogue.engine, 1, 2, lambda _: None))) == 7


def test_a_named_shop_that_does_not_answer_is_an_error_and_never_replaced(nobodys_port: int) -> None:
    address = f"http://127.0.0.1:{nobodys_port}/"
    with pytest.raises(FetchFailed, match="connection refused"), open_source(address, POLICY, untold):
        pass


def test_without_a_name_the_live_shop_is_read_if_it_answers(shop: SmallShop) -> None:
    with open_source("", POLICY, untold, live_shop=shop.url, patience=PATIENCE) as source:
        assert (source.name, source.start_url) == (shop.url, shop.url)


def test_a_live_shop_that_forbids_robots_is_not_replaced_in_silence(shop: SmallShop) -> None:
    shop.pages["/robots.txt"] = b"User-agent: *\nDisallow: /\n"
    with (
        pytest.raises(CrawlForbidden),
        open_source("", POLICY, untold, live_shop=shop.url, patience=PATIENCE),
    ):
        pass


def test_a_live_shop_that_refuses_gives_way_to_the_sample_and_that_is_said(nobodys_port: int) -> None:
    live, said = f"http://127.0.0.1:{nobodys_port}/", list[str]()
    with open_source("", POLICY, said.append, live_shop=live, patience=PATIENCE) as source:
        assert source.name == SAMPLE_SHOP
        assert b"</html>" in (source.fetch(source.start_url).body or b"")
    assert f"{live} does not answer (connection refused" in said[0]
    assert "sample shop" in said[1]
    assert "invented" in said[1]


def test_a_live_shop_that_is_silent_gives_way_to_the_sample_in_time(shop: SmallShop) -> None:
    shop.answer_by_hand("/robots.txt", shop.say_nothing, times=9)
    said: list[str] = []
    started = time.monotonic()
    with open_source("", POLICY, said.append, live_shop=shop.url, patience=IMPATIENCE) as source:
        assert time.monotonic() - started < 30  # not the minute that an answer may take
        assert source.name == SAMPLE_SHOP
    assert "nothing within 0.5 s" in said[0] or "no whole answer within 0.5 s" in said[0]


def test_a_name_that_hangs_in_the_look_up_gives_way_to_the_sample_in_time(
    shop: SmallShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def hang(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "live-shop.invalid":
            shop.closing.wait(60)  # no timeout of ours reaches into the system's look-up
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    said: list[str] = []
    started = time.monotonic()
    live = "http://live-shop.invalid/"
    with open_source("", POLICY, said.append, live_shop=live, patience=IMPATIENCE) as source:
        assert time.monotonic() - started < 30  # not the minute that the look-up hangs
        assert source.name == SAMPLE_SHOP
    assert said[0] == "http://live-shop.invalid/ does not answer (nothing within 0.5 s)."


def test_a_live_shop_that_answers_errors_gives_way_to_the_sample(shop: SmallShop) -> None:
    shop.answer("/", 503, times=9)
    said: list[str] = []
    with open_source("", POLICY, said.append, live_shop=shop.url, patience=PATIENCE) as source:
        assert source.name == SAMPLE_SHOP
    assert "503" in said[0]


def test_the_sample_shop_can_be_named(shop: SmallShop) -> None:
    with open_source(SAMPLE_SHOP, POLICY, untold, live_shop=shop.url) as source:
        assert source.name == SAMPLE_SHOP
    assert shop.asked == []


def test_the_books_of_the_sample_shop_have_the_same_addresses_each_time(catalogue: Catalogue) -> None:
    with (
        open_source(SAMPLE_SHOP, POLICY, untold) as source,
        closing(read_shop(source, catalogue.engine, 1, 2, lambda _: None)) as found,
    ):
        first = next(found)
    assert not isinstance(first, Failure)
    book = first[1]
    assert all(where.startswith(SAMPLE_SHOP_URL) for where in (book.url, book.image, book.thumbnail))


def test_the_sample_shop_costs_nothing_when_it_is_read_again(catalogue: Catalogue) -> None:
    told: list[CrawlProgress] = []
    for snapshot_id in (1, 2):
        with open_source(SAMPLE_SHOP, POLICY, untold) as source:
            list(read_shop(source, catalogue.engine, snapshot_id, 4, told.append))
    assert (told[-1].pages_parsed, told[-1].pages_unchanged, told[-1].books) == (0, 1050, 1000)
    # What is left is a robots.txt of two lines.
    assert told[-1].bytes < 100


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("http://127.0.0.1:8900", "http://127.0.0.1:8900/"),
        ("http://127.0.0.1:8900/", "http://127.0.0.1:8900/"),
        ("https://Books.ToScrape.com", "https://books.toscrape.com/"),
        ("https://shop.test/Shop/index.html", "https://shop.test/Shop/index.html"),
        ("sample shop", "sample shop"),
    ],
)
def test_a_shop_has_one_name(said: str, name: str) -> None:
    assert source_name(said) == name


@pytest.mark.parametrize(
    "address",
    [
        "",
        "books.toscrape.com",
        "ftp://shop.test/",
        "http://",
        "http://:8900/",
        "http://user:password@shop.test/",
        "http://shop.test:70000/",
        "http://shop.test:0/",
        "http://[::1/",
        "http://shop.test/?page=1",
        "http://shop.test/" + "x" * 500,
    ],
)
def test_what_is_no_address_of_a_shop_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="SOURCE"):
        source_name(address)
