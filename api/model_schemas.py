"""Models as the registry and its log have them, and orders to the trainer, as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.pages import Page
from bookshelf.contracts import ModelsReply, Problem
from bookshelf.model_orders import Order, OrderKind, OrderStatus
from bookshelf.promotions import Action
from bookshelf.trial import Shares


class PromotionReply(BaseModel):
    """`to_version` took the place of `from_version`, or was refused it; null where there was none.

    `by_hand` was done in the registry itself, past gate and log, and found a moment later. `scores` are
    each version's own, beside its baseline's, and the difference of their losses on the same held-out rows,
    below 0 where the new one is better. `snapshot_id` is the state of the catalogue it learnt from.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    model: str
    action: Action
    from_version: str | None
    to_version: str | None
    who: str
    reason: str
    scores: dict[str, Any]
    snapshot_id: int | None


class LiveReply(BaseModel):
    """The version that was live, and the change that had put it on duty."""

    version: str
    since: datetime
    action: Action
    who: str
    reason: str


class HistoryPage(Page[PromotionReply]):
    """One page of what happened to a model, the newest first; `live` is null where none was live."""

    live: LiveReply | None = None


class StandingReply(BaseModel):
    """A model's aliases in the registry and all its versions, as they were last seen: so since `seen_at`.

    `champion` serves, `challenger` was trained or judged last, `previous` was champion before the champion.
    `last_promotion` put the champion on duty. All are null where nothing is known.
    """

    name: str
    champion: str | None
    challenger: str | None
    previous: str | None
    versions: list[str]
    seen_at: datetime | None
    last_promotion: PromotionReply | None


class RegisteredModelsReply(ModelsReply):
    """`items` are the models as they are served now, `registry` is what should serve and could.

    `unavailable` says why `items` are empty, null where the model server has answered.
    """

    registry: tuple[StandingReply, ...]
    unavailable: str | None


class OrderReply(BaseModel):
    """What was asked of the trainer. `outcome` says how it ended, `attempts` how often it was begun.

    While it is running, the trainer must be heard of by `lease_until`; if it is not, the next one takes it
    up again.
    """

    order_id: str
    kind: OrderKind
    model: str
    version: str | None = Field(description="To be put on duty; null for one that is still to be trained.")
    requested_by: str
    reason: str
    status: OrderStatus
    requested_at: datetime
    started_at: datetime | None
    lease_until: datetime | None
    finished_at: datetime | None
    attempts: int
    outcome: str | None
    trial: Shares | None = Field(description="Of one that puts the version on trial; none ends the trial.")

    @classmethod
    def of(cls, order: Order) -> OrderReply:
        facts = {name: getattr(order, name) for name in cls.model_fields if name != "order_id"}
        return cls(order_id=order.id, **facts)


class OrderPage(Page[OrderReply]):
    """One page of the orders, the newest first."""


class OrderProblem(Problem):
    """An order of the model is in the way: `order_id` says which."""

    order_id: str
