"""Questions in shadow: put to a challenger after the champion has answered, when there is time for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from bookshelf.contracts import Contract
from serving.answers import Answers
from serving.challenged import Challenged, count
from serving.noting import Part

#: So many wait; one more is dropped, and counted.
MAX_WAITING = 64
# One shadow at a time, and after each a rest of so many times what it took: callers lose at most a tenth of
# the time to shadows, however many there are.
_RESTS = 9
# Long enough for the champion's answer to be on its way.
_BEFORE_SECONDS = 0.001


class Shadows:
    """What a challenger would have answered goes to the log and nowhere else."""

    def __init__(self, challenged: Challenged) -> None:
        self._challenged = challenged
        self._waiting: deque[tuple[Answers, Contract, Part]] = deque()
        self._work: asyncio.Task[None] | None = None
        self._rested_at = 0.0

    def add(self, tried: Answers, request: Contract, shadow_of: str | None) -> None:
        """Ask it later; `shadow_of` is the id of the champion's answer. Never waits."""
        part = Part(role="shadow", shadow_of=shadow_of)
        if len(self._waiting) >= MAX_WAITING:
            count(tried, part, "dropped")
            return
        self._waiting.append((tried, request, part))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._ask_all())

    async def _ask_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(_BEFORE_SECONDS, self._rested_at - time.monotonic()))
            began = time.monotonic()
            await self._challenged.ask(*self._waiting.popleft())
            ended = time.monotonic()
            self._rested_at = ended + _RESTS * (ended - began)
