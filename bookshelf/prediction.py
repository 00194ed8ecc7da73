"""What is remembered of one prediction, and of what somebody said about it later; nothing about people."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from bookshelf.contracts import ModelName

#: Who made the answer: the model on duty, one on trial in its place, or one on trial whose answer nobody saw.
Role = Literal["champion", "challenger", "shadow"]

_VERSION_BITS = 0x7 << 76 | 0x2 << 62  # RFC 9562: version 7, variant 10
_RANDOM_BITS = ~(0xF << 76 | 0x3 << 62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecord:
    """One prediction, with all that it takes to make it again.

    `prediction_id` is a UUIDv7 that tells the moment `at`. `inputs` (the question), `features` (what the
    answer was made from besides it), `event_times` (of the online values, by view) and `answer` are JSON
    objects as text. `snapshot_id` is the state of the catalogue that the answer knew. `shadow_of` is the
    prediction that a shadow was made beside. `book_id`, `value` (a price or a score) and `label` repeat what
    the question and the answer say, as columns.
    """

    prediction_id: str
    at: datetime
    model: ModelName
    version: str
    run_id: str
    role: Role = "champion"
    shadow_of: str | None = None
    book_id: int | None = None
    value: float | None = None
    label: str | None = None
    inputs: str
    features: str | None = None
    event_times: str | None = None
    snapshot_id: int | None = None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRecord:
    """What somebody knows about a prediction of that model: what was right, or which book was `chosen`.

    `value` is the price that it really had, `label` the tone that it really has.
    """

    feedback_id: str
    prediction_id: str
    at: datetime
    model: ModelName
    value: float | None = None
    label: str | None = None
    chosen: int | None = None


Record = PredictionRecord | FeedbackRecord


def new_id(at: datetime) -> str:
    """A UUIDv7 of that moment, to the millisecond: ids in their order are predictions in theirs."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    drawn = milliseconds << 80 | int.from_bytes(os.urandom(10))
    return str(UUID(int=drawn & _RANDOM_BITS | _VERSION_BITS))


def moment_of(prediction_id: UUID) -> datetime | None:
    """When that id was given, to the millisecond; None for one that tells no moment, so that is not ours."""
    if prediction_id.version != 7:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=prediction_id.int >> 80)
    except OverflowError:
        return None


def as_fields(record: Record) -> dict[str, Any]:
    """The record's fields by their names, in their order."""
    return {one.name: getattr(record, one.name) for one in fields(record)}
