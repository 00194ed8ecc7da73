"""Which versions serve, served and could; and asking the trainer for another, which another process does."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from api import addresses
from api.auth import admin_only
from api.documentation import BEARER, group, order_in_the_way, problems
from api.model_inputs import (
    ChangeRequest,
    HistoryQuery,
    ModelPath,
    OrderPath,
    OrdersQuery,
    RetrainRequest,
    TrialRequest,
)
from api.model_schemas import (
    HistoryPage,
    LiveReply,
    OrderPage,
    OrderReply,
    PromotionReply,
    RegisteredModelsReply,
    StandingReply,
)
from api.parts import parts
from api.wire import json_reply
from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES, ModelsReply
from bookshelf.errors import ModelUnavailable
from bookshelf.model_orders import OrderKind
from bookshelf.model_requests import version_to_go_back_to, version_to_promote, version_to_try
from bookshelf.promotions import Promotion
from bookshelf.standings import Standing
from bookshelf.trial import Shares

models = group("models", "/ml", "What of the models serves, and what is asked of the trainer.", 422, 503)
_ORDERED = {202: OrderReply, **problems(400, 401, 404, 413, 415), **order_in_the_way()}


@models.get("/models", responses={200: RegisteredModelsReply})
def list_models() -> Response:
    """The models now served, with their versions; and what the registry has of each.

    Where the model server cannot be reached, `unavailable` says so, and the rest is told all the same.
    """
    served, unavailable = _served()
    standings, last = parts().standings.all(), parts().promotions.standing()
    registry = tuple(_standing(name, standings.get(name), last.get(name)) for name in MODEL_NAMES)
    return json_reply(
        RegisteredModelsReply(**served.model_dump(), registry=registry, unavailable=unavailable)
    )


@models.get("/models/<name>/history", responses={200: HistoryPage, **problems(404)})
def history(path: ModelPath, query: HistoryQuery) -> Response:
    """What was promoted, refused, rolled back and changed by hand, the newest first, and what is live.

    With `at`, what was live then, and what had happened until then.
    """
    log = parts().promotions
    found, total = log.page(path.name, number=query.page, size=query.page_size, at=query.at)
    page = HistoryPage.of(map(PromotionReply.model_validate, found), total, query)
    live = log.at(query.at or now()).get(path.name)
    return json_reply(page.model_copy(update={"live": None if live is None else _live(live)}))


@models.post("/models/<name>/promote", responses=_ORDERED, security=BEARER)
@admin_only()
def promote_model(path: ModelPath, body: ChangeRequest) -> Response:
    """Send a version, the newest if none is named, to its gate; it serves if it passes.

    Answers at once; `Location` says where the order can be watched. A version that is not there is a 404,
    one that is on duty already a 409, and so is another order of that model that is not done, which is
    named.
    """
    version = version_to_promote(parts().standings, path.name, _text(body.version))
    return _order("promote", path.name, body.reason, version)


@models.post("/models/<name>/rollback", responses=_ORDERED, security=BEARER)
@admin_only()
def roll_model_back(path: ModelPath, body: ChangeRequest) -> Response:
    """Put a version back on duty that was so before: the one before the champion if none is named.

    No gate judges it, so it serves within seconds. A version that is not there is a 404; one that is on
    duty, or never was, a 409, as where there is none to go back to, or another order of that model is not
    done, which is named.
    """
    version = version_to_go_back_to(parts().standings, parts().promotions, path.name, _text(body.version))
    return _order("rollback", path.name, body.reason, version)


@models.post("/models/<name>/trial", responses=_ORDERED, security=BEARER)
@admin_only()
def try_model_out(path: ModelPath, body: TrialRequest) -> Response:
    """Try a version, the challenger if none is named, beside the champion; without any share, end the trial.

    Serving follows within seconds, and `GET /ml/models` says what is on. No gate judges the version, only
    whether it can answer. A version that is not there is a 404; one that is on duty a 409, as where there
    is no challenger, or another order of that model is not done, which is named.
    """
    version = None if body.off else version_to_try(parts().standings, path.name, _text(body.version))
    return _order("trial", path.name, body.reason, version, body.shares)


@models.post("/models/<name>/retrain", responses=_ORDERED, security=BEARER)
@admin_only()
def retrain_model(path: ModelPath, body: RetrainRequest) -> Response:
    """Train a version as the champion was trained, on what is known now, and send it to its gate.

    409 while another order of that model is not done, which is named.
    """
    return _order("retrain", path.name, body.reason, None)


@models.get("/orders", responses={200: OrderPage})
def list_orders(query: OrdersQuery) -> Response:
    """Everything that was asked of the trainer, the newest first."""
    found, total = parts().orders.page(number=query.page, size=query.page_size, model=query.model)
    return json_reply(OrderPage.of(map(OrderReply.of, found), total, query))


@models.get("/orders/<order_id>", responses={200: OrderReply, **problems(404)})
def one_order(path: OrderPath) -> Response:
    """How that order stands, and how it ended if it has."""
    return json_reply(OrderReply.of(parts().orders.get(str(path.order_id))))


def _served() -> tuple[ModelsReply, str | None]:
    """What is served; nothing, and why, where nobody can say."""
    try:
        return parts().gateway.models(), None
    except ModelUnavailable as error:
        return ModelsReply(items=()), str(error)


def _order(
    kind: OrderKind, name: str, reason: str, version: str | None, trial: Shares | None = None
) -> Response:
    order = parts().orders.request(
        kind, name, parts().admin.name, reason or "asked for without a reason", now(), version, trial
    )
    return json_reply(OrderReply.of(order), 202, {"Location": addresses.order(order.id)})


def _standing(name: str, found: Standing | None, last: Promotion | None) -> StandingReply:
    nothing = dict.fromkeys(("champion", "challenger", "previous", "seen_at"))
    facts = nothing | {"versions": ()} if found is None else asdict(found)
    told = None if last is None else PromotionReply.model_validate(last)
    return StandingReply.model_validate(facts | {"name": name, "last_promotion": told})


def _live(change: Promotion) -> LiveReply:
    assert change.to_version is not None
    return LiveReply(
        version=change.to_version,
        since=change.at,
        action=change.action,
        who=change.who,
        reason=change.reason,
    )


def _text(version: int | None) -> str | None:
    return None if version is None else str(version)
