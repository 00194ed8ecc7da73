"""What may be asked of the data API: paths, queries, headers and bodies that can't be wrong."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api.fields import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    AskedText,
    LongPageSize,
    Number,
    OpaqueKey,
    PageNumber,
    PageSize,
    PastMoment,
    Price,
    SearchText,
    SourceAddress,
    SourceName,
    WholeNumber,
    without_nul,
)
from api.files import TableFormat
from bookshelf.changes import Kind
from bookshelf.contracts import ModelName
from bookshelf.events import Event

_AS_OF = (
    "What the catalogue said at that moment (RFC 3339, with its zone) in place of now. "
    "Before the first crawl it said nothing; the future is refused."
)
_SOURCE = "Only what comes from that source, by its whole name as books give it; an unknown one is a 404."


class Input(BaseModel):
    """Frozen, and without a place for a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # flask-openapi3 asks for a query's schema with every request; making it is a third of a request's time.
    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return super().model_json_schema(*args, **kwargs)


class BookPath(Input):
    book_id: Number = Field(description="The book's id.")


class SnapshotPath(Input):
    snapshot_id: Number = Field(description="The snapshot's id.")


class RunPath(Input):
    run_id: UUID


class WebhookPath(Input):
    webhook_id: UUID


class DeliveryPath(WebhookPath):
    delivery_id: UUID


class CatalogueQuery(Input):
    """Which moment of the catalogue is meant, and which part of it."""

    as_of: PastMoment | None = Field(None, description=_AS_OF)
    source: SourceName | None = Field(None, description=_SOURCE)


class Paged(Input):
    page: PageNumber = 1
    page_size: PageSize = DEFAULT_PAGE_SIZE


class LongPaged(Input):
    page: PageNumber = 1
    page_size: LongPageSize = MAX_PAGE_SIZE


class PageQuery(Paged, CatalogueQuery):
    """A page of what the catalogue says, or said."""


class SearchQuery(PageQuery):
    q: AskedText | None = Field(None, description="Words that books hold, or what they are to be about.")
    mode: Literal["text", "semantic"] = Field("text", description="Whether `q` is words or a meaning.")
    title: SearchText | None = Field(None, description="Part of the title, whatever its case.")
    category: SearchText | None = Field(None, description="Part of the category's name, whatever its case.")


class PriceRangeQuery(PageQuery):
    """Prices in each book's own currency, both ends included."""

    lowest: Price | None = Field(None, alias="min", description="Included; in the books' currency.")
    highest: Price | None = Field(None, alias="max", description="Included; in the books' currency.")

    @field_validator("highest")
    @classmethod
    def _not_below_the_lowest(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        lowest = info.data.get("lowest")
        if value is not None and lowest is not None and value < lowest:
            raise PydanticCustomError("upside_down", "must not be below min")
        return value


class TopRatedQuery(CatalogueQuery):
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


class TableQuery(CatalogueQuery):
    format: TableFormat | None = Field(
        None, description="In place of the Accept header: a page as JSON, or every row as NDJSON or Parquet."
    )
    page: PageNumber = 1
    page_size: Annotated[int, Field(ge=1, le=10_000, description="Rows on a page."), WholeNumber] = 1_000


class TrainingDataQuery(TableQuery):
    model: ModelName = Field("price", description="The model whose training rows are wanted.")
    vectors: bool = Field(False, description="The vectors too, in NDJSON and Parquet.")


class DriftQuery(Paged):
    model: ModelName | None = Field(None, description="Only windows of that model.")


class SnapshotsQuery(Paged):
    source: SourceName | None = Field(None, description="Only snapshots of that source.")


class ChangesQuery(LongPaged):
    kind: Kind | None = Field(None, description="Only changes of that kind.")
    format: Literal["json", "csv"] | None = Field(
        None, description="In place of the Accept header: a page as JSON, or everything as CSV."
    )


class LoginRequest(Input):
    username: Annotated[str, Field(min_length=1, max_length=200)]
    # Bounded, because hashing it costs what its length is. Without NUL, because scrypt pads its key with
    # zeros: a password with NULs behind it has the hash of the password.
    password: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(without_nul)]


class TriggerHeaders(BaseModel):
    """Of all the headers only those that matter here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: OpaqueKey | None = Field(
        None, alias="Idempotency-Key", description="The same key asks for the same run, however often."
    )

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return super().model_json_schema(*args, **kwargs)


class TrialHeaders(BaseModel):
    """Of all the headers only those that matter here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    caller: OpaqueKey | None = Field(
        None,
        alias="X-Trial-Key",  # TRIAL_KEY_HEADER, spelled out for mypy
        description="Who asks, such as a session's id: while two versions are tried, the same one answers.",
    )

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        return super().model_json_schema(*args, **kwargs)


class TriggerRequest(Input):
    """What to scrape; no body at all means the shop this installation is set to."""

    source: SourceAddress | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_asked(cls, value: Any) -> Any:
        return {} if value is None else value


class WebhookRequest(Input):
    """Who is to be told of what.

    `url` is an http or https address without user, password or fragment; only the admin registers one,
    so it may be any host that this machine reaches, private networks included. `secret` signs what is
    sent; without it one is drawn and told in the answer, once.
    """

    url: Annotated[str, Field(max_length=2_000)]
    events: Annotated[list[Event], Field(min_length=1, max_length=20)]
    secret: Annotated[str, Field(max_length=200), AfterValidator(without_nul)] | None = None
