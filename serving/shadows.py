"""Questions in shadow: put to a challenger after the champion has answered, when there is time for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from bookshelf.contracts import Contract
from serving import metrics
from serving.answers import Answers
from serving.noting import Part

if TYPE_CHECKING:
    from serving.trials import Ask

log = logging.getLogger(__name__)

#: So many wait; one more is dropped, and counted.
MAX_WAITING = 64
# One shadow at a time, and after each a rest of so many times what it took: what callers wait for loses at
# most a tenth of the time to shadows, however many there are.
_RESTS = 9
# Long enough for the champion's answer to be on its way.
_BEFORE_SECONDS = 0.001


class Shadows:
    """What a challenger would have answered goes to the log and nowhere else."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: deque[tuple[Answers, Contract, str | None]] = deque()
        self._work: asyncio.Task[None] | None = None
        self._rested_at = 0.0

    def add(self, tried: Answers, request: Contract, shadow_of: str | None) -> None:
        """Ask it later; `shadow_of` is the id of the champion's answer. Never waits."""
        if len(self._waiting) >= MAX_WAITING:
            _count(tried, "dropped")
            return
        self._waiting.append((tried, request, shadow_of))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._ask_all())

    async def _ask_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(_BEFORE_SECONDS, self._rested_at - time.monotonic()))
            tried, request, shadow_of = self._waiting.popleft()
            began = time.monotonic()
            try:
                await self._ask(tried, request, Part(role="shadow", shadow_of=shadow_of))
                _count(tried, "made")
            except Exception as error:  # noqa: BLE001  (a broken version can raise anything, and must harm nobody)
                of = tried.champion
                log.warning(
                    "%s version %s in shadow: %s: %s", of.name, of.version, type(error).__name__, error
                )
                _count(tried, "failed")
            ended = time.monotonic()
            self._rested_at = ended + _RESTS * (ended - began)


def _count(tried: Answers, outcome: str) -> None:
    metrics.count_trial(tried.champion.name, tried.champion.version, "shadow", outcome)
