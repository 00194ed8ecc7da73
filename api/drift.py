"""How far the books have moved from those that the models learnt from, as the trainer has measured it."""

from __future__ import annotations

from flask import Response

from api.documentation import group
from api.drift_schemas import DriftPage, DriftReply
from api.inputs import DriftQuery
from api.parts import parts
from api.wire import json_reply

drift = group("drift", "/ml", "How far the books have moved from those the models learnt from.", 422, 503)


@drift.get("/drift", responses={200: DriftPage})
def list_drift(query: DriftQuery) -> Response:
    """How far the books on offer are from those that the models have learnt from, the newest publish first.

    Each publish is compared with what the version then on duty had learnt from, feature by feature, the
    worst first, and so are that version's predictions. Where enough of the last windows violate, the model
    is trained anew: `order_id` names the order. `answers` is what the version has told its callers.
    """
    found, total = parts().drift.page(query.model, number=query.page, size=query.page_size)
    return json_reply(DriftPage.of(map(DriftReply.model_validate, found), total, query))
