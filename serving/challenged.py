"""Putting questions to a challenger: whatever it does, nobody is harmed by it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from bookshelf.contracts import Contract
from bookshelf.errors import BookshelfError
from serving import metrics
from serving.answers import Answer, Answers, Reply
from serving.noting import Part

log = logging.getLogger(__name__)


class Ask(Protocol):
    """Puts questions to a version, in its part of a trial; counts and notes each answer.

    One answer or error for each, in their order. Raises whatever a broken version raises.
    """

    async def __call__(
        self, answers: Answers, requests: Sequence[Contract], part: Part, /
    ) -> list[Answer]: ...


class Challenged:
    """Asks versions on trial, and counts what becomes of it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._said = ""

    async def ask(self, tried: Answers, requests: Sequence[Contract], part: Part) -> list[Reply | None]:
        """Its answer to each; None where it has none, for whatever reason."""
        try:
            answers = await self._ask(tried, requests, part)
        # A broken version can raise anything.
        except Exception as error:  # noqa: BLE001
            self._say(tried, error)
            count(tried, part, "failed", len(requests))
            return [None] * len(requests)
        errors = [one for one in answers if isinstance(one, BookshelfError)]
        if errors:
            self._say(tried, errors[0])
        count(tried, part, "failed", len(errors))
        count(tried, part, "made", len(answers) - len(errors))
        return [None if isinstance(one, BookshelfError) else one for one in answers]

    def _say(self, tried: Answers, error: Exception) -> None:
        """Log what went wrong, but not again and again: each question may fail alike."""
        what = f"{tried.champion.ref} on trial has no answer: {type(error).__name__}: {error}"
        if what != self._said:
            log.warning("%s", what)
        self._said = what


def count(tried: Answers, part: Part, outcome: str, number: int) -> None:
    """Count so many questions to a version on trial as made, failed or dropped."""
    if number:
        metrics.count_trial(tried.champion.name, tried.champion.version, part.role, outcome, number)
