"""Reading a shop's pages: from the store what is known and has not changed, from the shop all else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

from bookshelf.book import Book
from ingestion.fetched import Fetch, Traffic
from ingestion.page_store import Kept, PageStore
from ingestion.pages import BookLink, BookPage, Listing, ListingPage

#: How a page came to us: "parsed"; "unchanged", by the shop's word or since its bytes are the same; or
#: "kept", not asked for, since this very crawl had it before it was interrupted.
Way = Literal["parsed", "unchanged", "kept"]

_Page = TypeVar("_Page", Listing, Book)
_DEFAULTS = {field.name: field.default for field in fields(Book) if field.default is not MISSING}


@dataclass(frozen=True, slots=True)
class Reading(Generic[_Page]):
    """A page's content, and how we came by it."""

    page: _Page
    way: Way


class PageReader:
    """Lists and books of one shop, from any number of threads."""

    def __init__(self, fetch: Fetch, store: PageStore) -> None:
        self._fetch = fetch
        self._store = store

    @property
    def traffic(self) -> Traffic:
        return self._fetch.traffic

    def recall(self, urls: Sequence[str]) -> dict[str, Kept]:
        """What is known of these pages: one query for many, each to be handed on to its `read_`."""
        return self._store.look_up(urls)

    def read_list(self, url: str, known: Kept | None) -> Reading[Listing]:
        """The page of the list at `url`. Raises `CrawlError`."""

        def parse(body: bytes) -> Listing:
            return ListingPage(body, url).to_listing()

        return self._read(url, known, parse, asdict, _to_listing)

    def read_book(self, link: BookLink, known: Kept | None) -> Reading[Book]:
        """The book behind that link of a list. Raises `CrawlError`."""

        def parse(body: bytes) -> Book:
            return BookPage(body, link.url).to_book(link.thumbnail)

        def unpack(content: Mapping[str, Any]) -> Book:
            facts = {**content, "price": Decimal(content["price"]), "thumbnail": link.thumbnail}
            return Book(**facts)

        return self._read(link.url, known, parse, _book_content, unpack)

    def _read(
        self,
        url: str,
        known: Kept | None,
        parse: Callable[[bytes], _Page],
        pack: Callable[[_Page], dict[str, Any]],
        unpack: Callable[[Mapping[str, Any]], _Page],
    ) -> Reading[_Page]:
        if known and known.current:
            return Reading(unpack(known.content), "kept")
        fetched = self._fetch(url, known.stamp if known else None)
        if known and fetched.body is None:
            self._store.mark(url)
            return Reading(unpack(known.content), "unchanged")
        assert fetched.body is not None, "nothing was known that could have stayed as it was"
        body_hash = hashlib.sha256(fetched.body).hexdigest()
        # Many shops stamp nothing, or each answer anew: the same bytes say the same all the same.
        if known and known.body_hash == body_hash:
            if fetched.stamp == known.stamp:
                self._store.mark(url)
            else:
                self._store.keep(url, Kept(known.content, body_hash, fetched.stamp))
            return Reading(unpack(known.content), "unchanged")
        page = parse(fetched.body)
        self._store.keep(url, Kept(pack(page), body_hash, fetched.stamp))
        return Reading(page, "parsed")


def _to_listing(content: Mapping[str, Any]) -> Listing:
    links = tuple(BookLink(**link) for link in content["links"])
    return Listing(content["total"], links, content["next_url"])


def _book_content(book: Book) -> dict[str, Any]:
    """What the book's own page says, without what is as usual, and without what only the list knows."""
    content = {
        name: value
        for field in fields(Book)
        if (name := field.name) != "thumbnail"
        and (value := getattr(book, name)) != _DEFAULTS.get(name, MISSING)
    }
    return content | {"price": str(book.price)}
