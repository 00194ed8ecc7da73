"""The shapes of the data API: what may be asked of it and what it answers."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bookshelf.book import ListedBook
from bookshelf.contracts import ModelName
from bookshelf.runs import ScrapeRun, Status

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
    if "\0" in value:  # PostgreSQL has no place for it
        raise PydanticCustomError("nul", "must not contain the NUL character")
    return value


def _source(value: HttpUrl) -> str:
    text = str(value)
    if len(text) > MAX_SOURCE:
        raise PydanticCustomError("source_length", f"must have at most {MAX_SOURCE} characters")
    return text


WholeNumber = BeforeValidator(_whole_number)
BookNumber = Annotated[int, WholeNumber, Field(ge=1, le=2**31 - 1, description="The book's id.")]
PageNumber = Annotated[int, WholeNumber, Field(ge=1, le=MAX_PAGE, description="Which page, from 1.")]
PageSize = Annotated[int, WholeNumber, Field(ge=1, le=MAX_PAGE_SIZE, description="Books on a page.")]
SearchText = Annotated[str, Field(max_length=200), AfterValidator(_without_nul)]
Pounds = Annotated[Decimal, Field(ge=0, le=10_000_000, decimal_places=2)]


class Input(BaseModel):
    """Frozen, and without a place for a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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

    limit: Annotated[int, WholeNumber, Field(ge=1, le=MAX_PAGE_SIZE)] | None = Field(
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
    limit: Annotated[int, WholeNumber, Field(ge=1, le=100, description="How many books.")] = 5


class TableQuery(Input):
    page: PageNumber = 1
    page_size: Annotated[int, WholeNumber, Field(ge=1, le=10_000, description="Rows on a page.")] = 1_000


class TrainingDataQuery(TableQuery):
    model: ModelName = Field("price", description="The model whose training rows are wanted.")


class LoginRequest(Input):
    username: Annotated[str, Field(min_length=1, max_length=200)]
    # Bounded, because hashing it costs what its length is.
    password: Annotated[str, Field(min_length=1, max_length=1_000)]


class TriggerRequest(Input):
    """What to scrape; no body at all means the shop this installation is set to."""

    source: Annotated[HttpUrl, AfterValidator(_source)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_asked(cls, value: Any) -> Any:
        return {} if value is None else value


class BookReply(BaseModel):
    """A book on offer; `price` in pounds."""

    id: int
    upc: str
    title: str
    price: float
    rating: int
    availability: str
    stock: int
    category: str
    image: str
    description: str
    url: str

    @classmethod
    def of(cls, listed: ListedBook) -> BookReply:
        book = listed.book
        return cls(
            id=listed.id,
            upc=book.upc,
            title=book.title,
            price=float(book.price_gbp),
            rating=book.rating,
            availability=book.availability,
            stock=book.stock,
            category=book.category,
            image=book.image,
            description=book.description,
            url=book.url,
        )


class BookPage(BaseModel):
    """One page of books; `total` and `pages` count all that match."""

    items: list[BookReply]
    page: int
    page_size: int
    total: int
    pages: int


class CategoryReply(BaseModel):
    name: str
    books: int


class CategoriesReply(BaseModel):
    items: list[CategoryReply]


class OverviewReply(BaseModel):
    """The averages of an empty catalogue are null."""

    total_books: int
    average_price: float | None
    average_rating: float | None
    rating_distribution: dict[int, int]


class CategoryStatisticsReply(BaseModel):
    """What one category holds; prices in pounds, ratings in stars, `in_stock` in titles."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    books: int
    average_price: float
    min_price: float
    max_price: float
    average_rating: float
    in_stock: int


class CategoryStatisticsList(BaseModel):
    items: list[CategoryStatisticsReply]


class AccessReply(BaseModel):
    """A token for the `Authorization: Bearer` header; `expires_in` counts seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class LoginReply(AccessReply):
    """The refresh token is good for nothing but new access tokens."""

    refresh_token: str


class QueuedRunReply(BaseModel):
    run_id: str
    status: Literal["queued"] = "queued"


class ScrapeRunReply(BaseModel):
    """How far a run is: `pages` fetched, `books` read. An empty `source` is the installation's own shop."""

    run_id: str
    status: Status
    source: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pages: int
    books: int
    snapshot_id: int | None
    error: str | None

    @classmethod
    def of(cls, run: ScrapeRun) -> ScrapeRunReply:
        return cls(
            run_id=run.id,
            status=run.status,
            source=run.source,
            requested_at=run.requested_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            pages=run.pages,
            books=run.books,
            snapshot_id=run.snapshot_id,
            error=run.error,
        )


class Dependency(BaseModel):
    """`down` refused or failed, `unknown` did not answer in time, `degraded` answers less than all."""

    status: Literal["ok", "degraded", "down", "unknown"]
    detail: str


class HealthReply(BaseModel):
    """`ok` only if every dependency is."""

    status: Literal["ok", "degraded"]
    dependencies: dict[Literal["catalogue", "model_server", "features"], Dependency]
