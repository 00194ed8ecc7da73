"""Walking a shop: page after page of its list, and every book on them, several at once, in order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Engine

from bookshelf.book import Book
from bookshelf.errors import CrawlError, CrawlForbidden, FetchFailed, PageChanged, PageGone
from bookshelf.snapshots import Failure
from ingestion.listed import ListBroken, Listed
from ingestion.page_store import Kept, PageStore
from ingestion.pages import MARKS_OF_A_LIST, BookLink, Listing
from ingestion.reader import PageReader, Reading, Way
from ingestion.source import Source

#: A book and its place in the list, from 0, or why its page gave none.
Found: TypeAlias = tuple[int, Book] | Failure

# Books waiting to be read, for each worker: enough that none is idle while a slow page is waited for.
_AHEAD = 32
# How often a caller hears of us while nothing comes.
_TICK_SECONDS = 0.5
# Each costs its attempts and their waits: of a shop that has gone away every page would be asked for.
_MOST_UNHAD_IN_A_ROW = 100


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """What a crawl has done until now.

    `pages` of `pages_in_all`, lists and books, are done: so many of them `pages_parsed`,
    `pages_unchanged` by the shop's word or by their bytes, `pages_kept` from before an interruption,
    or `failures`; the four add up. A rate that holds for what is left is that of `pages - pages_kept`.
    `requests` are all that were sent, `bytes` all that came in bodies.
    """

    pages: int = 0
    pages_in_all: int = 0
    requests: int = 0
    pages_parsed: int = 0
    pages_unchanged: int = 0
    pages_kept: int = 0
    bytes: int = 0
    books: int = 0
    failures: int = 0


OnProgress = Callable[[CrawlProgress], None]


class NotAShop(PageChanged):
    """What lies at the address of a shop has not the layout that is read here."""

    def __init__(self, name: str, found: PageChanged) -> None:
        CrawlError.__init__(self, f"SOURCE={name} is not a shop of the layout that is read here: {found}")
        self.field = found.field
        self.url = found.url


def read_shop(
    source: Source, engine: Engine, snapshot_id: int, workers: int, on_progress: OnProgress
) -> Generator[Found, None, None]:
    """`crawl` an open source, through what the catalogue database `engine` knows of its pages.

    This is how a snapshot is filled:

        with open_source(...) as source, closing(read_shop(source, engine, snapshot_id, ...)) as shop:
            for found in shop:
                ...  # a `Failure`, or (position, Book): to be staged in batches

    Given the same snapshot again, after an interruption, it gives every book from the first on (so that
    what was staged must be cleared), and asks for no page that it had. After a crawl that came to its end
    pages long unseen are forgotten; after one whose list did not fit together no page is trusted to be
    of this snapshot, so that going on with it asks for all again.
    """
    with PageStore(engine, source.name, snapshot_id) as store:
        try:
            yield from crawl(PageReader(source.fetch, store), source.start_url, workers, on_progress)
        except ListBroken:
            store.unmark()
            raise
        except PageChanged as error:
            if error.url != source.start_url or error.field not in MARKS_OF_A_LIST:
                raise
            raise NotAShop(source.name, error) from error
        store.forget_unseen()


def crawl(
    reader: PageReader, start_url: str, workers: int, on_progress: OnProgress
) -> Generator[Found, None, None]:
    """Every book of the shop, in listing order, with at most `workers` pages read at once.

    A book's page that cannot be had or read gives a `Failure` in its place, `gone` if the shop says that
    there is no such page. Raises `CrawlError` for a page of the list that cannot be had or read,
    `ListBroken` for pages of the list that do not fit together, and `CrawlError` too where no page of a
    book has been had for a long time.

    `on_progress` is called in the caller's thread, after each book and at least every half second while
    one is waited for; whatever it raises ends the crawl. Of the books no more are held than a few
    hundred that are read ahead.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="crawl")
    try:
        yield from _Walk(reader, pool, workers * _AHEAD, on_progress).books(start_url)
    finally:
        # What is under way is let go, not waited for: the fetcher is closed next and ends it.
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A book that is being read: its place in the list, and what will come of it."""

    position: int
    link: BookLink
    reading: Future[Reading[Book]]


class _Walk:
    """One way through the list: what is being read, and what was counted so far."""

    def __init__(
        self, reader: PageReader, pool: ThreadPoolExecutor, ahead: int, on_progress: OnProgress
    ) -> None:
        self._reader = reader
        self._pool = pool
        self._ahead = ahead
        self._on_progress = on_progress
        self._listed = Listed()
        self._list_url = ""
        self._list: Future[Reading[Listing]] | None = None
        self._asked: deque[_Asked] = deque()
        self._ways: Counter[Way] = Counter()
        self._lists = self._books = self._failures = self._unhad_in_a_row = 0

    def books(self, start_url: str) -> Iterator[Found]:
        self._ask_for_list(start_url, self._reader.recall([start_url]))
        while self._list or self._asked:
            if (listing := self._next_list()) is not None:
                self._go_on_with(listing)
            elif self._asked and self._asked[0].reading.done():
                found = self._found(self._asked.popleft())
                self._tell()
                yield found
            else:
                self._wait()

    def _next_list(self) -> Listing | None:
        """The next page of the list, once it is there and its books find room; it goes before any book."""
        if self._list is None or len(self._asked) >= self._ahead or not self._list.done():
            return None
        reading = self._list.result()
        self._lists += 1
        self._ways[reading.way] += 1
        return reading.page

    def _go_on_with(self, listing: Listing) -> None:
        first = self._listed.note(listing, self._list_url)
        wanted = [link.url for link in listing.links] + [listing.next_url or ""]
        known = self._reader.recall(wanted)
        self._list = None
        if listing.next_url:
            # Before its books, so that it is there before they run out.
            self._ask_for_list(listing.next_url, known)
        else:
            self._listed.check_whole(self._list_url)
        for position, link in enumerate(listing.links, first):
            reading = self._pool.submit(self._reader.read_book, link, known.get(link.url))
            self._asked.append(_Asked(position, link, reading))

    def _ask_for_list(self, url: str, known: Mapping[str, Kept]) -> None:
        self._listed.go_to(url)
        self._list_url = url
        self._list = self._pool.submit(self._reader.read_list, url, known.get(url))

    def _found(self, asked: _Asked) -> Found:
        try:
            reading = asked.reading.result()
        except (FetchFailed, CrawlForbidden, PageChanged) as error:
            return self._failed(asked, error)
        self._unhad_in_a_row = 0
        self._books += 1
        self._ways[reading.way] += 1
        return asked.position, reading.page

    def _failed(self, asked: _Asked, error: CrawlError) -> Failure:
        gone = isinstance(error, PageGone)
        unhad = isinstance(error, FetchFailed) and not gone
        self._unhad_in_a_row = self._unhad_in_a_row + 1 if unhad else 0
        if self._unhad_in_a_row >= _MOST_UNHAD_IN_A_ROW:
            raise CrawlError(f"{_MOST_UNHAD_IN_A_ROW} books in a row could not be had; the last: {error}")
        self._failures += 1
        return Failure(asked.position, asked.link.url, str(error), gone)

    def _wait(self) -> None:
        awaited: set[Future[Any]] = set()
        if self._asked:
            awaited.add(self._asked[0].reading)
        if self._list and len(self._asked) < self._ahead:
            awaited.add(self._list)
        if not wait(awaited, _TICK_SECONDS, FIRST_COMPLETED).done:
            self._tell()

    def _tell(self) -> None:
        traffic = self._reader.traffic
        self._on_progress(
            CrawlProgress(
                pages=self._lists + self._books + self._failures,
                pages_in_all=self._listed.pages_in_all,
                requests=traffic.requests,
                pages_parsed=self._ways["parsed"],
                pages_unchanged=self._ways["unchanged"],
                pages_kept=self._ways["kept"],
                bytes=traffic.bytes,
                books=self._books,
                failures=self._failures,
            )
        )
