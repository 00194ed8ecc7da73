"""Questions while a trial is on: by whom each is answered, and who is asked it in shadow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from bookshelf.contracts import Contract
from bookshelf.errors import BookshelfError
from serving.answers import Answer, Answers, Reply
from serving.arms import CALLER, is_challengers
from serving.challenged import Ask, Challenged
from serving.noting import OUTSIDE_A_TRIAL, Part
from serving.shadows import Shadows
from serving.shelf import Challenger

_CHALLENGER = Part(role="challenger", arm="challenger")
_CHAMPION = Part(arm="champion")


class Trials:
    """Shares the questions out between champion and challenger, of whom only the champion must answer.

    `in_shadow` says of a version whether it is still to be asked so: a shadow may have waited for a while.
    """

    def __init__(
        self, ask: Ask, in_shadow: Callable[[Answers], bool], draw: Callable[[], float] = random.random
    ) -> None:
        self._ask = ask
        self._draw = draw
        self._challenged = Challenged(ask)
        self._shadows = Shadows(self._challenged, in_shadow)

    async def answers(
        self, champion: Answers, challenger: Challenger, requests: Sequence[Contract]
    ) -> list[Answer]:
        """Of each question the answer of the version whose it is: many at once are each answered as alone.

        The champion answers where the challenger does not, and errors are always the champion's.
        """
        tried, trial = challenger.answers, challenger.trial
        assert tried is not None  # a challenger that cannot answer is not asked
        found = await self._of_challenger(tried, trial.share, requests)
        left = [one for one, answer in zip(requests, found, strict=True) if answer is None]
        part = _CHAMPION if trial.share else OUTSIDE_A_TRIAL
        answers = await self._ask(champion, left, part) if left else []
        if trial.shadow:
            self._shadow(tried, trial.shadow, zip(left, answers, strict=True))
        rest = iter(answers)
        return [next(rest) if one is None else one for one in found]

    async def _of_challenger(
        self, tried: Answers, share: float, requests: Sequence[Contract]
    ) -> list[Reply | None]:
        """What it answers to those that are its own; None for all others."""
        name, caller = tried.champion.name, CALLER.get()
        its_own = [bool(share) and is_challengers(name, caller, one, share) for one in requests]
        asked = [one for one, is_its_own in zip(requests, its_own, strict=True) if is_its_own]
        answers = iter(await self._challenged.ask(tried, asked, _CHALLENGER) if asked else [])
        return [next(answers) if is_its_own else None for is_its_own in its_own]

    def _shadow(self, tried: Answers, share: float, answered: Iterable[tuple[Contract, Answer]]) -> None:
        """Put that share of what the champion has answered to the challenger too, later."""
        for request, answer in answered:
            if not isinstance(answer, BookshelfError) and self._draw() < share:
                self._shadows.add(tried, request, answer.prediction_id)
