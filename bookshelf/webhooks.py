"""Webhooks: who wants to hear of what, and the outbox of what they are still to be told."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, insert, select, update

from bookshelf.database import reading, writing
from bookshelf.errors import InvalidWebhook, NotFound
from bookshelf.events import EVENTS, Event
from bookshelf.tables import deliveries, webhooks

DeliveryStatus = Literal["pending", "delivered", "failed"]

# As many as HMAC-SHA256 puts out: a longer secret adds nothing, a much shorter one can be guessed.
_DRAWN_SECRET_BYTES = 32
_MIN_SECRET_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of `events`, each once and in the order of `EVENTS`; `secret` signs what is sent.

    Raises `InvalidWebhook` for an address that cannot be posted to, no or unknown events, a short secret.
    """

    id: str
    url: str
    events: tuple[Event, ...]
    created_at: datetime
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _can_be_posted_to(self.url):
            raise InvalidWebhook(
                "url", "an http or https address without user, password or fragment", self.url
            )
        unknown = sorted(set(self.events) - set(EVENTS))
        if unknown or not self.events:
            raise InvalidWebhook("events", f"some of {', '.join(EVENTS)}", ", ".join(unknown) or "none")
        if len(self.secret) < _MIN_SECRET_LENGTH:
            raise InvalidWebhook(
                "secret", f"at least {_MIN_SECRET_LENGTH} characters", f"{len(self.secret)} characters"
            )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook.

    `attempts` counts those begun since it was written or last re-sent; `next_attempt_at` is None once it is
    delivered or given up. `response_status` and `error` say how the last attempt went.
    """

    id: str
    webhook_id: str
    event: Event
    payload: dict[str, Any]
    status: DeliveryStatus
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    response_status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that one sender alone may send now, until its claim runs out."""

    delivery: Delivery
    url: str
    secret: str = field(repr=False)


def notify(connection: Connection, event: Event, payload: Mapping[str, Any], at: datetime) -> int:
    """Write down that every webhook that listens to `event` is to be told; returns how many do.

    Done in the transaction of what is told, so that neither is ever without the other. `payload` holds
    JSON values.
    """
    # Held until our transaction ends: PostgreSQL would refuse it for a webhook removed meanwhile.
    listening = connection.execute(
        select(webhooks.c.id, webhooks.c.events).with_for_update(read=True, key_share=True)
    )
    rows = [
        {
            "id": str(uuid4()),
            "webhook_id": webhook.id,
            "event": event,
            "payload": dict(payload),
            "status": "pending",
            "created_at": at,
            "next_attempt_at": at,
        }
        for webhook in listening
        if event in webhook.events
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return len(rows)


class Webhooks:
    """The webhooks of one catalogue database, and their deliveries."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def register(self, url: str, events: Iterable[str], secret: str | None, at: datetime) -> Webhook:
        """Tell `url` of `events` from now on; without a `secret` one is drawn. Raises `InvalidWebhook`."""
        wanted = set(events)
        known = tuple(event for event in EVENTS if event in wanted)
        unknown: Any = tuple(sorted(wanted.difference(EVENTS)))  # for the type to refuse
        webhook = Webhook(
            id=str(uuid4()),
            url=url,
            events=known + unknown,
            created_at=at,
            secret=secrets.token_urlsafe(_DRAWN_SECRET_BYTES) if secret is None else secret,
        )
        with writing(self.engine) as connection:
            connection.execute(
                insert(webhooks).values(
                    id=webhook.id, url=url, events=list(webhook.events), created_at=at, secret=webhook.secret
                )
            )
        return webhook

    def list(self) -> Sequence[Webhook]:
        """Every webhook, the oldest first."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(*_WEBHOOK).order_by(webhooks.c.created_at, webhooks.c.id)).all()
        return [_to_webhook(row) for row in rows]

    def get(self, webhook_id: str) -> Webhook:
        """The webhook with that id. Raises `NotFound`."""
        with reading(self.engine) as connection:
            return _webhook(connection, webhook_id)

    def remove(self, webhook_id: str) -> None:
        """Forget a webhook and its deliveries, also those not sent yet. Raises `NotFound`."""
        with writing(self.engine) as connection:
            _webhook(connection, webhook_id)
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))

    def deliveries(self, webhook_id: str, *, number: int, size: int) -> tuple[Sequence[Delivery], int]:
        """Page `number` (from 1) of a webhook's deliveries, newest first, and their number.

        Raises `NotFound`.
        """
        of_webhook = deliveries.c.webhook_id == webhook_id
        with reading(self.engine) as connection:
            _webhook(connection, webhook_id)
            total = connection.execute(select(func.count()).where(of_webhook)).scalar_one()
            rows = connection.execute(
                select(*_DELIVERY)
                .where(of_webhook)
                .order_by(deliveries.c.created_at.desc(), deliveries.c.id)
                .limit(size)
                .offset((number - 1) * size)
            ).all()
        return [_to_delivery(row) for row in rows], total

    def resend(self, webhook_id: str, delivery_id: str, at: datetime) -> Delivery:
        """Send a delivery anew, with all its attempts before it, however it stands. Raises `NotFound`."""
        wanted = (deliveries.c.id == delivery_id, deliveries.c.webhook_id == webhook_id)
        with writing(self.engine) as connection:
            _webhook(connection, webhook_id)
            row = connection.execute(
                update(deliveries)
                .where(*wanted)
                .values(status="pending", attempts=0, next_attempt_at=at, delivered_at=None)
                .returning(*_DELIVERY)
            ).first()
        if row is None:
            raise NotFound("delivery_id", f"the webhook has no delivery with the id {delivery_id!r}")
        return _to_delivery(row)

    def due(self, at: datetime) -> tuple[Delivery, ...]:
        """For each webhook the delivery whose turn has been longest; the longest waiting first."""
        place = func.row_number().over(
            partition_by=deliveries.c.webhook_id,
            order_by=(deliveries.c.next_attempt_at, deliveries.c.created_at, deliveries.c.id),
        )
        waiting = (
            select(*_DELIVERY, place.label("place"))
            .where(deliveries.c.status == "pending", deliveries.c.next_attempt_at <= at)
            .subquery()
        )
        first = (
            select(*(waiting.c[column.name] for column in _DELIVERY))
            .where(waiting.c.place == 1)
            .order_by(waiting.c.next_attempt_at)
        )
        with reading(self.engine) as connection:
            return tuple(_to_delivery(row) for row in connection.execute(first))

    def claim(self, delivery: Delivery, until: datetime) -> Claim | None:
        """Begin an attempt of a delivery that is due; None if another has, or it is gone.

        Who says nothing more of it by `until` has died: then it is due again.
        """
        with writing(self.engine) as connection:
            row = connection.execute(
                update(deliveries)
                .where(_is_still(delivery))
                .values(attempts=deliveries.c.attempts + 1, next_attempt_at=until)
                .returning(*_DELIVERY)
            ).first()
            if row is None:
                return None
            webhook = _webhook(connection, delivery.webhook_id)
        return Claim(_to_delivery(row), webhook.url, webhook.secret)

    def delivered(self, claim: Claim, at: datetime, response_status: int) -> bool:
        """Note that the receiver has it; False if the claim had run out, or it was asked for anew."""
        return self._note(
            claim,
            status="delivered",
            delivered_at=at,
            next_attempt_at=None,
            response_status=response_status,
            error=None,
        )

    def failed(
        self, claim: Claim, error: str, *, response_status: int | None, next_attempt_at: datetime | None
    ) -> bool:
        """Note a failed attempt and when the next is due; None gives up. False as for `delivered`."""
        return self._note(
            claim,
            status="failed" if next_attempt_at is None else "pending",
            next_attempt_at=next_attempt_at,
            response_status=response_status,
            error=error,
        )

    def _note(self, claim: Claim, **values: Any) -> bool:
        with writing(self.engine) as connection:
            noted = connection.execute(update(deliveries).where(_is_still(claim.delivery)).values(**values))
            return bool(noted.rowcount)


_WEBHOOK = tuple(webhooks.c[field.name] for field in fields(Webhook))
_DELIVERY = tuple(deliveries.c[field.name] for field in fields(Delivery))


def _webhook(connection: Connection, webhook_id: str) -> Webhook:
    row = connection.execute(select(*_WEBHOOK).where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise NotFound("webhook_id", f"no webhook has the id {webhook_id!r}")
    return _to_webhook(row)


def _to_webhook(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._mapping, "events": tuple(row.events)})


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)


def _is_still(delivery: Delivery) -> ColumnElement[bool]:
    """Nobody has claimed, noted or re-sent it since it was read: each of these changes its next attempt."""
    return and_(
        deliveries.c.id == delivery.id,
        deliveries.c.status == "pending",
        deliveries.c.attempts == delivery.attempts,
        deliveries.c.next_attempt_at == delivery.next_attempt_at,
    )


def _can_be_posted_to(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # the port is only parsed when asked for
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return (
        plain
        and parts.scheme in ("http", "https")
        and bool(host)
        and "@" not in parts.netloc
        and not parts.fragment
    )
