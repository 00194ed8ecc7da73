"""What may be asked of the data API: paths, queries and bodies that can't be wrong."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bookshelf.contracts import ModelName

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
# Far beyond any catalogue, and page x page_size stays within the database's integers.
MAX_PAGE = 1_000_000
MAX_SOURCE = 500  # the column's width

_DIGITS = re.compile(r"-?[0-9]{1,20}")


def _whole_number(value: Any) -> Any:
    # pydantic alone would also take " 1", "1_000" and "1.0": many addresses for one thing.
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain the NUL character")
    return value


def _fits_the_column(value: HttpUrl) -> HttpUrl:
    if len(str(value)) > MAX_SOURCE:
        raise PydanticCustomError("source_length", "must be an address of at most 500 characters")
    return value


WholeNumber = BeforeValidator(_whole_number)
BookNumber = Annotated[int, Field(ge=1, le=2**31 - 1, description="The book's id."), WholeNumber]
PageNumber = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Which page, from 1."), WholeNumber]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE, description="Books on a page."), WholeNumber]
# Without NUL, for which PostgreSQL has no place.
SearchText = Annotated[str, Field(max_length=200), AfterValidator(_without_nul)]
MAX_POUNDS = 10_000_000
Pounds = Annotated[
    Decimal,
    Field(ge=0, le=MAX_POUNDS, decimal_places=2),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_POUNDS}),
]


class Input(BaseModel):
    """Frozen, and without a place for a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # flask-openapi3 asks for a query's schema with every request; making it is a third of a request's time.
    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return super().model_json_schema(*args, **kwargs)


class BookPath(Input):
    book_id: BookNumber


class RunPath(Input):
    run_id: UUID


class PageQuery(Input):
    page: PageNumber = 1
    page_size: PageSize = DEFAULT_PAGE_SIZE


class SearchQuery(PageQuery):
    title: SearchText | None = Field(None, description="Part of the title, whatever its case.")
    category: SearchText | None = Field(None, description="Part of the category's name, whatever its case.")


class PriceRangeQuery(PageQuery):
    """Prices in pounds, both ends included."""

    lowest: Pounds | None = Field(None, alias="min", description="Pounds, included.")
    highest: Pounds | None = Field(None, alias="max", description="Pounds, included.")

    @field_validator("highest")
    @classmethod
    def _not_below_the_lowest(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        lowest = info.data.get("lowest")
        if value is not None and lowest is not None and value < lowest:
            raise PydanticCustomError("upside_down", "must not be below min")
        return value


class TopRatedQuery(Input):
    """Either the best `limit` books, or any page of all books in that order."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE), WholeNumber] | None = Field(
        None, description="Only so many books, in place of page and page_size."
    )
    page: PageNumber = 1
    page_size: PageSize = DEFAULT_PAGE_SIZE

    @field_validator("page", "page_size")
    @classmethod
    def _not_beside_limit(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("limit") is not None:
            raise PydanticCustomError("beside_limit", "must not be given together with limit")
        return value


class RecommendationQuery(Input):
    limit: Annotated[int, Field(ge=1, le=100, description="How many books."), WholeNumber] = 5


class TableQuery(Input):
    page: PageNumber = 1
    page_size: Annotated[int, Field(ge=1, le=10_000, description="Rows on a page."), WholeNumber] = 1_000


class TrainingDataQuery(TableQuery):
    model: ModelName = Field("price", description="The model whose training rows are wanted.")


class LoginRequest(Input):
    username: Annotated[str, Field(min_length=1, max_length=200)]
    # Bounded, because hashing it costs what its length is. Without NUL, because scrypt pads its key with
    # zeros: a password with NULs behind it has the hash of the password.
    password: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_without_nul)]


class TriggerRequest(Input):
    """What to scrape; no body at all means the shop this installation is set to."""

    source: Annotated[HttpUrl, AfterValidator(_fits_the_column)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_asked(cls, value: Any) -> Any:
        return {} if value is None else value
