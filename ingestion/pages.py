"""Pages as objects: bytes and an address in, checked fields out; nothing here fetches."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer

from bookshelf.book import IN_STOCK, OUT_OF_STOCK, Book
from bookshelf.errors import InvalidBook, PageChanged

_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEAD_BYTES = 4096
_TAIL_BYTES = 256
_RESULTS = re.compile(r"([\d,]{1,12}) results?(?: - showing (\d+) to (\d+))?\b")
_PRICE = re.compile(r"£(\d{1,7}\.\d\d)")
_STOCKED = re.compile(r"In stock \((\d{1,7}) available\)")
_STARS = {"One": 1, "Two": 2, "Three": 3, "Four": 4, "Five": 5}

#: What a list has that is one of this layout at all.
MARKS_OF_A_LIST = ("charset", "number of results")


@dataclass(frozen=True, slots=True)
class BookLink:
    """A book as a listing shows it: the address of its page, and the small picture only listings have."""

    url: str
    thumbnail: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What one page of the list says: how many books the whole list has, those shown here, what follows."""

    total: int
    links: tuple[BookLink, ...]
    next_url: str | None


class Page:
    """The named parts of one page; every read either succeeds or raises `PageChanged`."""

    # Only these classes of element are built into a tree: a page is mostly frame.
    _parts: ClassVar[SoupStrainer]

    def __init__(self, body: bytes, url: str) -> None:
        self.url = url
        self._tree = BeautifulSoup(decoded(body, url), "lxml", parse_only=self._parts)

    def _one(self, field: str, inside: Tag, name: str, css_class: str | None = None) -> Tag:
        found = inside.find(name, class_=css_class) if css_class else inside.find(name)
        if not isinstance(found, Tag):
            raise PageChanged(field, self.url, f"no <{name}{f' class={css_class}' if css_class else ''}>")
        return found

    def _text(self, field: str, tag: Tag) -> str:
        text = tag.get_text().strip()
        if not text:
            raise PageChanged(field, self.url, f"an empty <{tag.name}>")
        return text

    def _address(self, field: str, tag: Tag, attribute: str) -> str:
        value = tag.get(attribute)
        if not isinstance(value, str) or not value.strip():
            raise PageChanged(field, self.url, f"<{tag.name}> without {attribute}")
        try:
            return urljoin(self.url, value.strip())
        except ValueError as error:  # `http://[` begins like an address of version 6
            raise PageChanged(field, self.url, repr(value)) from error


class ListingPage(Page):
    """One page of the list of all books."""

    _parts = SoupStrainer(class_=["form-horizontal", "product_pod", "pager"])

    def __init__(self, body: bytes, url: str) -> None:
        super().__init__(body, url)
        form = self._one("number of results", self._tree, "form", "form-horizontal")
        said = " ".join(form.get_text(" ").split())
        counts = _RESULTS.search(said)
        if counts is None:
            raise PageChanged("number of results", url, repr(said[:100]))
        total, first, last = counts.groups()
        #: How many books the whole list holds, by its own count.
        self.total = int(total.replace(",", ""))
        self._expected = int(last) - int(first) + 1 if first else self.total

    def to_listing(self) -> Listing:
        """All that the page says. Raises `PageChanged`."""
        return Listing(self.total, self.links, self.next_url)

    @property
    def links(self) -> tuple[BookLink, ...]:
        """The books shown, in the page's order; as many as the page says it shows."""
        pods = self._tree.find_all("article", class_="product_pod")
        if len(pods) != self._expected:
            raise PageChanged("books", self.url, f"{len(pods)} books where it says {self._expected}")
        return tuple(self._link(pod) for pod in pods if isinstance(pod, Tag))

    @property
    def next_url(self) -> str | None:
        """Address of the next page of the list; None on the last one, which has no link onward."""
        onward = self._tree.find("li", class_="next")
        if not isinstance(onward, Tag):
            return None
        return self._address("next page", self._one("next page", onward, "a"), "href")

    def _link(self, pod: Tag) -> BookLink:
        frame = self._one("thumbnail", pod, "div", "image_container")
        return BookLink(
            url=self._address("book address", self._one("book address", frame, "a"), "href"),
            thumbnail=self._address("thumbnail", self._one("thumbnail", frame, "img"), "src"),
        )


class BookPage(Page):
    """The page of one book."""

    _parts = SoupStrainer(class_=["breadcrumb", "product_page"])

    def __init__(self, body: bytes, url: str) -> None:
        super().__init__(body, url)
        self._article = self._one("product", self._tree, "article", "product_page")
        self._main = self._one("product", self._article, "div", "product_main")

    def to_book(self, thumbnail: str) -> Book:
        """The book, with the small picture its listing showed. Raises `PageChanged`."""
        availability, stock = self.availability
        try:
            return Book(
                upc=self.upc,
                title=self.title,
                price=self.price,
                rating=self.rating,
                availability=availability,
                stock=stock,
                category=self.category,
                image=self.image,
                thumbnail=thumbnail,
                description=self.description,
                url=self.url,
            )
        except InvalidBook as error:
            raise PageChanged(error.field, self.url, str(error)) from error

    @property
    def title(self) -> str:
        return self._text("title", self._one("title", self._main, "h1"))

    @property
    def upc(self) -> str:
        for row in self._one("upc", self._article, "table").find_all("tr"):
            if isinstance(row, Tag) and self._text("upc", self._one("upc", row, "th")) == "UPC":
                return self._text("upc", self._one("upc", row, "td"))
        raise PageChanged("upc", self.url, "no row UPC in the table")

    @property
    def price(self) -> Decimal:
        said = self._text("price", self._one("price", self._main, "p", "price_color"))
        if not (price := _PRICE.fullmatch(said)):
            raise PageChanged("price", self.url, repr(said))
        return Decimal(price[1])

    @property
    def rating(self) -> int:
        classes = self._one("rating", self._main, "p", "star-rating").get_attribute_list("class")
        stars = [_STARS[name] for name in classes if name in _STARS]
        if len(stars) != 1:
            raise PageChanged("rating", self.url, repr(" ".join(classes)))
        return stars[0]

    @property
    def availability(self) -> tuple[str, int]:
        """In or out of stock, and how many copies; the count stands nowhere but here."""
        shown = self._one("availability", self._main, "p", "availability")
        said = " ".join(self._text("availability", shown).split())
        if said == OUT_OF_STOCK:
            return OUT_OF_STOCK, 0
        if not (stocked := _STOCKED.fullmatch(said)):
            raise PageChanged("stock" if said.startswith(IN_STOCK) else "availability", self.url, repr(said))
        return IN_STOCK, int(stocked[1])

    @property
    def category(self) -> str:
        trail = self._one("category", self._tree, "ul", "breadcrumb").find_all("a")
        if len(trail) != 3:  # Home, Books, the category; the book itself is no link
            raise PageChanged("category", self.url, f"a trail of {len(trail)} links")
        return " ".join(self._text("category", trail[2]).split())

    @property
    def image(self) -> str:
        gallery = self._article.find(id="product_gallery")
        if not isinstance(gallery, Tag):
            raise PageChanged("image", self.url, "no product_gallery")
        return self._address("image", self._one("image", gallery, "img"), "src")

    @property
    def description(self) -> str:
        """The description as the shop shows it; empty only where the page has no block for one.

        Two books of the live shop truly have none. A block without text, or text without its block,
        is a page that has changed.
        """
        heading = self._article.find(id="product_description")
        paragraphs = self._article.find_all("p", recursive=False)
        if heading is None and not paragraphs:
            return ""
        if not isinstance(heading, Tag):
            raise PageChanged("description", self.url, "a paragraph without product_description above it")
        if len(paragraphs) != 1 or heading.find_next_sibling() is not paragraphs[0]:
            raise PageChanged("description", self.url, "product_description without its one paragraph")
        return self._text("description", paragraphs[0])


def decoded(body: bytes, url: str) -> str:
    """The page as text, by the charset it declares itself, checked to be whole.

    Bytes, not text, come in: the shop's header names no charset, and a client that guesses Latin-1
    from it reads `Â£51.77`. Raises `PageChanged` for a page that names no charset we know, does not
    keep to it, or stops before its end.
    """
    declared = _CHARSET.search(body, 0, _HEAD_BYTES)
    if declared is None:
        raise PageChanged("charset", url, "no <meta> that names one")
    name = declared[1].decode("ascii")
    try:
        codec = codecs.lookup(name).name
        # A browser takes these two for Windows-1252, and so do the people who write the pages.
        text = body.decode("cp1252" if codec in ("iso8859-1", "ascii") else codec)
    except LookupError as error:
        raise PageChanged("charset", url, repr(name)) from error
    except UnicodeDecodeError as error:
        raise PageChanged("charset", url, f"{name}, but byte {error.start} is not") from error
    except UnicodeError as error:  # some codecs tell no place
        raise PageChanged("charset", url, f"{name}, which it does not keep to") from error
    if "</html>" not in text[-_TAIL_BYTES:].lower():
        raise PageChanged("end of page", url, f"a page cut off after {len(body)} bytes")
    return text
