"""What api and serving say to each other about predictions that were made: shown, made again, judged."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bookshelf.contract import BookId, Contract, ModelRef
from bookshelf.prediction import Role

Sentiment = Literal["negative", "neutral", "positive"]


class PredictionLookup(Contract):
    """Ask for one prediction by its id."""

    prediction_id: UUID


class Feedback(Contract):
    """What is known of a prediction by now, by one of three: the price that it really had (`value`), the
    `sentiment` that the text really has, or the id of the book that somebody has `chosen`."""

    value: Annotated[float, Field(strict=True, ge=0, le=1e9, allow_inf_nan=False)] | None = None
    sentiment: Sentiment | None = None
    chosen: BookId | None = Field(None, validate_default=True)

    @field_validator("chosen")
    @classmethod
    def _one_of_three(cls, value: int | None, info: ValidationInfo) -> int | None:
        if not {"value", "sentiment"} <= info.data.keys():  # one is wrong itself, and says so
            return value
        given = [one for one in (*info.data.values(), value) if one is not None]
        if len(given) != 1:
            raise PydanticCustomError("one_of_three", "give one of value, sentiment and chosen, and no other")
        return value


class FeedbackRequest(Feedback):
    """Feedback on a prediction. The id is its own, so that what is sent twice counts once."""

    prediction_id: UUID
    feedback_id: UUID


class FeedbackReply(Feedback):
    """Feedback as it is kept."""

    feedback_id: UUID
    at: AwareDatetime


class LoggedPrediction(Contract):
    """A prediction as it was made, and what was said about it since.

    `features` is what the model was given besides what the question says by itself, a vector as base64 of
    little-endian float32; `event_times` are those of online values, by view. `snapshot_id` is the state of
    the catalogue then. `shadow_of` is the prediction that a shadow, whose answer nobody saw, was made beside.
    """

    prediction_id: UUID
    at: AwareDatetime
    model: ModelRef
    role: Role
    shadow_of: UUID | None
    inputs: dict[str, Any]
    features: dict[str, Any] | None
    event_times: dict[str, AwareDatetime] | None
    snapshot_id: int | None
    answer: dict[str, Any]
    feedback: tuple[FeedbackReply, ...] = ()


class ReplayReply(Contract):
    """A prediction as it was made (`answer`) and as the same version makes it now of the same values.

    `largest_difference` is that of all numbers in both; `equal` is up to a millionth, and every text the
    same. `differs` names what is not, such as `items.2.title`.
    """

    prediction_id: UUID
    model: ModelRef
    equal: bool
    largest_difference: float
    differs: tuple[str, ...]
    answer: dict[str, Any]
    replayed: dict[str, Any]
