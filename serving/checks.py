"""What a version must show before it goes on duty: it reads what there is, and it answers as asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from bookshelf.contracts import Contract, PriceRequest, RecommendationRequest, SentimentRequest
from bookshelf.errors import BookshelfError, ModelUnavailable
from features import schema
from serving.answers import Answers
from serving.champions import Champion

_SHOWN = 10


def check_inputs(champion: Champion, question: type[Contract], online: Collection[str] | None) -> None:
    """Refuse a version that reads what neither its feature service nor the question has.

    `online` are the features that the store knows, spelled `view:feature`; None if that cannot be told.
    The price is what is asked for, so that no model may read it. Raises `ModelUnavailable`.
    """
    service = feature_service(champion)
    if service not in schema.SERVICES:
        raise ModelUnavailable(f"{_named(champion)} reads an unknown feature service, {service!r}")
    offered = {
        name: f"{view}:{name}"
        for view, names in schema.SERVICES[service].items()
        for name in names
        if view != schema.PRICE_VIEW
    }
    made = {schema.LAYERS} if champion.encoder is not None else set()  # by the encoder it is served with
    named = [name for name in champion.inputs if name not in made]
    wanted = [name for name in named if name not in question.model_fields or name in offered]
    if unknown := [name for name in wanted if name not in offered]:
        raise ModelUnavailable(
            f"{_named(champion)} expects {_listed(unknown)}, which the feature service {service} has not"
        )
    missing = [offered[name] for name in wanted if online is not None and offered[name] not in online]
    if missing:
        raise ModelUnavailable(
            f"{_named(champion)} expects {_listed(missing)}, which the online feature store has not: "
            "run `python -m ingestion publish`"
        )


def feature_service(champion: Champion) -> str:
    """A model that learnt from a corpus names no service; the one of its name feeds it descriptions."""
    return champion.tags.get("feature_service", f"{champion.name}_model")


def rehearse(answers: Answers) -> None:
    """Ask one question as a caller would, which warms everything up. Raises `ModelUnavailable`.

    A model that predicts is not yet one that answers: it may lack what an answer tells, such as a currency.
    """
    champion = answers.champion
    try:
        question = _question(champion)
        [answer] = asyncio.run(answers([question]))
        if isinstance(answer, BookshelfError):
            raise answer
        type(answer).model_validate_json(answer.model_dump_json())  # as it is read at the other end
    # Whatever a model raises that is not what it should be.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelUnavailable(f"{_named(champion)} does not answer as it should: {reason}") from error


def _question(champion: Champion) -> Contract:
    match champion.name:
        case "price":
            category = next(iter(filter(None, champion.model.categories)), "Fiction")
            told = {"rating": 3, "category": category, "availability": "In stock"}
            return PriceRequest.model_validate(told)
        case "recommender":
            return RecommendationRequest(book_id=int(champion.model.book_ids[0]))
    return SentimentRequest(description="A warm and funny book that I could not put down.")


def _named(champion: Champion) -> str:
    return f"{champion.name} version {champion.version}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(list(names)[:_SHOWN])
