"""A small shop of a few books behind a real HTTP server, whose every answer a test can change."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.database import open_database
from bookshelf.runs import Runs
from bookshelf.settings import Settings
from bookshelf.snapshots import Failure
from ingestion.crawl import CrawlProgress, OnProgress, read_shop
from ingestion.fetch import FetchPolicy, PoliteFetcher
from ingestion.source import Source
from tests.conftest import RoomyServer

PAGE_SIZE = 3
# Patience is for real shops.
QUICK = FetchPolicy(attempts=2, first_wait=timedelta(milliseconds=5), timeout=timedelta(seconds=60))
STARS = ("One", "Two", "Three", "Four", "Five")


ByHand = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class SmallShop:
    """`pages` are served by path, after what `answer` and `answer_by_hand` put before them.

    A page is stamped with its ETag unless `stamps` says otherwise, and not sent again to one who has it.
    `asked` (heads as `HEAD /`), `statuses`, `sent` (bytes of bodies), `agents`, `connections` and
    `most_at_once` are what the server has measured; one is there from its request to the begin of its answer.
    """

    def __init__(self, books: int) -> None:
        self.pages = shop_pages(books)
        self._before: dict[str, list[Reply | ByHand]] = {}
        self.content_type = "text/html"
        #: Headers that go with a page of these bytes.
        self.stamps: Callable[[bytes], dict[str, str]] = etag_of
        self.latency = 0.0
        self.latency_of: dict[str, float] = {}
        self._gathering = 0
        self._held: set[str] = set()
        self.closing = threading.Event()
        self.asked: list[str] = []
        self.statuses: list[int] = []
        self.sent = 0
        self.agents: set[str] = set()
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self._came = threading.Condition(self.lock)
        self._server = RoomyServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shop": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def answer(
        self, path: str, status: int, headers: dict[str, str] | None = None, body: bytes = b"", times: int = 1
    ) -> None:
        """Answer the next `times` requests for `path` with this in place of its page."""
        self._before.setdefault(path, []).extend([Reply(status, body, headers or {})] * times)

    def answer_by_hand(self, path: str, by_hand: ByHand, times: int = 1) -> None:
        """Leave the next `times` requests for `path` to `by_hand`."""
        self._before.setdefault(path, []).extend([by_hand] * times)

    def say_nothing(self, handler: BaseHTTPRequestHandler) -> None:
        """Never answer: to be given to `answer_by_hand`."""
        self.closing.wait()
        handler.close_connection = True

    def gather(self, size: int) -> None:
        """Answer for books once `size` requests are there at once, and a moment later: one too many may come.

        Who never gets that far is answered after half a minute, and `most_at_once` tells of it.
        """
        self._gathering = size

    def hold(self, *paths: str) -> None:
        """Let those who ask for these wait for their answers, until `let_go`."""
        self._held = set(paths)

    def let_go(self) -> None:
        with self._came:
            self._held = set()
            self._came.notify_all()

    def come(self, path: str) -> None:
        """Count who asks for that, and keep it waiting as long as it is to wait."""
        with self._came:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._came.notify_all()
            if self._gathering and path.startswith("/catalogue/book-"):
                self._came.wait_for(lambda: self.most_at_once >= self._gathering, 30)
                self._came.wait_for(lambda: self.most_at_once > self._gathering, 0.2)
                self._gathering = 0
            self._came.wait_for(lambda: path not in self._held or self.closing.is_set())

    def go(self) -> None:
        """Said before the answer: who has that may send the next request before we are heard again."""
        with self.lock:
            self.at_once -= 1

    def next_reply(self, path: str, conditions: Message) -> Reply | ByHand:
        if before := self._before.get(path):
            return before.pop(0)
        page = self.pages.get(path)
        if page is None:
            return Reply(404)
        stamps = self.stamps(page)
        since = (conditions["If-None-Match"], conditions["If-Modified-Since"])
        known = since[0] == stamps.get("ETag") if since[0] else since[1] == stamps.get("Last-Modified")
        return Reply(304, headers=stamps) if any(since) and known else Reply(200, page, stamps)

    def forget_what_was_asked(self) -> None:
        """Measure from now on."""
        with self.lock:
            self.asked.clear()
            self.statuses.clear()
            self.sent = 0

    def change(self, path: str, old: str, new: str) -> None:
        """Have the page at `path` say `new` where it says `old`."""
        before = self.pages[path]
        self.pages[path] = before.replace(old.encode(), new.encode())
        assert self.pages[path] != before, f"{path} has no {old!r}"

    def close(self) -> None:
        self.closing.set()
        self.let_go()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shop: SmallShop

    def setup(self) -> None:
        super().setup()
        with self.shop.lock:
            self.shop.connections += 1

    def do_GET(self) -> None:
        self._answer(self.path)

    def do_HEAD(self) -> None:
        self._answer(f"HEAD {self.path}")

    def _answer(self, asked: str) -> None:
        shop = self.shop
        with shop.lock:
            shop.asked.append(asked)
            shop.agents.add(self.headers["User-Agent"])
            reply = shop.next_reply(self.path, self.headers)
        shop.come(self.path)
        shop.closing.wait(shop.latency_of.get(self.path, shop.latency))
        shop.go()
        self._send(reply)

    def _send(self, reply: Reply | ByHand) -> None:
        if not isinstance(reply, Reply):
            reply(self)
            return
        body = b"" if self.command == "HEAD" else reply.body
        with self.shop.lock:
            self.shop.statuses.append(reply.status)
            self.shop.sent += len(body)
        self.send_response(reply.status)
        for name, value in {"Content-Type": self.shop.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def etag_of(page: bytes) -> dict[str, str]:
    return {"ETag": f'"{hashlib.sha256(page).hexdigest()[:16]}"'}


@pytest.fixture
def shop() -> Iterator[SmallShop]:
    """A shop of seven books on three pages of its list."""
    small = SmallShop(7)
    yield small
    small.close()


@pytest.fixture
def many_books() -> Iterator[SmallShop]:
    """A shop of sixty books."""
    small = SmallShop(60)
    yield small
    small.close()


def shop_pages(books: int) -> dict[str, bytes]:
    """The pages of a shop of that many books, by path."""
    last = -(-books // PAGE_SIZE)
    pages = {f"/catalogue/page-{page}.html": _list_page(books, page, last) for page in range(1, last + 1)}
    pages["/"] = (
        pages["/catalogue/page-1.html"]
        .replace(b'href="book-', b'href="catalogue/book-')
        .replace(b'href="page-', b'href="catalogue/page-')
        .replace(b"../media", b"media")
    )
    return pages | {f"/catalogue/book-{n}/index.html": _book_page(n) for n in range(1, books + 1)}


def _list_page(books: int, page: int, last: int) -> bytes:
    first = (page - 1) * PAGE_SIZE + 1
    shown = range(first, min(page * PAGE_SIZE, books) + 1)
    pods = "".join(
        f"""<li><article class="product_pod"><div class="image_container">
        <a href="book-{n}/index.html"><img src="../media/small-{n}.jpg" class="thumbnail"></a></div>
        <h3><a href="book-{n}/index.html" title="Book {n}">Book ...</a></h3></article></li>"""
        for n in shown
    )
    onward = f'<li class="next"><a href="page-{page + 1}.html">next</a></li>' if page < last else ""
    return _whole(
        f"""<form method="get" class="form-horizontal"><strong>{books}</strong> results - showing
        <strong>{shown[0]}</strong> to <strong>{shown[-1]}</strong>.</form>
        <ol class="row">{pods}</ol><ul class="pager">{onward}</ul>"""
    )


def _book_page(n: int) -> bytes:
    return _whole(
        f"""<ul class="breadcrumb"><li><a href="../../index.html">Home</a></li>
        <li><a href="../category/books_1/index.html">Books</a></li>
        <li><a href="../category/poetry_23/index.html">Poetry</a></li><li class="active">Book {n}</li></ul>
        <article class="product_page"><div class="row">
        <div id="product_gallery"><img src="../../media/large-{n}.jpg"/></div>
        <div class="col-sm-6 product_main"><h1>The Café of Book {n}</h1>
        <p class="price_color">£{10 + n}.99</p>
        <p class="instock availability"><i class="icon-ok"></i>
            In stock ({n} available)
        </p>
        <p class="star-rating {STARS[n % 5]}"><i class="icon-star"></i></p></div></div>
        <div id="product_description" class="sub-header"><h2>Product Description</h2></div>
        <p>Book {n} is “a joy” – it’s short.</p>
        <div class="sub-header"><h2>Product Information</h2></div>
        <table><tr><th>UPC</th><td>upc{n:04}</td></tr><tr><th>Tax</th><td>£0.00</td></tr></table>
        </article>"""
    )


def _whole(body: str) -> bytes:
    return f"""<!DOCTYPE html><html><head>
    <meta http-equiv="content-type" content="text/html; charset=UTF-8" /></head>
    <body>{body}</body></html>""".encode()


@dataclass
class Outcome:
    """What one crawl gave, in order, and its last word on how far it came."""

    found: list[tuple[int, Book] | Failure] = field(default_factory=list)
    told: list[CrawlProgress] = field(default_factory=list)

    @property
    def books(self) -> list[Book]:
        return [one[1] for one in self.found if not isinstance(one, Failure)]

    @property
    def failures(self) -> list[Failure]:
        return [one for one in self.found if isinstance(one, Failure)]

    @property
    def last(self) -> CrawlProgress:
        return self.told[-1]


@dataclass
class Crawler:
    """Crawls shops into one database."""

    engine: Engine
    policy: FetchPolicy = QUICK

    @contextmanager
    def opened(
        self, shop: SmallShop, snapshot_id: int, on_progress: OnProgress = lambda _: None, workers: int = 4
    ) -> Iterator[Generator[tuple[int, Book] | Failure, None, None]]:
        """A crawl that has begun, for a test that takes of it what it likes."""
        with PoliteFetcher("127.0.0.1", self.policy) as fetcher:
            source = Source(shop.url, shop.url, fetcher)
            with closing(read_shop(source, self.engine, snapshot_id, workers, on_progress)) as found:
                yield found

    def crawl(self, shop: SmallShop, snapshot_id: int = 1, workers: int = 4) -> Outcome:
        """A whole crawl; what it raises is the caller's."""
        outcome = Outcome()
        with self.opened(shop, snapshot_id, outcome.told.append, workers) as found:
            outcome.found.extend(found)
        return outcome


@pytest.fixture
def make_crawler() -> Iterator[Callable[[str], Crawler]]:
    """Makes a crawler that keeps its pages in the database at an address."""
    with ExitStack() as opened:

        def make(url: str) -> Crawler:
            engine = open_database(url)
            opened.callback(engine.dispose)
            return Crawler(engine)

        yield make


@pytest.fixture
def crawler(make_crawler: Callable[[str], Crawler], tmp_path: Path) -> Crawler:
    return make_crawler(f"sqlite:///{tmp_path / 'crawl.db'}")


@pytest.fixture
def catalogue(settings: Settings) -> Catalogue:
    return Catalogue.open(settings.catalogue_url)


@pytest.fixture
def runs(catalogue: Catalogue) -> Runs:
    return Runs(catalogue.engine)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_database(database_url)
    yield opened
    opened.dispose()
