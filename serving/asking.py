"""Questions to the models: by whom each is answered, counted under its version and noted in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from bookshelf.contracts import Contract, ModelName, ModelRef, PredictionsReply, PredictionsRequest, Problem
from bookshelf.errors import BookshelfError
from serving.answers import Answer, Answers, Reply
from serving.batch import checked, predictions
from serving.champions import Champion
from serving.metrics import count_predictions
from serving.newest import NewestSnapshot
from serving.noting import OUTSIDE_A_TRIAL, Part, noted
from serving.prediction_log import PredictionLog
from serving.shelf import Shelf
from serving.trials import Trials
from serving.used import Used

# So many are noted in less time than handing them to a thread and back takes.
_AT_ONCE = 100


class Asking:
    """Puts questions to who is on the shelf. Raises `ModelUnavailable` where nobody is on duty."""

    def __init__(self, shelf: Shelf, log: PredictionLog, newest: NewestSnapshot) -> None:
        self._shelf = shelf
        self._log = log
        self._newest = newest
        self._trials = Trials(self._by, self._in_shadow)

    async def one(self, name: ModelName, request: Contract) -> Reply:
        """The champion's answer or, in a trial, perhaps the challenger's. Raises its error if it has one."""
        [answer] = await self._answers(self._shelf.answers(name), [request])
        if isinstance(answer, BookshelfError):
            raise answer
        return answer

    async def many(self, request: PredictionsRequest) -> PredictionsReply:
        """One prediction or one error for each input, by the version that would answer it by itself."""
        champion = self._shelf.answers(request.model)
        inputs = checked(champion.contract, request.inputs)
        sound = [one for one in inputs if not isinstance(one, Problem)]
        answers = await self._answers(champion, sound)
        _count(champion.champion, made=0, refused=len(inputs) - len(sound))
        items = predictions(inputs, answers)
        return PredictionsReply(items=tuple(items), model=_made_by(answers, champion.champion.ref))

    async def _answers(self, champion: Answers, requests: Sequence[Contract]) -> list[Answer]:
        """The champion's answers or, in a trial, those of the version that is each one's."""
        challenger = self._shelf.challenger(champion.champion.name)
        if challenger is None:
            return await self._by(champion, requests)
        return await self._trials.answers(champion, challenger, requests)

    async def _by(
        self, answers: Answers, requests: Sequence[Contract], part: Part = OUTSIDE_A_TRIAL
    ) -> list[Answer]:
        used: list[Used] = []
        found = await answers(requests, used)
        champion, snapshot_id = answers.champion, self._newest.id
        refused = sum(isinstance(one, BookshelfError) for one in found)
        _count(champion, made=len(found) - refused, refused=refused)

        def all_noted() -> list[Answer]:
            return [
                one
                if isinstance(one, BookshelfError)
                else noted(self._log, champion, question, one, by, snapshot_id, part)
                for question, one, by in zip(requests, found, used, strict=True)
            ]

        return all_noted() if len(found) <= _AT_ONCE else await asyncio.to_thread(all_noted)

    def _in_shadow(self, answers: Answers) -> bool:
        challenger = self._shelf.challenger(answers.champion.name)
        return challenger is not None and challenger.answers is answers and challenger.trial.shadow > 0


def _made_by(answers: Iterable[Answer], champion: ModelRef) -> ModelRef:
    """The version that has made all of the answers; the champion where none or several have."""
    versions = {one.model for one in answers if not isinstance(one, BookshelfError)}
    return versions.pop() if len(versions) == 1 else champion


def _count(champion: Champion, *, made: int, refused: int) -> None:
    count_predictions(champion.name, champion.version, made=made, refused=refused)
