"""The list of a shop's books as its pages come in: each must go with those before it."""

from __future__ import annotations

from bookshelf.errors import CrawlError
from ingestion.pages import Listing


class ListBroken(CrawlError):
    """The pages of the list do not fit together: the shop changed while they were read, or leads astray."""


class Listed:
    """What has been seen of the list; numbers in place of addresses, so that it stays small."""

    def __init__(self) -> None:
        self._pages: set[int] = set()
        self._books: set[int] = set()
        self._total = 0
        self._page_size = 1

    @property
    def pages_in_all(self) -> int:
        """How many pages there are to read, lists and books; 0 before the first list was read."""
        return self._total + -(-self._total // self._page_size)

    def go_to(self, url: str) -> None:
        """Note that this page of the list is asked for. Raises `ListBroken` if it was before."""
        if hash(url) in self._pages:
            raise ListBroken(f"the list of books comes back on itself at {url}")
        self._pages.add(hash(url))

    def note(self, page: Listing, url: str) -> int:
        """Hold a page against those before it; returns the place in the list of its first book.

        Raises `ListBroken` for another number of books than before, and for a book listed twice: where
        one has moved on to the next page, another may have slipped past us.
        """
        first = len(self._books)
        if not first:
            self._total, self._page_size = page.total, max(1, len(page.links))
        if page.total != self._total:
            raise ListBroken(
                f"the shop changed under the crawl: {self._total} books, then {page.total} on {url}"
            )
        for link in page.links:
            if hash(link.url) in self._books:
                raise ListBroken(f"a book is listed twice: {link.url}, again on {url}")
            self._books.add(hash(link.url))
        if page.next_url and len(self._books) in (first, self._total):  # or it might go on for ever
            raise ListBroken(
                f"the list of {self._total} books goes on after {len(self._books)} of them, on {url}"
            )
        return first

    def check_whole(self, last_url: str) -> None:
        """Raises `ListBroken` if the list, read to its end, holds more or fewer books than it says."""
        if len(self._books) != self._total:
            raise ListBroken(
                f"a list of {len(self._books)} books that says it has {self._total}, at its end on {last_url}"
            )
