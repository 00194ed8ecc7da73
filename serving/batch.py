"""Many inputs for one model: each is checked alone, all that are sound are answered together, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from bookshelf.contracts import Contract, Prediction, Problem, SimilarReply
from bookshelf.errors import BookshelfError
from serving.answers import Answer, Answers
from serving.problems import broken_contract, of_error


async def predictions(answers: Answers, inputs: Sequence[dict[str, Any]]) -> list[Prediction]:
    """One prediction or one error per input; the fields of an error are named `inputs.<index>.<field>`."""
    checked = [_check(answers.contract, index, one) for index, one in enumerate(inputs)]
    rest = iter(await answers([one for one in checked if not isinstance(one, Problem)]))
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
