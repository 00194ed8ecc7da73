"""Books by page, by id, by title and category, by rating and by price."""

from __future__ import annotations

from flask import Response

from api.documentation import group, problems
from api.inputs import BookPath, PageQuery, PriceRangeQuery, SearchQuery, TopRatedQuery
from api.parts import parts
from api.schemas import BookPage, BookReply
from api.wire import json_reply
from bookshelf.catalogue import BookFilter, Order

books = group("books", "/books", "What is on offer.", 422, 503)


@books.get("", responses={200: BookPage})
def list_books(query: PageQuery) -> Response:
    """All books, by id."""
    return _page(BookFilter(), query.page, query.page_size)


@books.get("/search", responses={200: BookPage})
def search_books(query: SearchQuery) -> Response:
    """Books whose title and category contain what is asked, by id.

    With neither title nor category, all books.
    """
    wanted = BookFilter(title=query.title, category=query.category)
    return _page(wanted, query.page, query.page_size)


@books.get("/top-rated", responses={200: BookPage})
def top_rated_books(query: TopRatedQuery) -> Response:
    """All books, the best rated first, ties by id."""
    return _page(BookFilter(), query.page, query.limit or query.page_size, "rating")


@books.get("/price-range", responses={200: BookPage})
def books_in_price_range(query: PriceRangeQuery) -> Response:
    """Books from min to max pounds, the cheapest first.

    Both ends are included, and either may be left out.
    """
    wanted = BookFilter(min_price=query.lowest, max_price=query.highest)
    return _page(wanted, query.page, query.page_size, "price")


@books.get("/<book_id>", responses={200: BookReply, **problems(404)})
def one_book(path: BookPath) -> Response:
    """The book with that id."""
    return json_reply(BookReply.of(parts().catalogue.book(path.book_id)))


def _page(wanted: BookFilter, number: int, size: int, order: Order = "id") -> Response:
    found, total = parts().catalogue.page(wanted, number=number, size=size, order=order)
    items = [BookReply.of(listed) for listed in found]
    return json_reply(
        BookPage(items=items, page=number, page_size=size, total=total, pages=-(-total // size))
    )
