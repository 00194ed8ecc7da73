"""Predictions that were made: shown by their id, and judged by people who know better since."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

from bookshelf.catalogue import now
from bookshelf.contracts import ModelName, ModelRef
from bookshelf.errors import InvalidBook, NotFound
from bookshelf.prediction import FeedbackRecord, PredictionRecord, as_fields
from bookshelf.prediction_contracts import FeedbackReply, FeedbackRequest, LoggedPrediction
from serving.prediction_log import PredictionLog

#: What can be said about the predictions of a model.
_SAID: dict[ModelName, str] = {"price": "value", "sentiment": "sentiment", "recommender": "chosen"}
_AS_JSON = ("inputs", "features", "event_times", "answer")


async def made(log: PredictionLog, prediction_id: UUID) -> PredictionRecord:
    """The prediction with that id. Raises `NotFound`."""
    record = await log.find(prediction_id)
    if record is None:
        raise NotFound("prediction_id", f"no prediction with the id {prediction_id} is in the log")
    return record


async def shown(log: PredictionLog, prediction_id: UUID) -> LoggedPrediction:
    """The prediction with that id, and what was said about it. Raises `NotFound`."""
    record = await made(log, prediction_id)
    said = await asyncio.to_thread(log.files.feedback_on, prediction_id)
    told: dict[str, Any] = as_fields(record)
    told |= {name: None if told[name] is None else json.loads(told[name]) for name in _AS_JSON}
    told = {name: told[name] for name in LoggedPrediction.model_fields if name in told}
    model = ModelRef(name=record.model, version=record.version)
    return LoggedPrediction.model_validate(told | {"model": model, "feedback": tuple(map(_reply, said))})


async def judged(log: PredictionLog, request: FeedbackRequest) -> FeedbackReply:
    """Keep what is said about a prediction.

    Raises `NotFound` without such a prediction, and `InvalidBook` if that cannot be said of its model.
    """
    record = await made(log, request.prediction_id)
    name = _SAID[record.model]
    if getattr(request, name) is None:
        given = next(other for other in _SAID.values() if getattr(request, other) is not None)
        wanted = f"left out of feedback on a prediction of the {record.model} model, to which {name} belongs"
        raise InvalidBook(given, wanted, getattr(request, given))
    kept = FeedbackRecord(
        feedback_id=str(request.feedback_id),
        prediction_id=record.prediction_id,
        at=now(),
        model=record.model,
        value=request.value,
        label=request.sentiment,
        chosen=request.chosen,
    )
    await asyncio.to_thread(log.keep_feedback, kept)
    return _reply(kept)


def _reply(kept: FeedbackRecord) -> FeedbackReply:
    return FeedbackReply.model_validate(
        {
            "feedback_id": kept.feedback_id,
            "at": kept.at,
            "value": kept.value,
            "sentiment": kept.label,
            "chosen": kept.chosen,
        }
    )
