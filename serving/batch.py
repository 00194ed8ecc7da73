"""Many inputs for one model: each is checked alone, all that are sound are answered together, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from bookshelf.contracts import Contract, Prediction, Problem, SimilarReply
from bookshelf.errors import BookshelfError
from serving.answers import Answer, Answers, Reply
from serving.problems import broken_contract, of_error
from serving.used import Used

#: Notes an answer to a question by what it was made from; returns it with its id.
Note = Callable[[Contract, Reply, Used], Reply]

# So many take less time than handing them to a thread and back.
_AT_ONCE = 100


async def predictions(answers: Answers, inputs: Sequence[dict[str, Any]], note: Note) -> list[Prediction]:
    """One prediction or one error per input; the fields of an error are named `inputs.<index>.<field>`."""
    checked = [_check(answers.contract, index, one) for index, one in enumerate(inputs)]
    sound = [one for one in checked if not isinstance(one, Problem)]
    used: list[Used] = []
    found = await answers(sound, used)

    def noted() -> list[Answer]:
        told = zip(sound, found, used, strict=True)
        return [
            one if isinstance(one, BookshelfError) else note(question, one, by) for question, one, by in told
        ]

    rest = iter(noted() if len(found) <= _AT_ONCE else await asyncio.to_thread(noted))
    return [
        _prediction(index, one if isinstance(one, Problem) else next(rest))
        for index, one in enumerate(checked)
    ]


def _check(contract: type[Contract], index: int, values: dict[str, Any]) -> Contract | Problem:
    try:
        return contract.model_validate(values)
    except ValidationError as error:
        return broken_contract(error, place=f"inputs.{index}")


def _prediction(index: int, answer: Answer | Problem) -> Prediction:
    if isinstance(answer, BookshelfError):
        answer = of_error(answer, place=f"inputs.{index}")
    if isinstance(answer, Problem):
        return Prediction(index=index, error=answer)
    assert not isinstance(answer, SimilarReply)  # no batch asks for one
    return Prediction(index=index, prediction=answer)
