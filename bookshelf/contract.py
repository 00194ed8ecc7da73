"""What every contract is, and the few parts that many of them have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_DESCRIPTION = 20_000

BookId = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class Contract(BaseModel):
    """Frozen, and without a place for a field it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelRef(Contract):
    """The registered model and the version that answered."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


class Predicted(Contract):
    """What every answer of a model says of itself.

    `prediction_id` is its name in the prediction log (UUIDv7). `arm` is whose answer it is in a trial of two
    versions; None outside of one.
    """

    prediction_id: str | None = None
    arm: Literal["champion", "challenger"] | None = None
