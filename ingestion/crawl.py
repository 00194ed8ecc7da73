"""Walking a shop: page after page of its list, and every book on them, several at once, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from bookshelf.book import Book
from bookshelf.errors import CrawlError, PageChanged
from ingestion.fetch import Fetch
from ingestion.pages import BookLink, BookPage, ListingPage


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """How far a crawl has come; `pages` counts lists and books, `pages_in_all` is what there is to read."""

    pages: int
    books: int
    pages_in_all: int


OnProgress = Callable[[CrawlProgress], None]

# Books waiting to be read, for each worker: enough that none is idle while a slow page is waited for.
_AHEAD = 32


def crawl(fetch: Fetch, start_url: str, workers: int, on_progress: OnProgress) -> Iterator[Book]:
    """Every book of the shop, in listing order, with at most `workers` pages fetched at once.

    Raises `CrawlError` for a page that cannot be had or read, a list that comes back on itself, a book
    listed twice, and a list that does not hold as many books as it says. `on_progress` is called in
    the caller's thread.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="crawl")
    try:
        yield from _walk(_Walk(fetch, pool), start_url, workers * _AHEAD, on_progress)
    finally:
        # What is under way is let go, not waited for: the fetcher is closed next and ends it.
        pool.shutdown(wait=False, cancel_futures=True)


class _Walk:
    """What has been seen of the list, and how to read the next of it."""

    def __init__(self, fetch: Fetch, pool: ThreadPoolExecutor) -> None:
        self._fetch = fetch
        self._pool = pool
        self._lists: set[str] = set()
        self._books: set[str] = set()
        self.total = 0
        self.page_size = 1

    def read_list(self, url: str) -> Future[ListingPage]:
        if url in self._lists:
            raise CrawlError(f"the list of books comes back on itself at {url}")
        self._lists.add(url)
        return self._pool.submit(lambda: ListingPage(self._fetch(url), url))

    def read_book(self, link: BookLink) -> Future[Book]:
        return self._pool.submit(lambda: BookPage(self._fetch(link.url), link.url).to_book(link.thumbnail))

    def note(self, page: ListingPage) -> None:
        """Hold a page of the list against those before it. Raises `CrawlError`."""
        if not self._books:
            self.total, self.page_size = page.total, max(1, len(page.links))
        if page.total != self.total:
            raise CrawlError(
                f"the shop changed under the crawl: {self.total} books, then {page.total} on {page.url}"
            )
        for link in page.links:
            if link.url in self._books:
                raise CrawlError(f"a book is listed twice: {link.url}, again on {page.url}")
            self._books.add(link.url)

    def check_whole(self, last_url: str) -> None:
        if len(self._books) != self.total:
            said = f"a list of {len(self._books)} books that says it has {self.total}"
            raise PageChanged("number of results", last_url, said)

    def progress(self, books: int) -> CrawlProgress:
        """`books` have been read, and every list page noted so far."""
        lists = -(-len(self._books) // self.page_size)
        return CrawlProgress(lists + books, books, self.total + -(-self.total // self.page_size))


def _walk(walk: _Walk, start_url: str, ahead: int, on_progress: OnProgress) -> Iterator[Book]:
    books: deque[Future[Book]] = deque()
    listing: Future[ListingPage] | None = walk.read_list(start_url)
    read = 0
    while listing or books:
        room = listing is not None and len(books) < ahead
        if listing and room and (listing.done() or not books):
            page = listing.result()
            walk.note(page)
            # The list goes first, so that its next page is there before its books run out.
            listing = walk.read_list(page.next_url) if page.next_url else None
            books.extend(walk.read_book(link) for link in page.links)
            if listing is None:
                walk.check_whole(page.url)
        elif listing and room and not books[0].done():
            either: set[Future[Any]] = {listing, books[0]}
            wait(either, return_when=FIRST_COMPLETED)
        else:
            book = books.popleft().result()
            read += 1
            on_progress(walk.progress(read))
            yield book
