"""Questions while a trial is on: by whom each is answered, and who is asked it in shadow."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Protocol

from bookshelf.contracts import Contract
from serving import metrics
from serving.answers import Answers, Reply
from serving.arms import CALLER, is_challengers
from serving.noting import OUTSIDE_A_TRIAL, Part
from serving.shadows import Shadows
from serving.shelf import Challenger

log = logging.getLogger(__name__)


class Ask(Protocol):
    """Puts a question to a version, in its part of a trial; counts and notes the answer.

    Raises `BookshelfError` if there is none, and whatever a broken version raises.
    """

    async def __call__(self, answers: Answers, request: Contract, part: Part = ..., /) -> Reply: ...


class Trials:
    """Shares the questions out between champion and challenger, of whom only the champion must answer."""

    def __init__(self, ask: Ask, draw: Callable[[], float] = random.random) -> None:
        self._ask = ask
        self._draw = draw
        self._shadows = Shadows(ask)

    async def answer(self, champion: Answers, challenger: Challenger, request: Contract) -> Reply:
        """The answer of the version that is this caller's. Raises what the champion raises."""
        tried, trial = challenger.answers, challenger.trial
        assert tried is not None  # a challenger that cannot answer is not asked
        name = champion.champion.name
        if trial.share and is_challengers(name, CALLER.get(), request, trial.share):
            if (answer := await self._challengers(tried, request)) is not None:
                return answer
        answer = await self._ask(champion, request, Part(arm="champion") if trial.share else OUTSIDE_A_TRIAL)
        if trial.shadow and self._draw() < trial.shadow:
            self._shadows.add(tried, request, answer.prediction_id)
        return answer

    async def _challengers(self, tried: Answers, request: Contract) -> Reply | None:
        """The challenger's answer; None if it has none, for whatever reason: then the champion is asked."""
        of = tried.champion
        try:
            answer = await self._ask(tried, request, Part(role="challenger", arm="challenger"))
        except Exception as error:  # noqa: BLE001  (a broken version can raise anything, and must harm nobody)
            log.warning("%s version %s on trial: %s: %s", of.name, of.version, type(error).__name__, error)
            metrics.count_trial(of.name, of.version, "challenger", "failed")
            return None
        metrics.count_trial(of.name, of.version, "challenger", "made")
        return answer
