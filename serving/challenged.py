"""Putting a question to a challenger: whatever it does, nobody is harmed by it."""

from __future__ import annotations

import logging
from typing import Protocol

from bookshelf.contracts import Contract
from serving import metrics
from serving.answers import Answers, Reply
from serving.noting import Part

log = logging.getLogger(__name__)


class Ask(Protocol):
    """Puts a question to a version, in its part of a trial; counts and notes the answer.

    Raises `BookshelfError` if there is none, and whatever a broken version raises.
    """

    async def __call__(self, answers: Answers, request: Contract, part: Part, /) -> Reply: ...


class Challenged:
    """Asks versions on trial, and counts what becomes of it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._said = ""

    async def ask(self, tried: Answers, request: Contract, part: Part) -> Reply | None:
        """Its answer; None if it has none, for whatever reason."""
        try:
            answer = await self._ask(tried, request, part)
        # A broken version can raise anything.
        except Exception as error:  # noqa: BLE001
            self._say(f"{tried.champion.ref} on trial has no answer: {type(error).__name__}: {error}")
            count(tried, part, "failed")
            return None
        count(tried, part, "made")
        return answer

    def _say(self, what: str) -> None:
        """Log it, but not again and again: each question may fail alike."""
        if what != self._said:
            log.warning("%s", what)
        self._said = what


def count(tried: Answers, part: Part, outcome: str) -> None:
    """Count a question to a version on trial as made, failed or dropped."""
    metrics.count_trial(tried.champion.name, tried.champion.version, part.role, outcome)
