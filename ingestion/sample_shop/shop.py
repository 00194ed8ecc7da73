"""The shop as a map from paths to pages, rendered when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.covers import cover
from ingestion.sample_shop.listings import Listing, Place, listing_page
from ingestion.sample_shop.product import book_page

_HTML = "text/html"  # without a charset, as the shop it stands in for has it: only the page names one
_PICTURE = (100, 150)
_THUMBNAIL = (60, 90)
_ROBOTS = "User-agent: *\nDisallow:\n"
_STYLE = """body { font-family: sans-serif; margin: 0 auto; max-width: 70em; padding: 1em; }
.row { display: flex; flex-wrap: wrap; gap: 1.5em; list-style: none; padding: 0; }
ol.row > li { width: 11em; }
aside { width: 13em; }
aside + div { flex: 1; }
.One i:nth-child(-n+1)::before, .Two i:nth-child(-n+2)::before, .Three i:nth-child(-n+3)::before,
.Four i:nth-child(-n+4)::before, .Five i::before { content: "\\2605"; }
"""


@dataclass(frozen=True)
class Page:
    """What is sent for one path."""

    content_type: str
    body: bytes


class Shop:
    """All pages of a shop that sells `books` in the order given.

    Categories are numbered by name, from 2, in their addresses; `books_1` is the folder of all books.
    """

    def __init__(self, books: Sequence[SampleBook]) -> None:
        self._books = tuple(books)
        self._by_address = {book.address: book for book in self._books}
        names = sorted({book.category for book in self._books})
        self._folders = {name: f"{_folder(name)}_{number}" for number, name in enumerate(names, start=2)}
        self._shelves = {
            folder: Listing(
                name,
                [book for book in self._books if book.category == name],
                1,
                Place("../../../../", "../../../"),
            )
            for name, folder in self._folders.items()
        }
        self._pictures = {book.image: _PICTURE for book in self._books}
        self._pictures |= {book.thumbnail: _THUMBNAIL for book in self._books}
        self._routes: tuple[tuple[re.Pattern[str], Callable[..., Page | None]], ...] = (
            (re.compile(r"/(?:index\.html)?"), self._front),
            (re.compile(r"/catalogue/page-(\d+)\.html"), self._list),
            (re.compile(r"/catalogue/category/books_1/(?:index|page-(\d+))\.html"), self._all_books),
            (re.compile(r"/catalogue/category/books/([\w-]+)/(?:index|page-(\d+))\.html"), self._category),
            (re.compile(r"/catalogue/([\w-]+)/index\.html"), self._book),
            (re.compile(r"/media/cache/([\w/]+\.png)"), self._picture),
            (re.compile(r"/static/shop\.css"), lambda: Page("text/css", _STYLE.encode())),
            (re.compile(r"/robots\.txt"), lambda: Page("text/plain", _ROBOTS.encode())),
        )

    def page(self, path: str) -> Page | None:
        """The page at `path`, which starts with a slash and has no query; None if there is none."""
        for pattern, answer in self._routes:
            if found := pattern.fullmatch(path):
                return answer(*found.groups())
        return None

    def _front(self) -> Page | None:
        place = Place("", "catalogue/")
        return self._listed(Listing("All products", self._books, 1, place, ahead="catalogue/"))

    def _list(self, number: str) -> Page | None:
        place = Place("../", "")
        return self._listed(Listing("All products", self._books, int(number), place, first="page-1.html"))

    def _all_books(self, number: str | None) -> Page | None:
        return self._listed(Listing("Books", self._books, int(number or 1), Place("../../../", "../../")))

    def _category(self, folder: str, number: str | None) -> Page | None:
        shelf = self._shelves.get(folder)
        if shelf is None:
            return None
        return self._listed(Listing(shelf.heading, shelf.books, int(number or 1), shelf.place))

    def _listed(self, listing: Listing) -> Page | None:
        if not 1 <= listing.number <= listing.pages:
            return None
        return Page(_HTML, listing_page(listing, self._folders).encode())

    def _book(self, address: str) -> Page | None:
        book = self._by_address.get(address)
        return Page(_HTML, book_page(book, self._folders[book.category]).encode()) if book else None

    def _picture(self, address: str) -> Page | None:
        size = self._pictures.get(address)
        return Page("image/png", cover(address, *size)) if size else None


def _folder(category: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-") or "category"
