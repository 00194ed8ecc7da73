"""Many inputs for one model: each is checked alone, and told what became of it, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from bookshelf.contracts import Contract, Prediction, Problem, SimilarReply
from bookshelf.errors import BookshelfError
from serving.answers import Answer
from serving.problems import broken_contract, of_error


def checked(contract: type[Contract], inputs: Sequence[dict[str, Any]]) -> list[Contract | Problem]:
    """Each input as that contract has it, or what is wrong with it under `inputs.<index>.<field>`."""
    return [_check(contract, index, one) for index, one in enumerate(inputs)]


def predictions(inputs: Sequence[Contract | Problem], answers: Sequence[Answer]) -> list[Prediction]:
    """One prediction or one error for each of the inputs, of which the sound have these answers."""
    rest = iter(answers)
    return [
        _prediction(index, one if isinstance(one, Problem) else next(rest))
        for index, one in enumerate(inputs)
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
