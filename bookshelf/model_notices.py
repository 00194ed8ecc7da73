"""What webhooks are told of models: which event it is, and its facts as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bookshelf.events import Event
from bookshelf.notices import as_json
from bookshelf.webhooks import notify

_EVENT_OF_ACTION: dict[str, Event] = {
    "promote": "model.promoted",
    "rollback": "model.rolled_back",
    "by_hand": "model.changed_by_hand",
    "refused": "model.refused",
}


def tell_of_promotion(connection: Connection, promotion: Mapping[str, Any], at: datetime) -> None:
    """Tell of a new entry of the log of promotions; in the transaction that writes it."""
    notify(connection, _EVENT_OF_ACTION[promotion["action"]], as_json(promotion), at)


def tell_of_failed_order(connection: Connection, order: Mapping[str, Any], at: datetime) -> None:
    """Tell that what was asked of the trainer could not be done; in the transaction that ends it.

    A refusal is told as such, by its entry in the log.
    """
    notify(connection, "model.order_failed", as_json(order), at)
