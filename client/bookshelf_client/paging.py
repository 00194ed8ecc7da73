"""Reading everything, page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from bookshelf_client.answer import Page

Asked = ParamSpec("Asked")
Item = TypeVar("Item")


def every(method: Callable[Asked, Page[Item]], *args: Asked.args, **kwargs: Asked.kwargs) -> Iterator[Item]:
    """Every item of all pages of a method that answers in pages, in the API's order.

        for book in every(client.list_books, page_size=100): ...

    A page is asked for once the one before it is used up. Where books may change meanwhile, name a moment by
    `as_of`: all pages are then of that moment.
    """
    number = 1
    while True:
        page = method(*args, **{**kwargs, "page": number})  # type: ignore[arg-type]  # all that page have it
        yield from page.items
        if number >= page.pages:
            return
        number += 1
