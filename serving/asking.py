"""Questions to the models: by whom each is answered, counted under its version and noted in the log."""

from __future__ import annotations

from functools import partial

from bookshelf.contracts import Contract, ModelName, PredictionsReply, PredictionsRequest
from bookshelf.errors import BookshelfError
from serving.answers import Answers, Reply
from serving.batch import predictions
from serving.champions import Champion
from serving.metrics import count_predictions
from serving.newest import NewestSnapshot
from serving.noting import OUTSIDE_A_TRIAL, Part, Replied, noted
from serving.prediction_log import PredictionLog
from serving.shelf import Shelf
from serving.trials import Trials
from serving.used import Used


class Asking:
    """Puts questions to who is on the shelf. Raises `ModelUnavailable` where nobody is on duty."""

    def __init__(self, shelf: Shelf, log: PredictionLog, newest: NewestSnapshot) -> None:
        self._shelf = shelf
        self._log = log
        self._newest = newest
        self._trials = Trials(self._by)

    async def one(self, name: ModelName, request: Contract) -> Reply:
        """The champion's answer or, in a trial, perhaps the challenger's. Raises its error if it has one."""
        champion, challenger = self._shelf.answers(name), self._shelf.challenger(name)
        if challenger is None:
            return await self._by(champion, request)
        return await self._trials.answer(champion, challenger, request)

    async def many(self, request: PredictionsRequest) -> PredictionsReply:
        """One prediction or one error of the champion's for each input; no trial is made with these."""
        answers = self._shelf.answers(request.model)
        items = await predictions(answers, request.inputs, partial(self._noted, answers.champion))
        refused = sum(one.error is not None for one in items)
        _count(answers.champion, made=len(items) - refused, refused=refused)
        return PredictionsReply(items=tuple(items), model=answers.champion.ref)

    async def _by(self, answers: Answers, request: Contract, part: Part = OUTSIDE_A_TRIAL) -> Reply:
        used: list[Used] = []
        [answer] = await answers([request], used)
        if isinstance(answer, BookshelfError):
            _count(answers.champion, made=0, refused=1)
            raise answer
        _count(answers.champion, made=1, refused=0)
        return self._noted(answers.champion, request, answer, used[0], part)

    def _noted(
        self,
        champion: Champion,
        question: Contract,
        answer: Replied,
        used: Used,
        part: Part = OUTSIDE_A_TRIAL,
    ) -> Replied:
        return noted(self._log, champion, question, answer, used, self._newest.id, part)


def _count(champion: Champion, *, made: int, refused: int) -> None:
    count_predictions(champion.name, champion.version, made=made, refused=refused)
