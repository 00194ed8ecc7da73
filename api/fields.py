"""The single values that may be asked with: numbers, texts, moments and keys that can't be wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, WithJsonSchema
from pydantic_core import PydanticCustomError

from bookshelf.catalogue import now
from bookshelf.table_contracts import MAX_PAGE

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
MAX_SOURCE = 500  # the column's width
MAX_KEY = 200  # the column's width
MAX_PRICE = 10_000_000

#: How much a client's clock may be ahead of ours before its now is a future that nobody knows.
CLOCK_SKEW = timedelta(seconds=5)

_DIGITS = re.compile(r"-?[0-9]+")
# RFC 3339. The sign of an offset may be a space: that is what a bare + means in a query.
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2}(?:\.\d{1,30})?)([Zz]|[-+ ]\d{2}:\d{2})", re.ASCII
)
_KEY = re.compile(rf"[!-~](?:[ -~]{{0,{MAX_KEY - 2}}}[!-~])?")


def _whole_number(value: Any) -> Any:
    # pydantic alone would also take " 1", "1_000" and "1.0": many ways to say one; and in a body true.
    if isinstance(value, bool | float) or (isinstance(value, str) and not _DIGITS.fullmatch(value)):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return value


def without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul", "must not contain the NUL character")
    return value


def _moment(value: Any) -> datetime:
    """The moment in UTC, cut to whole microseconds, the resolution of the history."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        day, time, zone = found.groups()
        zone = "Z" if zone in "Zz" else zone.replace(" ", "+")
        moment = datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError(
            "moment", "must be an RFC 3339 time with its zone, such as 2026-01-31T09:00:00Z"
        ) from error
    if moment > now() + CLOCK_SKEW:
        raise PydanticCustomError("future", "must not be in the future")
    return moment


def _opaque_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise PydanticCustomError(
            "opaque_key", f"must be 1 to {MAX_KEY} visible ASCII characters, a UUID for example"
        )
    return value


def _fits_the_column(value: HttpUrl) -> HttpUrl:
    if len(str(value)) > MAX_SOURCE:
        raise PydanticCustomError("source_length", "must be an address of at most 500 characters")
    return value


def _names_a_place_alone(value: HttpUrl) -> HttpUrl:
    # The runs tell everybody, and no source is called by more.
    if any((value.username, value.password, value.query, value.fragment)):
        raise PydanticCustomError("source_parts", "must have no user, password, query or fragment")
    return value


WholeNumber = BeforeValidator(_whole_number)
Number = Annotated[int, Field(ge=1, le=2**31 - 1), WholeNumber]
PageNumber = Annotated[int, Field(ge=1, le=MAX_PAGE, description="Which page, from 1."), WholeNumber]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE, description="Items on a page."), WholeNumber]
LongPageSize = Annotated[int, Field(ge=1, le=1_000, description="Items on a page."), WholeNumber]

# Without NUL, for which PostgreSQL has no place.
SearchText = Annotated[str, Field(max_length=200), AfterValidator(without_nul)]
AskedText = Annotated[str, Field(max_length=1_000), AfterValidator(without_nul)]
SourceName = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE), AfterValidator(without_nul)]
SourceAddress = Annotated[HttpUrl, AfterValidator(_fits_the_column), AfterValidator(_names_a_place_alone)]
OpaqueKey = Annotated[
    str,
    AfterValidator(_opaque_key),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_KEY}),
]
PastMoment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Price = Annotated[
    Decimal,
    Field(ge=0, le=MAX_PRICE, decimal_places=2),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": MAX_PRICE}),
]
