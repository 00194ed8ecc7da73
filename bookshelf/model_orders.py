"""What the API, the schedule or a rule asks of the trainer: one order a model at a time, held on a lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bookshelf.database import reading, writing
from bookshelf.errors import Conflict, NotFound, OrderInProgress
from bookshelf.model_notices import tell_of_failed_order
from bookshelf.model_tables import orders
from bookshelf.runs import LEASE
from bookshelf.trial import Shares

OrderKind = Literal["promote", "rollback", "retrain", "trial"]
OrderStatus = Literal["queued", "running", "succeeded", "refused", "failed"]
KINDS: tuple[OrderKind, ...] = ("promote", "rollback", "retrain", "trial")

#: An order whose trainer dies is taken up again, but not one that trainers keep dying of.
MOST_ATTEMPTS = 3
_DIED = f"its trainer died {MOST_ATTEMPTS} times before it was done"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked, of which model, and how that stands; `outcome` says how it ended.

    `version` is the one to put on duty, None where a new one is to be trained: an order may be carried out
    twice, and what was before the champion, or is the newest, is another version the second time. `trial`
    are the `Shares` of one to put the version on trial, of nothing where its trial is to end.
    """

    id: str
    kind: OrderKind
    model: str
    version: str | None
    requested_by: str
    reason: str
    status: OrderStatus
    requested_at: datetime
    started_at: datetime | None
    lease_until: datetime | None
    finished_at: datetime | None
    attempts: int
    outcome: str | None
    trial: Mapping[str, float] | None = None


class ModelOrders:
    """Every order of one catalogue database, of which at most one a model is queued or running."""

    def __init__(self, engine: Engine, lease: timedelta = LEASE) -> None:
        self.engine = engine
        self.lease = lease

    def request(
        self,
        kind: OrderKind,
        model: str,
        requested_by: str,
        reason: str,
        at: datetime,
        version: str | None = None,
        trial: Shares | None = None,
        *,
        noted: Callable[[Connection, str], None] | None = None,
    ) -> Order:
        """Queue an order. Raises `OrderInProgress`, naming it, while another of the model is not done.

        `noted` puts its id on record elsewhere, in the same transaction. Raises `ValueError` for one to
        promote or to go back to that names no version, or a training with one.
        """
        ends = trial is not None and trial.off
        if (version is None) != (kind == "retrain" or ends):
            raise ValueError(f"an order to {kind} names {'no version' if kind == 'retrain' else 'a version'}")
        order_id = str(uuid4())
        row = {
            "id": order_id,
            "kind": kind,
            "model": model,
            "version": version,
            "requested_by": requested_by,
            "reason": reason,
            "status": "queued",
            "active": model,
            "requested_at": at,
            "trial": None if trial is None else trial.model_dump(),
        }
        self.expire(at)
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(orders).values(row))
                if noted is not None:
                    noted(connection, order_id)
        except IntegrityError as error:
            raise self._in_progress(model) from error
        return self.get(order_id)

    def claim(self, holder: str, at: datetime, kinds: Sequence[OrderKind] = KINDS) -> Order | None:
        """Take the order of these kinds that has waited longest; None if none does. Only one gets it."""
        self.expire(at)
        waiting = (
            select(orders.c.id)
            .where(orders.c.status == "queued", orders.c.kind.in_(kinds))
            .order_by(orders.c.requested_at, orders.c.id)
            .limit(1)
        )
        with reading(self.engine) as connection:  # most often none does, and whoever writes is not held up
            if connection.execute(waiting).first() is None:
                return None
        with writing(self.engine) as connection:
            claimed = connection.execute(
                update(orders)
                .where(orders.c.id == waiting.scalar_subquery(), orders.c.status == "queued")
                .values(
                    status="running",
                    started_at=func.coalesce(orders.c.started_at, at),
                    lease_holder=holder,
                    lease_until=at + self.lease,
                    attempts=orders.c.attempts + 1,
                )
                .returning(orders.c.id)
            ).scalar()
            return None if claimed is None else _get(connection, claimed)

    def renew(self, order_id: str, holder: str, at: datetime) -> None:
        """The holder lives, and its lease runs on. Raises `Conflict` if it lost the order."""
        with writing(self.engine) as connection:
            _held(connection, order_id, holder, lease_until=at + self.lease)

    def finish(self, order_id: str, holder: str, at: datetime, status: OrderStatus, outcome: str) -> Order:
        """The order has ended. Raises `Conflict` if its holder has lost it."""
        with writing(self.engine) as connection:
            _held(connection, order_id, holder, **_ended(status, outcome, at))
            return _told(connection, order_id, at)

    def give_back(self, order_id: str, holder: str) -> None:
        """Queue an order again whose holder must stop; the try does not count. Raises `Conflict`."""
        with writing(self.engine) as connection:
            _held(
                connection,
                order_id,
                holder,
                status="queued",
                lease_holder=None,
                lease_until=None,
                attempts=orders.c.attempts - 1,
            )

    def expire(self, at: datetime) -> None:
        """Queue again what its holder was not heard of any more; fail what has cost several their lives."""
        with reading(self.engine) as connection:  # most often there is none, and no writer to wait for
            if connection.execute(select(orders.c.id).where(*_expired(at))).first() is None:
                return
        with writing(self.engine) as connection:
            again = {"status": "queued", "lease_holder": None, "lease_until": None}
            connection.execute(
                update(orders).where(*_expired(at), orders.c.attempts < MOST_ATTEMPTS).values(**again)
            )
            given_up = connection.execute(
                update(orders)
                .where(*_expired(at))
                .values(**_ended("failed", _DIED, at))
                .returning(orders.c.id)
            ).scalars()
            for order_id in list(given_up):
                _told(connection, order_id, at)

    def get(self, order_id: str) -> Order:
        """The order with that id. Raises `NotFound`."""
        with reading(self.engine) as connection:
            return _get(connection, order_id)

    def page(self, *, number: int, size: int, model: str | None = None) -> tuple[Sequence[Order], int]:
        """Page `number` (from 1) of the orders, of one model if named, newest first, and their number."""
        wanted = [orders.c.model == model] if model is not None else []
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).select_from(orders).where(*wanted)).scalar_one()
            rows = connection.execute(
                select(*_ORDER)
                .where(*wanted)
                .order_by(orders.c.requested_at.desc(), orders.c.id)
                .limit(size)
                .offset((number - 1) * size)
            ).all()
        return [Order(**row._mapping) for row in rows], total

    def _in_progress(self, model: str) -> OrderInProgress | Conflict:
        with reading(self.engine) as connection:
            row = connection.execute(select(*_ORDER).where(orders.c.active == model)).first()
        if row is None:
            return Conflict("name", f"another order of {model} has just ended; ask again")
        return OrderInProgress(row.id, row.kind, row.model, row.status)


_ORDER = tuple(orders.c[one.name] for one in fields(Order))


def _get(connection: Connection, order_id: str) -> Order:
    row = connection.execute(select(*_ORDER).where(orders.c.id == order_id)).first()
    if row is None:
        raise NotFound("order_id", f"no order has the id {order_id!r}")
    return Order(**row._mapping)


def _held(connection: Connection, order_id: str, holder: str, **values: Any) -> None:
    """Change an order that is still its holder's."""
    held = (orders.c.id == order_id, orders.c.status == "running", orders.c.lease_holder == holder)
    if not connection.execute(update(orders).where(*held).values(**values)).rowcount:
        raise Conflict("order_id", f"order {order_id} is no longer held by {holder}")


def _ended(status: OrderStatus, outcome: str, at: datetime) -> dict[str, Any]:
    return {
        "status": status,
        "active": None,
        "lease_holder": None,
        "lease_until": None,
        "finished_at": at,
        "outcome": outcome,
    }


def _told(connection: Connection, order_id: str, at: datetime) -> Order:
    order = _get(connection, order_id)
    if order.status == "failed":
        facts = {one.name: getattr(order, one.name) for one in fields(Order)}
        tell_of_failed_order(connection, facts, at)
    return order


def _expired(at: datetime) -> tuple[Any, ...]:
    return orders.c.status == "running", orders.c.lease_until < at
