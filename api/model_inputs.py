"""What may be asked about models and of the trainer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from api.fields import Number, PastMoment, without_nul
from api.inputs import Input, Paged
from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import NotFound
from bookshelf.trial import Share, Shares

_VERSION = "The version's number."
Reason = Annotated[str, Field(max_length=1_000), AfterValidator(without_nul)]


def _known(name: str) -> str:
    """Another name is no wrong value but an address at which nothing is: pydantic lets this error through."""
    if name not in MODEL_NAMES:
        raise NotFound("name", f"no model is called {name[:100]!r}: there are {', '.join(MODEL_NAMES)}")
    return name


class ModelPath(Input):
    name: Annotated[
        str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(MODEL_NAMES)})
    ] = Field(description="The model.")


class OrderPath(Input):
    order_id: UUID


class PredictionPath(Input):
    prediction_id: UUID = Field(description="The `prediction_id` of the answer.")


class HistoryQuery(Paged):
    at: PastMoment | None = Field(
        None, description="What was live then, and what had happened until then (RFC 3339, with its zone)."
    )


class OrdersQuery(Paged):
    model: ModelName | None = Field(None, description="Only orders of that model.")


class RetrainRequest(Input):
    """Why a training is asked for; no body at all gives no reason."""

    reason: Reason = Field("", description="Kept in the log of promotions.")

    @model_validator(mode="before")
    @classmethod
    def _nothing_asked(cls, value: Any) -> Any:
        return {} if value is None else value


class TrialRequest(RetrainRequest):
    """How much of the questions a version is tried on, and why; no body at all ends the trial."""

    version: Number | None = Field(None, description=_VERSION)
    shadow: Share = Field(
        0.0, description="Of the questions to the champion: put to it too, and not waited for."
    )
    share: Share = Field(0.0, description="Of the callers, told apart by `X-Trial-Key`: answered by it.")

    @property
    def shares(self) -> Shares:
        return Shares(shadow=self.shadow, share=self.share)

    @property
    def off(self) -> bool:
        return self.shares.off

    @model_validator(mode="after")
    def _a_version_is_tried_on_something(self) -> TrialRequest:
        if self.version is not None and self.off:
            raise PydanticCustomError("no_share", "must give `shadow` or `share` for the version to be tried")
        return self


class ChangeRequest(RetrainRequest):
    """Which version is to be put on duty, and why; no body at all means the usual version and no reason."""

    version: Number | None = Field(None, description=_VERSION)
