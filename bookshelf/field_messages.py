"""What pydantic finds wrong with a field, as the platform says it: `must be …`, `is required`."""

from __future__ import annotations

import re

from pydantic_core import ErrorDetails

_BY_TYPE = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "int_parsing_size": "must be a number of fewer digits",
}
# `Input should be …`, `String should have …`, `Decimal input should have …`.
_SHOULD = re.compile(r"[A-Z][a-z]+(?: input)? should ")


def message_of(error: ErrorDetails) -> str:
    """One error in the words of those that we find ourselves; it stands behind the field's name."""
    known = _BY_TYPE.get(error["type"])
    return known or _SHOULD.sub("must ", error["msg"], count=1).replace(" after validation", "")
