"""Webhooks and what was sent to them, as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from api.pages import Page
from bookshelf.events import Event
from bookshelf.webhooks import DeliveryStatus


class WebhookReply(BaseModel):
    """Who is told of what. Its secret is not told again."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    url: str
    events: list[Event]
    created_at: datetime


class NewWebhookReply(WebhookReply):
    """A webhook with its `secret`, which is told this once: it signs what is sent."""

    secret: str


class WebhooksReply(BaseModel):
    """Every webhook, the oldest first."""

    items: list[WebhookReply]


class DeliveryReply(BaseModel):
    """One event on its way to a webhook.

    `next_attempt_at` is null once it is delivered or given up; `response_status` and `error` say how the
    last attempt went.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    event: Event
    status: DeliveryStatus
    payload: dict[str, Any]
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    response_status: int | None
    error: str | None


class DeliveryPage(Page[DeliveryReply]):
    """One page of a webhook's deliveries, the newest first."""
