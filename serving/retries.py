"""Which versions were tried in vain, and when each may be tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bookshelf.contracts import ModelName
from serving.appointment import Appointment

# A version that was refused is tried again, in case that what it lacked has come: the feature store was
# published, a file was put back.
_FIRST_SECONDS = 10.0
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Failure:
    """A version that was tried in vain so many times, and when it may be tried again."""

    key: str
    tries: int
    again_at: float


class Retries:
    """The last failure of each model; the wait doubles while it is the same version's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[ModelName, _Failure] = {}

    def may_try(self, wanted: Appointment) -> bool:
        """Whether that version has not failed a short while ago."""
        failure = self._failures.get(wanted.name)
        return failure is None or failure.key != wanted.key or self._clock() >= failure.again_at

    def failed(self, wanted: Appointment) -> None:
        """It was tried in vain just now."""
        before = self._failures.get(wanted.name)
        tries = before.tries + 1 if before is not None and before.key == wanted.key else 1
        wait = min(_FIRST_SECONDS * 2 ** (tries - 1), _LONGEST_SECONDS)
        self._failures[wanted.name] = _Failure(wanted.key, tries, self._clock() + wait)

    def forget(self, name: ModelName) -> None:
        """All is well with that model."""
        self._failures.pop(name, None)

    def clear(self) -> None:
        """Whatever failed may be tried at once."""
        self._failures.clear()
