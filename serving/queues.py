"""The queues: of each kind of question so many are answered at once, so many wait, and the next is refused.

They stand at the gate, in each worker. A question that is refused costs next to nothing and is told at once
when to come again; one that waits leaves when its caller does. So what is in hand can always be answered
in time, and a rush is over the moment that it ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from bookshelf.contracts import Problem
from bookshelf.settings import Settings, load_settings
from serving import metrics
from serving.problems import Receive, problem

#: There is room again as soon as one question has been answered.
RETRY_AFTER_SECONDS = 1

# Whoever has waited so long is told so, well before they would give up.
_LONGEST_WAIT_SECONDS = 5.0

# What looks after the models must always be answered, and costs nothing.
_NEVER_WAITS = "/models"
_OTHER = "other"
_KINDS = {
    "/price": "price",
    "/recommendations": "recommendations",
    "/similar": "recommendations",
    "/sentiment": "sentiment",
    "/predictions": "bulk",
    "/features": "tables",
    "/training_data": "tables",
    "/features_file": "files",
    "/training_data_file": "files",
}
# How many at once. Prices and recommendations are computed one after the other, and only wait together for
# the online store's thread or the encoder's; texts are encoded together when many wait; a bulk question
# keeps a core busy by itself; tables and files wait for the stores and for whoever reads them.
_IN_WORK = {
    "price": 16,
    "recommendations": 16,
    "sentiment": 16,
    "bulk": 2,
    "tables": 4,
    "files": 4,
    _OTHER: 8,
}
# A text of the greatest length takes as long as a dozen usual descriptions, and counts as many.
_BYTES_THAT_COUNT_AS_ONE = {"price": 2_000, "recommendations": 2_000, "sentiment": 2_000}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many questions are answered at once, and how many may wait for that.

    One whose body is longer than `bytes_of_one` counts as several; None where its length tells nothing.
    """

    in_work: int
    waiting: int
    bytes_of_one: int | None = None

    def weight(self, size: int) -> int:
        """As how many a body of so many bytes counts."""
        return 1 if self.bytes_of_one is None else max(1, -(-size // self.bytes_of_one))


class Queue:
    """The questions of one kind that this worker has in hand, first come, first served."""

    def __init__(self, kind: str, limits: Limits) -> None:
        self._kind = kind
        self._limits = limits
        self._in_hand = 0
        self._in_work = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def full(self) -> Problem | None:
        """Why there is no room for one more, which is counted; None while there is."""
        if self._in_hand < self._limits.in_work + self._limits.waiting:
            return None
        return self._refused("full", f"has all the questions of the kind {self._kind!r} that it can answer")

    async def enter(self, receive: Receive, size: int = 0) -> Problem | None:
        """Wait for a turn, until which `receive` tells only that the caller has gone; then `leave` it.

        `size` are the bytes of the question. Returns why there is no turn: too many came in the same
        moment, the wait was too long, or the caller has gone. Then nothing is to be left.
        """
        weight = self._limits.weight(size)
        if refusal := self.full():
            return refusal
        self._in_hand += weight
        try:
            # All that came in the same moment are counted before the first is answered, which may keep
            # the loop busy for as long as it takes: else they would wait where nobody counts them.
            await asyncio.sleep(0)
            reason = await self._turn(receive)
        except BaseException:  # cancelled: whoever is not waited for must not be counted for ever
            self._in_hand -= weight
            raise
        if reason is None:
            return None
        self._in_hand -= weight
        told = {"slow": f"had no time for this question within {_LONGEST_WAIT_SECONDS:g} s"}
        return self._refused(reason, told.get(reason, "was not waited for"))

    def leave(self, size: int = 0) -> None:
        """The turn of a question of that size is over: it is the next one's."""
        self._in_hand -= self._limits.weight(size)
        self._pass_on()

    async def _turn(self, receive: Receive) -> str | None:
        """Take a turn; the reason if there is none to be had."""
        if self._in_work < self._limits.in_work and not self._waiting:
            self._in_work += 1
            return None
        turn = asyncio.get_running_loop().create_future()
        gone = asyncio.ensure_future(receive())
        self._waiting.append(turn)
        metrics.note_waiting(self._kind, +1)
        try:
            await asyncio.wait(
                (turn, gone), timeout=_LONGEST_WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if turn.done():
                return None
            return "gone" if gone.done() else "slow"
        except BaseException:  # cancelled, it may be just as its turn came, which the next one must have
            if turn.done():
                self._pass_on()
            raise
        finally:
            metrics.note_waiting(self._kind, -1)
            gone.cancel()
            if not turn.done():
                self._waiting.remove(turn)

    def _pass_on(self) -> None:
        """Give the turn to whoever waits longest, else it is free."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._in_work -= 1

    def _refused(self, reason: str, why: str) -> Problem:
        metrics.count_refusal(self._kind, reason)
        return problem(503, f"the model server {why}: ask again in a moment")


class Queues:
    """The queue of each endpoint, as long as the settings have it; made when the first question comes."""

    def __init__(self, load: Callable[[], Settings] = load_settings) -> None:
        self._load = load

    def at(self, path: str) -> Queue | None:
        """Where questions to that endpoint wait; None for one that never waits."""
        return None if path == _NEVER_WAITS else self._queues[_KINDS.get(path, _OTHER)]

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        settings = self._load()
        return {
            kind: Queue(
                kind,
                Limits(in_work, getattr(settings, f"queue_{kind}"), _BYTES_THAT_COUNT_AS_ONE.get(kind)),
            )
            for kind, in_work in _IN_WORK.items()
        }
