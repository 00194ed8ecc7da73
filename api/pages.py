"""The one shape of a page of anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, Self, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class AskedPage(Protocol):
    @property
    def page(self) -> int: ...

    @property
    def page_size(self) -> int: ...


class Page(BaseModel, Generic[T]):
    """One page of what matches; `total` counts all of it and `pages` its pages."""

    items: list[T]
    page: int
    page_size: int
    total: int
    pages: int

    @classmethod
    def of(cls, items: Iterable[T], total: int, asked: AskedPage) -> Self:
        return cls(
            items=list(items),
            page=asked.page,
            page_size=asked.page_size,
            total=total,
            pages=-(-total // asked.page_size),
        )
