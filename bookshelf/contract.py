"""What every contract is, and the few parts that many of them have."""

from __future__ import annotations

from typing import Annotated

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
