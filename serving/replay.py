"""Making a prediction again, by the version that made it and of the values that it was made from."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from uuid import UUID

from pydantic import ValidationError

from bookshelf.contracts import (
    MODEL_NAMES,
    Contract,
    ModelName,
    ModelRef,
    PriceRequest,
    RecommendationRequest,
    SentimentRequest,
    SimilarRequest,
)
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.prediction import PredictionRecord
from bookshelf.prediction_contracts import ReplayReply
from serving.answers import Answers
from serving.appointment import Appointment
from serving.champions import Champion
from serving.difference import difference
from serving.shelf import Shelf
from serving.used import Used, features_of_json

# Versions that are kept loaded although they are not on duty, each as large as a champion: one a model.
_KEPT = len(MODEL_NAMES)


class Registry(Protocol):
    """What replaying needs of the registry."""

    def version(self, name: ModelName, version: str, run_id: str) -> Appointment: ...

    def champion(self, appointed: Appointment) -> Champion: ...


class Replays:
    """Versions that are on duty are asked themselves, others are loaded by their number and kept a while."""

    def __init__(self, registry: Registry, shelf: Shelf, answers_of: Callable[[Champion], Answers]) -> None:
        self._registry = registry
        self._shelf = shelf
        self._answers_of = answers_of
        self._loaded: OrderedDict[tuple[str, str, str], Answers] = OrderedDict()
        # One thread, so that no version is loaded twice at once.
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")

    async def replay(self, record: PredictionRecord) -> ReplayReply:
        """The prediction made again beside the one on record.

        Raises `NotFound` if its version is not in the registry any more, or if a contract that has changed
        since does not allow its question, and `ModelUnavailable` with the reason if the version cannot be
        loaded, or if the catalogue, where it asked that, cannot be read.
        """
        question = _question(record)
        answers = self._on_duty(record)
        if answers is None:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._loading, self._kept_or_loaded, record)
        answer = await answers.again(question, _used(record))
        if isinstance(answer, BookshelfError):
            raise answer
        before, now = json.loads(record.answer), json.loads(answer.model_dump_json())
        largest, differs = difference(before, now)
        return ReplayReply(
            prediction_id=UUID(record.prediction_id),
            model=ModelRef(name=record.model, version=record.version),
            equal=not differs,
            largest_difference=largest,
            differs=differs,
            answer=before,
            replayed=now,
        )

    def _on_duty(self, record: PredictionRecord) -> Answers | None:
        answers = self._shelf[record.model].answers
        return answers if answers is not None and _key(answers.champion) == _key(record) else None

    def _kept_or_loaded(self, record: PredictionRecord) -> Answers:
        key = _key(record)
        if key not in self._loaded:
            appointed = self._registry.version(record.model, record.version, record.run_id)
            self._loaded[key] = self._answers_of(self._registry.champion(appointed))
        self._loaded.move_to_end(key)
        if len(self._loaded) > _KEPT:
            self._loaded.popitem(last=False)
        return self._loaded[key]


def _key(made_by: PredictionRecord | Champion) -> tuple[str, str, str]:
    name = made_by.model if isinstance(made_by, PredictionRecord) else made_by.name
    return name, made_by.version, made_by.run_id


def _question(record: PredictionRecord) -> Contract:
    try:
        return _contract_of(record).model_validate_json(record.inputs)
    except ValidationError as error:  # the release that took it had another contract
        reason = "; ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise NotFound("prediction_id", f"what was asked is no question any more: {reason}") from error


def _contract_of(record: PredictionRecord) -> type[Contract]:
    match record.model:
        case "price":
            return PriceRequest
        case "sentiment":
            return SentimentRequest
        case "recommender" if record.book_id is not None:
            return RecommendationRequest
    return SimilarRequest


def _used(record: PredictionRecord) -> Used:
    features = None if record.features is None else features_of_json(record.features)
    return Used(features, snapshot_id=record.snapshot_id)
