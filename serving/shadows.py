"""Questions in shadow: put to a challenger after the champion has answered, when there is time for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from bookshelf.contracts import Contract
from serving.answers import Answers
from serving.challenged import Challenged, count
from serving.noting import Part

#: Questions that wait, as JSON: a thousand at once with a description each. One more is dropped, and counted.
MAX_WAITING_BYTES = 4 * 2**20
# Of a question besides its JSON.
_QUESTION_BYTES = 1_000
# One shadow at a time, and after each a rest of so many times what it took: callers lose at most a tenth of
# the time to shadows, however many there are.
_RESTS = 9
# Long enough for the champion's answer to be on its way.
_BEFORE_SECONDS = 0.001


class Shadows:
    """What a challenger would have answered goes to the log and nowhere else.

    A question whose turn comes when its version is no longer to be asked `in_shadow` is dropped.
    """

    def __init__(self, challenged: Challenged, in_shadow: Callable[[Answers], bool]) -> None:
        self._challenged = challenged
        self._in_shadow = in_shadow
        self._waiting: deque[tuple[int, Answers, Contract, Part]] = deque()
        self._bytes = 0  # of all that wait
        self._work: asyncio.Task[None] | None = None
        self._rested_at = 0.0

    def add(self, tried: Answers, request: Contract, shadow_of: str | None) -> None:
        """Ask it later; `shadow_of` is the id of the champion's answer. Never waits."""
        part = Part(role="shadow", shadow_of=shadow_of)
        size = len(request.model_dump_json(exclude_none=True)) + _QUESTION_BYTES
        if self._bytes + size > MAX_WAITING_BYTES:
            count(tried, part, "dropped", 1)
            return
        self._waiting.append((size, tried, request, part))
        self._bytes += size
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._ask_all())

    async def _ask_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(_BEFORE_SECONDS, self._rested_at - time.monotonic()))
            size, tried, request, part = self._waiting.popleft()
            self._bytes -= size
            began = time.monotonic()
            if self._in_shadow(tried):
                await self._challenged.ask(tried, [request], part)
            else:
                count(tried, part, "dropped", 1)
            ended = time.monotonic()
            self._rested_at = ended + _RESTS * (ended - began)
