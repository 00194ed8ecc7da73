"""Questions while a trial is on: by whom each is answered, and who is asked it in shadow."""

from __future__ import annotations

import random
from collections.abc import Callable

from bookshelf.contracts import Contract
from serving.answers import Answers, Reply
from serving.arms import CALLER, is_challengers
from serving.challenged import Ask, Challenged
from serving.noting import OUTSIDE_A_TRIAL, Part
from serving.shadows import Shadows
from serving.shelf import Challenger

_CHALLENGER = Part(role="challenger", arm="challenger")
_CHAMPION = Part(arm="champion")


class Trials:
    """Shares the questions out between champion and challenger, of whom only the champion must answer."""

    def __init__(self, ask: Ask, draw: Callable[[], float] = random.random) -> None:
        self._ask = ask
        self._draw = draw
        self._challenged = Challenged(ask)
        self._shadows = Shadows(self._challenged)

    async def answer(self, champion: Answers, challenger: Challenger, request: Contract) -> Reply:
        """The answer of the version that is this caller's, or the champion's where that one has none.

        Raises what the champion raises.
        """
        tried, trial = challenger.answers, challenger.trial
        assert tried is not None  # a challenger that cannot answer is not asked
        mine = trial.share and is_challengers(champion.champion.name, CALLER.get(), request, trial.share)
        if mine and (answer := await self._challenged.ask(tried, request, _CHALLENGER)) is not None:
            return answer
        answer = await self._ask(champion, request, _CHAMPION if trial.share else OUTSIDE_A_TRIAL)
        if trial.shadow and self._draw() < trial.shadow:
            self._shadows.add(tried, request, answer.prediction_id)
        return answer
