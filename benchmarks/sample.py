"""The books that are measured with: the sample shop's, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urljoin

from bookshelf.book import IN_STOCK, OUT_OF_STOCK, Book
from features.text import clean_description, count_words
from ingestion.sample_shop import SampleBook
from ingestion.sample_shop import sample_books as offered

_SHOP = "http://sample-shop.invalid/"
_LONG_BLURB_WORDS = 120


def sample_books() -> list[Book]:
    """All of the sample shop's books, in its order, as a crawl would read them."""
    return [_book(one) for one in offered()]


def priced_by_contents(books: Sequence[Book]) -> list[Book]:
    """The same books at prices that follow from their fields.

    The shop's own are drawn at random, and from those an honest price model learns a constant, which
    costs nothing to predict. Stars make a book dearer in one category and cheaper in the next, so that
    trees do better here than a linear model does.
    """
    places = {name: place for place, name in enumerate(sorted({book.category for book in books}))}
    return [replace(book, price=_price(book, places[book.category])) for book in books]


def _price(book: Book, place: int) -> Decimal:
    rating = int(book.rating or 0)  # the sample shop rates every book
    stars = rating if place % 2 else 6 - rating
    length = 8 if count_words(clean_description(book.description)) > _LONG_BLURB_WORDS else 0
    return Decimal(10 + place % 7 * 3 + stars * 4 + length)


def _book(offered: SampleBook) -> Book:
    return Book(
        upc=offered.upc,
        title=offered.title,
        price=Decimal(f"{offered.price:.2f}"),
        rating=offered.rating,
        availability=IN_STOCK if offered.stock else OUT_OF_STOCK,
        stock=offered.stock,
        category=offered.category,
        image=urljoin(_SHOP, f"media/cache/{offered.image}"),
        thumbnail=urljoin(_SHOP, f"media/cache/{offered.thumbnail}"),
        description=offered.description,
        url=urljoin(_SHOP, f"catalogue/{offered.address}/index.html"),
    )
