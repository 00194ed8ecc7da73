"""The bundled sample shop: its catalogue never changes, its pages and its server are the real shop's."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urljoin, urlsplit

import pytest

from bookshelf.settings import ROOT
from ingestion.pages import BookPage, ListingPage
from ingestion.sample_shop import SampleBook, sample_books, serve_sample_shop
from ingestion.sample_shop.catalogue import described
from ingestion.sample_shop.grammar import parse, read_banks
from ingestion.sample_shop.shop import Shop
from ingestion.sample_shop.typesetting import polished, title_case
from tests.conftest import free_port

# Change it only together with the prose or the shelves; see `catalogue_sha256`.
CATALOGUE_SHA256 = "653133926c2c995ff3f56651afef954211869b603bf9123bd26a66e7b45a3b07"
SITE = "http://shop.test/"
SENTENCE_END = re.compile(r"(?<=[.!?])[\"”)]*\s+(?=[\"“A-Z])")


def catalogue_sha256(books: tuple[SampleBook, ...]) -> str:
    """Of every field of every book, in the shop's order."""
    told = json.dumps([asdict(book) for book in books], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def a_sample_book(**changes: object) -> SampleBook:
    fields: dict[str, object] = {
        "number": 7,
        "slug": "a-title",
        "upc": "0123456789abcdef",
        "title": "A Title",
        "category": "Travel",
        "price": 12.5,
        "stock": 3,
        "rating": 4,
        "image": "aa/bb/aabb.png",
        "thumbnail": "cc/dd/ccdd.png",
        "description": "Said plainly.",
    }
    return SampleBook(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(sample_books())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve_sample_shop() as address:
        yield address


def body_of(shop: Shop, url: str) -> bytes:
    page = shop.page(urlsplit(url).path)
    assert page is not None, f"no page at {url}"
    return page.body


def walked(shop: Shop, start: str) -> list[str]:
    """Addresses of all the books that the list from `start` links to, page after page."""
    found: list[str] = []
    url: str | None = urljoin(SITE, start)
    while url:
        page = ListingPage(body_of(shop, url), url)
        found += [link.url for link in page.links]
        url = page.next_url
    return found


def connected(address: str) -> HTTPConnection:
    parts = urlsplit(address)
    assert parts.hostname
    return HTTPConnection(parts.hostname, parts.port, timeout=60)


def got(
    connection: HTTPConnection, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    return response, response.read()


# The catalogue


def test_the_catalogue_is_the_same_on_every_machine() -> None:
    assert catalogue_sha256(sample_books()) == CATALOGUE_SHA256


def test_the_catalogue_is_the_same_in_another_process_with_another_hash_seed() -> None:
    program = "from ingestion.sample_shop import sample_books; print(ascii(sample_books()))"
    other = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == ascii(sample_books())


def test_there_are_a_thousand_books_numbered_downwards_with_upcs_of_their_own() -> None:
    books = sample_books()
    assert [book.number for book in books] == list(range(1000, 0, -1))
    assert len({book.upc for book in books}) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{16}", book.upc) for book in books)
    assert len({book.image for book in books} | {book.thumbnail for book in books}) == 2000


def test_one_title_is_borne_by_two_books_and_every_other_by_one() -> None:
    titles = Counter(book.title for book in sample_books())
    (twice,) = [title for title, bearers in titles.items() if bearers > 1]
    first, second = [book for book in sample_books() if book.title == twice]
    assert len(titles) == 999
    assert first.category != second.category
    assert first.description != second.description


def test_two_books_have_no_description() -> None:
    assert sum(not book.description for book in sample_books()) == 2


def test_categories_are_of_very_uneven_size() -> None:
    sizes = Counter(book.category for book in sample_books())
    assert len(sizes) == 50
    assert sizes.most_common(1) == [("Default", 145)]
    assert sum(size < 5 for size in sizes.values()) == 15
    assert sizes["Add a comment"] == 64


def test_prices_stock_and_stars_keep_to_the_shops_ranges() -> None:
    books = sample_books()
    assert all(10 <= book.price <= 59.99 and round(book.price, 2) == book.price for book in books)
    assert {book.stock for book in books} == set(range(23))
    assert {book.rating for book in books} == {1, 2, 3, 4, 5}


def test_stars_say_nothing_about_a_price() -> None:
    books = sample_books()
    means = [
        sum(prices) / len(prices)
        for prices in ([book.price for book in books if book.rating == rating] for rating in range(1, 6))
    ]
    assert max(means) - min(means) < 5


def test_slugs_stand_in_an_address_as_they_are() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", book.slug) for book in sample_books())


# The prose


def full_text(book: SampleBook) -> str:
    """The description without its teaser and `...more`."""
    told = book.description.removesuffix(" ...more")
    cuts = (
        at for at in range(375, 300, -1) if told[at : at + 1] == " " and told[at + 1 :].startswith(told[:at])
    )
    return told[next(cuts) + 1 :] if book.description.endswith(" ...more") else told


def test_most_descriptions_are_a_teaser_cut_off_within_a_word_and_then_the_whole() -> None:
    folded = [book for book in sample_books() if book.description.endswith(" ...more")]
    assert len(folded) > 900
    for book in folded:
        text = full_text(book)
        teaser = book.description.removesuffix(f" {text} ...more")
        assert 300 < len(teaser) <= 375
        assert text.startswith(teaser)
        assert teaser[-1].isalpha()
        assert text[len(teaser)].isalpha()
        assert 400 <= len(text) <= 2000


def test_a_short_text_has_no_teaser() -> None:
    assert described("A short text.") == "A short text."


def test_a_sentence_seldom_stands_in_more_than_a_few_books() -> None:
    books_with: Counter[str] = Counter()
    for book in sample_books():
        books_with.update(set(SENTENCE_END.split(full_text(book))))
    often = sum(books for books in books_with.values() if books > 8)
    assert often / books_with.total() < 0.01


def test_no_sign_of_the_grammar_is_left_in_what_is_printed() -> None:
    for book in sample_books():
        for text in (book.title, book.description):
            assert not re.search(r"[{}\[\]|~^=_\ue000-\uf8ff]|  | [,;:?!]|\(n\)", text), text


def test_letters_beyond_ascii_occur_in_many_descriptions() -> None:
    assert sum(not book.description.isascii() for book in sample_books()) > 300


def test_a_phrase_takes_its_article_and_its_capital() -> None:
    assert (
        polished("a(n) owl and a(n) one-eyed goose . she said so")
        == "An owl and a one-eyed goose. She said so"
    )


def test_a_title_has_small_words_small_but_at_its_ends() -> None:
    assert title_case("the lamp in the dark: a book to lean on") == "The Lamp in the Dark: A Book to Lean On"


@pytest.mark.parametrize("text", ["a [b", "a b]", "a | b", "a {b", "a b}"])
def test_a_bracket_without_its_partner_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse(text)


@pytest.mark.parametrize("text", ["a phrase", "== a\n== b\nx", "== a\nx\n== a\ny"])
def test_a_prose_file_with_a_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="bank"):
        read_banks(text)


# The pages


def test_all_books_are_reached_by_next_links(shop: Shop) -> None:
    found = walked(shop, "index.html")
    assert found == [urljoin(SITE, f"catalogue/{book.address}/index.html") for book in sample_books()]


def test_the_list_of_books_is_the_list_of_all_products(shop: Shop) -> None:
    assert walked(shop, "catalogue/category/books_1/index.html") == walked(shop, "/")


def test_every_category_lists_its_books_and_together_they_list_all(shop: Shop) -> None:
    front = body_of(shop, SITE).decode()
    shelves = re.findall(r'href="(catalogue/category/books/[^"]+)"', front)
    found = [url for shelf in shelves for url in walked(shop, shelf)]
    assert len(shelves) == 50
    assert sorted(found) == sorted(walked(shop, "/"))


def test_a_book_is_read_from_its_page_as_it_stands_in_the_catalogue(shop: Shop) -> None:
    for book in sample_books():
        url = urljoin(SITE, f"catalogue/{book.address}/index.html")
        read = BookPage(body_of(shop, url), url).to_book(urljoin(SITE, f"media/cache/{book.thumbnail}"))
        assert (read.upc, read.title, read.category) == (book.upc, book.title, book.category)
        assert (float(read.price), read.stock, read.rating) == (book.price, book.stock, book.rating)
        assert read.description == book.description
        assert read.image == urljoin(SITE, f"media/cache/{book.image}")


def test_a_thousand_pages_are_rendered_in_well_under_two_seconds() -> None:
    shop = Shop(sample_books())
    begun = time.thread_time()  # of our own work, whoever else is at work
    for book in sample_books():
        assert shop.page(f"/catalogue/{book.address}/index.html")
    assert time.thread_time() - begun < 2


def test_no_link_of_a_page_leads_nowhere(shop: Shop) -> None:
    book = sample_books()[0]
    starts = ("", "catalogue/page-2.html", "catalogue/category/books_1/index.html")
    for url in (urljoin(SITE, path) for path in (*starts, f"catalogue/{book.address}/index.html")):
        links = re.findall(r'(?:href|src)="([^"]+)"', body_of(shop, url).decode())
        assert len(links) > 5
        for link in links:
            assert body_of(shop, urljoin(url, link))


def test_a_picture_is_a_png(shop: Shop) -> None:
    page = shop.page(f"/media/cache/{sample_books()[0].image}")
    assert page is not None
    assert page.content_type == "image/png"
    assert page.body.startswith(b"\x89PNG")
    assert len(page.body) < 500


def test_what_a_book_says_of_itself_is_escaped() -> None:
    book = a_sample_book(
        title='<b>"Salt" & Co</b>', category="R&D <x>", description="</p><script>alert(1)</script> & more"
    )
    shop = Shop([book])
    url = urljoin(SITE, f"catalogue/{book.address}/index.html")
    body = body_of(shop, url)
    assert b"<script>" not in body
    assert b"<script>" not in body_of(shop, SITE)
    read = BookPage(body, url).to_book("thumbnail.png")
    assert (read.title, read.category, read.description) == (book.title, book.category, book.description)
    assert f'title="{"&lt;b&gt;&quot;Salt&quot; &amp; Co&lt;/b&gt;"}"'.encode() in body_of(shop, SITE)


def test_a_book_that_is_sold_out_says_so() -> None:
    book = a_sample_book(stock=0)
    body = body_of(Shop([book]), f"{SITE}catalogue/{book.address}/index.html")
    assert body.count(b"Out of stock") == 2
    assert b"In stock" not in body


def test_a_category_of_one_book_has_no_second_page() -> None:
    shop = Shop([a_sample_book()])
    assert b"<strong>1</strong> result." in body_of(
        shop, f"{SITE}catalogue/category/books/travel_2/index.html"
    )
    assert shop.page("/catalogue/category/books/travel_2/page-2.html") is None


def test_an_empty_shop_has_a_front_page() -> None:
    assert ListingPage(body_of(Shop([]), SITE), SITE).total == 0


@pytest.mark.parametrize("path", ["/", "/catalogue/page-3.html"])
def test_listings_warn_that_prices_and_stars_mean_nothing(shop: Shop, path: str) -> None:
    assert b"drawn by lot" in body_of(shop, urljoin(SITE, path))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/catalogue/page-0.html",
        "/catalogue/page-51.html",
        "/catalogue/nothing_1001/index.html",
        "/catalogue/category/books/nothing_2/index.html",
        "/media/cache/../index.html",
        "/media/cache/aa/bb/nothing.png",
        "/index.htm",
    ],
)
def test_an_unknown_path_has_no_page(shop: Shop, path: str) -> None:
    assert shop.page(path) is None


# The server


def test_a_connection_is_kept_for_many_pages(address: str) -> None:
    connection = connected(address)
    got(connection, "/")
    first = connection.sock
    for book in sample_books()[:50]:
        response, body = got(connection, f"/catalogue/{book.address}/index.html")
        assert response.status == 200
        assert book.upc.encode() in body
    assert connection.sock is first
    assert response.version == 11
    connection.close()


def test_the_header_names_no_charset_and_the_page_does(address: str) -> None:
    response, body = got(connected(address), "/")
    assert response.getheader("Content-Type") == "text/html"
    assert b"charset=UTF-8" in body


def test_an_unknown_page_is_a_404_and_the_connection_goes_on(address: str) -> None:
    connection = connected(address)
    assert got(connection, "/catalogue/nothing_1/index.html")[0].status == 404
    assert got(connection, "/?page=1")[0].status == 200


def test_robots_may_read_everything(address: str) -> None:
    response, body = got(connected(address), "/robots.txt")
    assert response.getheader("Content-Type") == "text/plain"
    assert body == b"User-agent: *\nDisallow:\n"


def test_a_page_that_is_known_by_its_tag_is_not_sent_again(address: str) -> None:
    connection = connected(address)
    first, _ = got(connection, "/")
    tag = first.getheader("ETag") or ""
    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response, body = got(connection, "/", {"If-None-Match": said})
        assert (response.status, body, response.getheader("ETag")) == (304, b"", tag)
    assert got(connection, "/", {"If-None-Match": '"other"'})[0].status == 200
    assert got(connection, "/catalogue/page-2.html", {"If-None-Match": tag})[0].status == 200


def test_a_page_that_is_known_by_its_date_is_not_sent_again_unless_a_tag_says_otherwise(address: str) -> None:
    connection = connected(address)
    modified = got(connection, "/")[0].getheader("Last-Modified") or ""
    assert got(connection, "/", {"If-Modified-Since": modified})[0].status == 304
    assert got(connection, "/", {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"})[0].status == 200
    assert got(connection, "/", {"If-Modified-Since": "the other day"})[0].status == 200
    both = {"If-Modified-Since": modified, "If-None-Match": '"other"'}
    assert got(connection, "/", both)[0].status == 200


def test_head_sends_the_headers_alone(address: str) -> None:
    connection = connected(address)
    whole, body = got(connection, "/")
    head, nothing = got(connection, "/", method="HEAD")
    assert (head.getheader("Content-Length"), nothing) == (str(len(body)), b"")
    assert head.getheader("ETag") == whole.getheader("ETag")
    assert got(connection, "/")[0].status == 200


def test_other_books_can_be_served() -> None:
    with serve_sample_shop(books=[a_sample_book(title="Only This")]) as address:
        _, body = got(connected(address), "/")
    assert b"Only This" in body
    assert b"<strong>1</strong> result." in body


def test_every_answer_waits_as_long_as_is_asked() -> None:
    with serve_sample_shop(books=[], latency=timedelta(milliseconds=80)) as address:
        connection = connected(address)
        begun = time.perf_counter()
        got(connection, "/")
        got(connection, "/nothing")
        assert 0.16 <= time.perf_counter() - begun < 16


def test_a_negative_latency_is_refused() -> None:
    with pytest.raises(ValueError, match="latency"), serve_sample_shop(books=[], latency=timedelta(-1)):
        pass


def test_a_closed_shop_answers_nobody_and_frees_its_port() -> None:
    port = free_port()
    with serve_sample_shop(port, books=[]) as address:
        connection = connected(address)
        got(connection, "/")
    assert connection.sock.recv(1) == b""
    with serve_sample_shop(port, books=[]) as again:
        assert again == address


def test_a_port_that_is_taken_is_an_error() -> None:
    with (
        serve_sample_shop(books=[]) as address,
        pytest.raises(OSError, match="in use"),
        serve_sample_shop(urlsplit(address).port or 0, books=[]),
    ):
        pass


def test_the_command_serves_until_it_is_stopped() -> None:
    port = free_port()
    command = [sys.executable, "-m", "ingestion.sample_shop", "--port", str(port), "--latency-ms", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == f"1,000 invented books at http://127.0.0.1:{port}/\n"
            response, _ = got(connected(f"http://127.0.0.1:{port}/"), "/")
            assert response.status == 200
        finally:
            process.terminate()


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--latency-ms", "-1"]])
def test_the_command_refuses_what_makes_no_sense(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "ingestion.sample_shop", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "got" in ended.stderr


def test_importing_tells_no_book_and_opens_no_port() -> None:
    program = (
        "import threading, ingestion.sample_shop.catalogue as catalogue, ingestion.sample_shop.server;"
        "print(catalogue.sample_books.cache_info().currsize, threading.active_count())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["0", "1"]
