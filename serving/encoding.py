"""The one thread that encodes texts for all callers: those that wait together are encoded together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

from bookshelf.contracts import MAX_DESCRIPTION

#: Many texts -> one result a text, in their order. Equal functions are the same work for any caller.
Work = Callable[[list[str]], Iterable[Any]]

# As much as one text may be: beyond that a batch gains little, and whoever comes next waits for all of it.
_CHARACTERS_AT_ONCE = MAX_DESCRIPTION


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """Some texts of one caller, and where their results go."""

    work: Work
    texts: list[str]
    results: Future[list[Any]] = field(default_factory=Future)

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))


class Encoding:
    """Does work on texts in a thread of its own, one batch after the other: two would share the same cores.

    A batch is what waits when the one before has ended, of the same work, in the order in which it came.
    So a caller who is alone waits for nobody, and many at once share the cost of a call. A text that
    cannot be worked on fails its own caller alone.
    """

    def __init__(self) -> None:
        self._arrived: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._waiting: list[_Waiting] = []
        self._thread = Thread(target=self._run, name="encoding", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread once what came before is done."""
        self._arrived.put(None)
        self._thread.join()

    async def done(self, work: Work, texts: Sequence[str]) -> list[Any]:
        """What the work makes of the texts, one result each. Raises what it raises.

        Work of a caller who has gone is not begun.
        """
        one = _Waiting(work, list(texts))
        self._arrived.put(one)
        return await asyncio.wrap_future(one.results)

    def _run(self) -> None:
        open_to_all = True
        while open_to_all or self._waiting:
            open_to_all = self._collect(open_to_all)
            if batch := self._batch():
                _work_on(batch)

    def _collect(self, open_to_all: bool) -> bool:
        """Take in what has arrived, and wait for something if nothing is there; False after the last."""
        while open_to_all and not (self._waiting and self._arrived.empty()):
            arrived = self._arrived.get()
            if arrived is None:
                return False
            self._waiting.append(arrived)
        return open_to_all

    def _batch(self) -> list[_Waiting]:
        """The first that waits, and of those behind it that want the same work as many as go together."""
        batch: list[_Waiting] = []
        rest: list[_Waiting] = []
        characters = 0
        for one in self._waiting:
            fits = not batch or (
                one.work == batch[0].work and characters + one.characters <= _CHARACTERS_AT_ONCE
            )
            (batch if fits else rest).append(one)
            characters += one.characters if fits else 0
        self._waiting = rest
        return [one for one in batch if one.results.set_running_or_notify_cancel()]


def _work_on(batch: Sequence[_Waiting]) -> None:
    if not batch:
        return
    try:
        results = list(batch[0].work([text for one in batch for text in one.texts]))
    # Whatever a model raises belongs to a caller, and the thread goes on for the others; what is written in
    # Rust, as tokenizers are, panics with no `Exception`.
    except BaseException as error:  # noqa: BLE001
        if len(batch) > 1:
            for one in batch:
                _work_on([one])
        else:
            batch[0].results.set_exception(_plain(error))
        return
    rest = iter(results)
    for one in batch:
        one.results.set_result([next(rest) for _ in one.texts])


def _plain(error: BaseException) -> Exception:
    """As an `Exception`, which is what callers are guarded against: a panic would pass all their guards."""
    return error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
