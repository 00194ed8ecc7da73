"""What api and serving say to each other about tables: features, and what models were trained on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StrictBool, StrictInt, field_validator
from pydantic_core import PydanticCustomError

from bookshelf.contracts import Contract, ModelName

FileFormat = Literal["ndjson", "parquet"]
MEDIA_TYPES: dict[FileFormat, str] = {
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}

#: Far beyond any catalogue, and page x page_size stays within the database's integers.
MAX_PAGE = 1_000_000

#: What says `now` may not be the machine that is asked.
_CLOCKS_DIFFER = timedelta(minutes=1)


class TableOfBooks(Contract):
    """Which books a table is of: those on offer, with `as_of` those that were then, with `source` its own."""

    as_of: AwareDatetime | None = None
    source: Annotated[str, Field(min_length=1, max_length=500)] | None = None

    @field_validator("as_of")
    @classmethod
    def _is_in_the_past(cls, value: datetime | None) -> datetime | None:
        try:
            value = value and value.astimezone(UTC)
        except OverflowError as error:
            raise PydanticCustomError("moment", "must lie between the years 1 and 9999 in UTC") from error
        if value is not None and value > datetime.now(UTC) + _CLOCKS_DIFFER:
            raise PydanticCustomError("future", "must not lie in the future")
        return value


class TableRequest(TableOfBooks):
    """One page of a table."""

    page: Annotated[StrictInt, Field(ge=1, le=MAX_PAGE)] = 1
    page_size: Annotated[StrictInt, Field(ge=1, le=10_000)] = 1_000


class TrainingDataRequest(TableRequest):
    """One page of the rows that the model now served was trained on.

    With `as_of`, of what it would have been given then: the rows of its features, as they were known.
    """

    model: ModelName = "price"


class FileRequest(TableOfBooks):
    """All of a table, as a file of that format."""

    format: FileFormat


class TrainingFileRequest(FileRequest):
    """All the rows that `TrainingDataRequest` asks for page by page; with `vectors`, their vectors too."""

    model: ModelName = "price"
    vectors: StrictBool = False


class TableReply(Contract):
    """Rows as records, ready for a data frame; `total` counts all pages' rows."""

    items: tuple[dict[str, Any], ...]
    page: int
    page_size: int
    total: int
    pages: int
