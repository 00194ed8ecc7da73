"""Whoever finds a field wrong, pydantic or we, it is said in the same words."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookshelf.field_messages import message_of


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(le=7)] = 1
    name: Annotated[str, Field(max_length=2)] = ""
    price: Annotated[Decimal, Field(decimal_places=2)] = Decimal(1)
    names: Annotated[list[str], Field(min_length=1)] = Field(default_factory=lambda: ["a"])
    mode: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"number": 8}, "must be less than or equal to 7"),
        ({"number": "9" * 5000}, "must be a number of fewer digits"),
        ({"name": 7}, "must be a valid string"),
        ({"name": "abc"}, "must have at most 2 characters"),
        ({"price": "1.001"}, "must have no more than 2 decimal places"),
        ({"names": []}, "must have at least 1 item, not 0"),
        ({"mode": "c"}, "must be 'a' or 'b'"),
        ({"colour": 1}, "is not known here"),
        ([], "must be a JSON object"),
    ],
)
def test_a_field_is_told_what_it_must_be(given: Any, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Asked.model_validate(given)
    assert [message_of(one) for one in refused.value.errors()] == [told]
