"""Which of two versions answers a caller: the same one each time, without knowing who it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextvars import ContextVar

from bookshelf.contracts import Contract
from bookshelf.trial import TRIAL_KEY_HEADER

#: What the caller of the question under way has given for itself; None where it has given nothing.
CALLER: ContextVar[bytes | None] = ContextVar("caller", default=None)

_HEADER = TRIAL_KEY_HEADER.lower().encode()
_PARTS = 2**64


def caller_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """What those headers say of who asks; None for nothing."""
    return next((value for name, value in headers if name == _HEADER and value), None)


def is_challengers(model: str, caller: bytes | None, question: Contract, share: float) -> bool:
    """Whether that caller is among the `share` whom the challenger answers.

    Who is stays so while the share grows, and in another model's trial is another matter. A caller who
    gives nothing is told apart by the question, which is then always answered by the same version.
    """
    told = caller or question.model_dump_json(exclude_none=True).encode()
    drawn = hashlib.blake2b(told, digest_size=8, key=model.encode()).digest()
    return int.from_bytes(drawn) < share * _PARTS
