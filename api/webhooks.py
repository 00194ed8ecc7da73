"""Webhooks: who is told when a snapshot is published or a run goes wrong, and what they were told."""

from __future__ import annotations

from flask import Response

from api import addresses
from api.auth import admin_only
from api.documentation import BEARER, group, problems
from api.inputs import DeliveryPath, Paged, WebhookPath, WebhookRequest
from api.parts import parts
from api.webhook_schemas import (
    DeliveryPage,
    DeliveryReply,
    NewWebhookReply,
    WebhookReply,
    WebhooksReply,
)
from api.wire import json_reply
from bookshelf.catalogue import now

webhooks = group("webhooks", "/webhooks", "Who is told of what happens; for the admin.", 401, 422, 503)


@webhooks.post("", responses={201: NewWebhookReply, **problems(400, 413, 415)}, security=BEARER)
@admin_only()
def register_webhook(body: WebhookRequest) -> Response:
    """Tell an address of events from now on.

    The answer has the secret that what is sent will be signed with, this once. Private addresses are
    allowed, since receivers in one's own network are the usual case and only the admin names them.
    """
    webhook = parts().webhooks.register(body.url, body.events, body.secret, now())
    reply = NewWebhookReply.model_validate(webhook, from_attributes=True)
    return json_reply(reply, 201, {"Location": addresses.webhook(webhook.id)})


@webhooks.get("", responses={200: WebhooksReply}, security=BEARER)
@admin_only()
def list_webhooks() -> Response:
    """Every webhook, the oldest first, without its secret."""
    found = parts().webhooks.list()
    return json_reply(WebhooksReply(items=[WebhookReply.model_validate(webhook) for webhook in found]))


@webhooks.get("/<webhook_id>", responses={200: WebhookReply, **problems(404)}, security=BEARER)
@admin_only()
def one_webhook(path: WebhookPath) -> Response:
    """One webhook, without its secret."""
    return json_reply(WebhookReply.model_validate(parts().webhooks.get(str(path.webhook_id))))


@webhooks.delete("/<webhook_id>", responses={204: None, **problems(400, 404, 413, 415)}, security=BEARER)
@admin_only()
def remove_webhook(path: WebhookPath) -> Response:
    """Forget a webhook and its deliveries, also those that were not sent yet."""
    parts().webhooks.remove(str(path.webhook_id))
    return Response(status=204)


@webhooks.get("/<webhook_id>/deliveries", responses={200: DeliveryPage, **problems(404)}, security=BEARER)
@admin_only()
def list_deliveries(path: WebhookPath, query: Paged) -> Response:
    """What was sent to a webhook or is to be, the newest first."""
    found, total = parts().webhooks.deliveries(str(path.webhook_id), number=query.page, size=query.page_size)
    return json_reply(DeliveryPage.of(map(DeliveryReply.model_validate, found), total, query))


@webhooks.post(
    "/<webhook_id>/deliveries/<delivery_id>/resend",
    responses={202: DeliveryReply, **problems(400, 404, 413, 415)},
    security=BEARER,
)
@admin_only()
def resend_delivery(path: DeliveryPath) -> Response:
    """Send a delivery anew, with all its attempts before it, however it stands."""
    delivery = parts().webhooks.resend(str(path.webhook_id), str(path.delivery_id), now())
    return json_reply(DeliveryReply.model_validate(delivery), 202)
