"""How books near others are asked for and answered: by one book, or by likes, dislikes and words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bookshelf.contract import MAX_DESCRIPTION, BookId, Contract, ModelRef, Predicted

#: Books that one question may like, and as many that it may dislike.
MAX_LIKED = 100


class RecommendationRequest(Contract):
    """Ask for the books most like one book."""

    book_id: BookId
    limit: Annotated[StrictInt, Field(ge=1, le=100)] = 5


class RecommendationFilters(Contract):
    """Which books may be given at all, by what the catalogue says of them now; None is anything.

    Prices are in each book's own currency, both ends included.
    """

    category: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    min_price: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] | None = None
    max_price: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] | None = None
    in_stock: StrictBool | None = None
    source: Annotated[str, Field(min_length=1, max_length=500)] | None = None

    @field_validator("max_price")
    @classmethod
    def _not_below_the_lowest(cls, value: float | None, info: ValidationInfo) -> float | None:
        lowest = info.data.get("min_price")
        if value is not None and lowest is not None and value < lowest:
            raise PydanticCustomError("upside_down", "must not be below min_price")
        return value


class SimilarRequest(Contract):
    """Ask for the books near what is liked and far from what is disliked: books by their ids, or a text.

    The filters apply before the nearest are taken. `diversity` is how much being unlike the books before
    it counts for a book: 0 asks for the nearest alone, 1 gives each next book for its difference.
    """

    like: Annotated[tuple[BookId, ...], Field(max_length=MAX_LIKED)] = ()
    dislike: Annotated[tuple[BookId, ...], Field(max_length=MAX_LIKED)] = ()
    text: Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION)] | None = Field(
        None, validate_default=True
    )
    filters: RecommendationFilters = RecommendationFilters()
    limit: Annotated[StrictInt, Field(ge=1, le=100)] = 5
    diversity: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)] = 0.0

    @field_validator("dislike")
    @classmethod
    def _not_liked_too(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if both := sorted(set(value) & set(info.data.get("like", ()))):
            named = {"named": ", ".join(map(str, both))}
            raise PydanticCustomError("liked_too", "must not name what like names: {named}", named)
        return value

    @field_validator("text")
    @classmethod
    def _something_is_asked_for(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not value.strip():
            raise PydanticCustomError("blank", "must hold at least one character that is not a space")
        if value is None and info.data.get("like") == ():
            raise PydanticCustomError("nothing_asked", "is required unless like names a book")
        return value


class Reason(Contract):
    """Why a book is near what was asked for: what both share, and what in its description says so.

    `category` and `author` are given where they are shared. `terms` are words of both, the weightiest
    first. `sentence` is of the book's own description; None where it has none or none has to do with it.
    """

    category: str | None = None
    author: str | None = None
    terms: tuple[str, ...] = ()
    sentence: str | None = None


class Recommendation(Contract):
    """One book, how near it is and why: `score` is at most 1, best first, ties by id."""

    id: int
    title: str
    category: str
    score: float
    why: Reason = Reason()


class RecommendationReply(Predicted):
    book_id: int
    items: tuple[Recommendation, ...]
    model: ModelRef


class SimilarReply(Predicted):
    """The nearest books that the filters let through; fewer than asked for only where there are fewer."""

    items: tuple[Recommendation, ...]
    model: ModelRef
