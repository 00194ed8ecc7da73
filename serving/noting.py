"""From an answer to its record: it gets an id, and the log all that it takes to make it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic_core import to_json

from bookshelf.catalogue import now
from bookshelf.contracts import (
    Contract,
    Predicted,
    PriceReply,
    RecommendationReply,
    SentimentReply,
    SimilarReply,
)
from bookshelf.prediction import PredictionRecord, Role, new_id
from serving.champions import Champion
from serving.prediction_log import PredictionLog
from serving.used import Used, features_as_json

Replied = TypeVar("Replied", bound=Predicted)


@dataclass(frozen=True, slots=True)
class Part:
    """The part that an answer plays, in a trial or outside of one.

    `shadow_of` is the prediction that a shadow was made beside; `arm` is told in the answer.
    """

    role: Role = "champion"
    shadow_of: str | None = None
    arm: str | None = None


OUTSIDE_A_TRIAL = Part()


def noted(
    log: PredictionLog,
    champion: Champion,
    question: Contract,
    answer: Replied,
    used: Used,
    snapshot_id: int | None,
    part: Part = OUTSIDE_A_TRIAL,
) -> Replied:
    """The answer under an id of its own, noted in the log.

    `snapshot_id` is the catalogue's newest, for a model that does not ask it.
    """
    at = now()
    told = answer.model_copy(update={"prediction_id": new_id(at), "arm": part.arm})
    log.note(_record(at, champion, question, told, used, snapshot_id, part))
    return told


def _record(
    at: datetime,
    champion: Champion,
    question: Contract,
    answer: Predicted,
    used: Used,
    snapshot_id: int | None,
    part: Part,
) -> PredictionRecord:
    assert answer.prediction_id is not None  # it was given one just now
    return PredictionRecord(
        prediction_id=answer.prediction_id,
        at=at,
        model=champion.name,
        version=champion.version,
        run_id=champion.run_id,
        role=part.role,
        shadow_of=part.shadow_of,
        book_id=getattr(question, "book_id", None),
        value=_value(answer),
        label=answer.sentiment if isinstance(answer, SentimentReply) else None,
        inputs=question.model_dump_json(exclude_none=True),
        features=None if used.features is None else features_as_json(used.features),
        event_times=to_json(used.event_times).decode() if used.event_times else None,
        # A recommender that knew of no offer must be known to have known of none.
        snapshot_id=used.snapshot_id if champion.name == "recommender" else snapshot_id,
        answer=answer.model_dump_json(),
    )


def _value(answer: Predicted) -> float | None:
    match answer:
        case PriceReply():
            return answer.price
        case SentimentReply():
            return answer.score
        case RecommendationReply() | SimilarReply() if answer.items:
            return answer.items[0].score
    return None
