"""Books by page, by id, by search, by rating and by price, now or then; and their history."""

from __future__ import annotations

from datetime import datetime

from flask import Response

from api.addresses import history_of
from api.book_schemas import BookPage, BookReply, BookVersionReply, HistoryReply, SearchPage
from api.documentation import group
from api.inputs import (
    BookPath,
    CatalogueQuery,
    PageQuery,
    PriceRangeQuery,
    SearchQuery,
    TopRatedQuery,
)
from api.pages import AskedPage
from api.parts import parts
from api.search import by_meaning, by_words
from api.sources import known_source
from api.wire import json_reply
from bookshelf.book import ListedBook
from bookshelf.catalogue import BookFilter, Order
from bookshelf.errors import NotFound

books = group("books", "/books", "What is on offer, and what was.", 404, 422, 503)


@books.get("", responses={200: BookPage})
def list_books(query: PageQuery) -> Response:
    """All books, by id."""
    return _page(BookFilter(source=known_source(query.source), as_of=query.as_of), query)


@books.get("/search", responses={200: SearchPage})
def search_books(query: SearchQuery) -> Response:
    """Books that hold the words of q, or are about it, and whose title and category contain what is asked.

    With `mode=text` every word of `q` must be somewhere in title, author, category, genre or description,
    whatever its case and accents: `"two words"` follow each other, and `begin*` may go on. Those with the
    most of the words in their title come first, then as author, then as category or genre; ties by id.

    With `mode=semantic` the recommender finds the books whose meaning is nearest to `q`, at most 100 of what
    is on offer now, each with its `score`; `category` is then the whole name of one. It needs the model
    server, which `mode=text` does not.

    With neither `q` nor `title` nor `category`, all books by id.
    """
    return json_reply(by_meaning(query) if query.mode == "semantic" else by_words(query))


@books.get("/top-rated", responses={200: BookPage})
def top_rated_books(query: TopRatedQuery) -> Response:
    """All books, the best rated first, ties by id; those without a rating come last."""
    if query.limit is not None:
        query = query.model_copy(update={"page_size": query.limit})
    return _page(BookFilter(source=known_source(query.source), as_of=query.as_of), query, "rating")


@books.get("/price-range", responses={200: BookPage})
def books_in_price_range(query: PriceRangeQuery) -> Response:
    """Books whose price lies from min to max, the cheapest first.

    Both ends are included, and either may be left out. Prices are compared as they are, each in its
    book's own currency: where sources sell in several, ask with `source`.
    """
    wanted = BookFilter(
        min_price=query.lowest,
        max_price=query.highest,
        source=known_source(query.source),
        as_of=query.as_of,
    )
    return _page(wanted, query, "price")


@books.get("/<book_id>", responses={200: BookReply})
def one_book(path: BookPath, query: CatalogueQuery) -> Response:
    """The book with that id, if it is on offer, or was then.

    Of a book that has left, the 404 says when, and where its history is.
    """
    return json_reply(BookReply.of(_book(path.book_id, query)))


@books.get("/<book_id>/history", responses={200: HistoryReply})
def book_history(path: BookPath) -> Response:
    """All that the catalogue ever said of a book, also of one that has left, the oldest first."""
    versions = parts().catalogue.history(path.book_id)
    return json_reply(HistoryReply(items=[BookVersionReply.of_version(version) for version in versions]))


def _book(book_id: int, asked: CatalogueQuery) -> ListedBook:
    try:
        found = parts().catalogue.book(book_id, asked.as_of)
    except NotFound as error:
        raise _not_on_offer(book_id, asked.as_of) from error
    if asked.source not in (None, found.source):
        raise NotFound("source", f"book {book_id} is of {found.source}, not of {asked.source}")
    return found


def _not_on_offer(book_id: int, as_of: datetime | None) -> NotFound:
    """What there is to say of a book that was there at another time. Raises `NotFound` if it never was."""
    left = parts().catalogue.history(book_id)[-1].valid_to
    if as_of is not None:
        absence = f"was not on offer at {as_of.isoformat()}"
    else:
        absence = f"left the shop at {left.isoformat()}" if left else "is just coming back"
    return NotFound("book_id", f"book {book_id} {absence}; its history is at {history_of(book_id)}")


def _page(wanted: BookFilter, asked: AskedPage, order: Order = "id") -> Response:
    found, total = parts().catalogue.page(wanted, number=asked.page, size=asked.page_size, order=order)
    return json_reply(BookPage.of(map(BookReply.of, found), total, asked))
