"""What every answer of the API is: a model that keeps what a newer API says besides."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Answer(BaseModel):
    """Fields that this client does not know are kept, and read like the others."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class Page(Answer, Generic[Item]):
    """One page, from 1; `total` and `pages` count everything that was asked for."""

    items: list[Item]
    page: int
    page_size: int
    total: int
    pages: int
