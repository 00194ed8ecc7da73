"""Predictions that were made: shown, made again, and judged by those who know better since."""

from __future__ import annotations

from uuid import uuid4

from flask import Response

from api.auth import admin_only
from api.documentation import BEARER, group, problems
from api.model_inputs import PredictionPath
from api.parts import parts
from api.wire import json_reply
from bookshelf.prediction_contracts import (
    Feedback,
    FeedbackReply,
    FeedbackRequest,
    LoggedPrediction,
    PredictionLookup,
    ReplayReply,
)

predictions = group(
    "predictions", "/ml/predictions", "What was predicted, and what came of it.", 404, 422, 503
)


@predictions.get("/<prediction_id>", responses={200: LoggedPrediction})
def one_prediction(path: PredictionPath) -> Response:
    """What was asked and answered, by which version, made from what, and what was said about it since.

    The id is the `prediction_id` of the answer. What is older than the log is kept for is a 404.
    """
    return json_reply(parts().gateway.prediction(PredictionLookup(prediction_id=path.prediction_id)))


@predictions.get("/<prediction_id>/replay", responses={200: ReplayReply})
def replay_prediction(path: PredictionPath) -> Response:
    """The same prediction once more, by the same version and of the same values, beside the first.

    A version that is not on duty any more is loaded, which takes a moment. One that the registry does not
    have any more is a 404, one that cannot be loaded a 503 with the reason.
    """
    return json_reply(parts().gateway.replay(PredictionLookup(prediction_id=path.prediction_id)))


@predictions.post(
    "/<prediction_id>/feedback",
    responses={201: FeedbackReply, **problems(400, 401, 413, 415)},
    security=BEARER,
)
@admin_only()
def give_feedback(path: PredictionPath, body: Feedback) -> Response:
    """What is known of a prediction by now.

    Of a price, the `value` that it really had; of a text, the `sentiment` that it really has; of
    recommendations, the id of the book that was `chosen`. It is kept beside the prediction and shown with
    it; a second one does not take the place of the first.
    """
    request = FeedbackRequest(prediction_id=path.prediction_id, feedback_id=uuid4(), **body.model_dump())
    return json_reply(parts().gateway.feedback(request), 201)
