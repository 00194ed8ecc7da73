"""What the data API answers, apart from what the model server says itself (bookshelf.contracts)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bookshelf.book import ListedBook
from bookshelf.runs import ScrapeRun, Status


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
            price=float(book.price),
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
