"""Books, their versions and what changed in them, as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, Field

from api.pages import Page
from bookshelf.book import Book, ListedBook
from bookshelf.catalogue import BookVersion
from bookshelf.changes import Change, Kind
from bookshelf.contracts import ModelRef
from bookshelf.rows import BOOK_FIELDS

Value = int | float | str | None

# Texts that a shop may well not give: null then, where those of the first release (category, image,
# description, url) go on being texts, empty at worst.
_MAY_BE_NULL = frozenset(
    ("upc", "isbn", "key", "availability", "thumbnail", "author", "publisher", "binding", "language", "genre")
)


class BookReply(BaseModel):
    """A book on offer. What its source does not tell is null, or empty for a text that is never null.

    Within its `source` a book is known by `upc`, else `isbn`, else `key`; `id` is ours, and for ever.
    """

    id: int
    source: str = Field(description="Address of the shop, `sample shop`, or name of the import.")
    upc: str | None
    isbn: str | None = Field(description="ISBN-13 without hyphens.")
    key: str | None = Field(description="What else the source calls unique, where it is neither.")
    title: str
    author: str | None
    publisher: str | None
    year: int | None = Field(description="Of publication.")
    binding: str | None
    language: str | None
    price: float = Field(description="In `currency`, with at most two decimals.")
    currency: str = Field(description="ISO 4217.")
    rating: int | float | None = Field(description="1 to 5 stars; whole ones are an integer.")
    reviews: int | None = Field(description="How many there are.")
    availability: str | None = Field(description="`In stock` or `Out of stock`.")
    stock: int | None = Field(description="Copies.")
    category: str
    image: str
    thumbnail: str | None
    description: str
    url: str
    genre: str | None = Field(description="A finer shelf than the category, of a source that has both.")

    @classmethod
    def of(cls, listed: ListedBook) -> BookReply:
        return cls(id=listed.id, source=listed.source, **values_of(listed.book))


class BookVersionReply(BookReply):
    """What the catalogue said of a book from `valid_from` until just before `valid_to`.

    `valid_to` is null if it still says so. The snapshots are those that began and ended it.
    """

    valid_from: datetime
    valid_to: datetime | None
    from_snapshot: int
    to_snapshot: int | None

    @classmethod
    def of_version(cls, version: BookVersion) -> Self:
        return cls(
            id=version.id,
            source=version.source,
            **values_of(version.book),
            valid_from=version.valid_from,
            valid_to=version.valid_to,
            from_snapshot=version.from_snapshot,
            to_snapshot=version.to_snapshot,
        )


class BookPage(Page[BookReply]):
    """One page of books; `total` and `pages` count all that match."""


class FoundBook(BookReply):
    """A book that was searched for."""

    score: float | None = Field(
        None, description="With `mode=semantic` alone: how near it is, at most 1; the nearest come first."
    )

    @classmethod
    def near(cls, listed: ListedBook, score: float) -> FoundBook:
        return cls(id=listed.id, source=listed.source, **values_of(listed.book), score=score)


class SearchPage(Page[FoundBook]):
    """One page of what was found; with `mode=semantic`, `model` is the one that found it."""

    model: ModelRef | None = None


class HistoryReply(BaseModel):
    """Every version of a book, the oldest first; between two of them it may have been away."""

    items: list[BookVersionReply]


class FieldChange(BaseModel):
    """Values as books have them."""

    old: Value
    new: Value


class ChangeReply(BaseModel):
    """What happened to a book; `changes` has the fields that differ, none if it was added or removed."""

    book_id: int
    kind: Kind
    title: str
    changes: dict[str, FieldChange]

    @classmethod
    def of(cls, change: Change) -> ChangeReply:
        told = {
            name: FieldChange(old=value_of(name, old), new=value_of(name, new))
            for name, (old, new) in change.fields.items()
        }
        return cls(book_id=change.book_id, kind=change.kind, title=title_of(change), changes=told)


class ChangePage(Page[ChangeReply]):
    """One page of what a snapshot changed, by book id."""


def values_of(book: Book) -> dict[str, Any]:
    """Every field of a book as JSON has it."""
    return {name: value_of(name, getattr(book, name)) for name in BOOK_FIELDS}


def value_of(name: str, value: Any) -> Value:
    """One field of a book as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if name in _MAY_BE_NULL and value == "":
        return None
    return value  # type: ignore[no-any-return]


def title_of(change: Change) -> str:
    """What the book is called now, or was when it left."""
    book = change.after or change.before
    assert book is not None, "a change has a before or an after"
    return book.title
