"""What happens that somebody may want to hear of: the events of webhooks."""

from __future__ import annotations

from typing import Literal, get_args

Event = Literal[
    "snapshot.published",
    "run.failed",
    "run.quarantined",
    "run.interrupted",
    "run.cancelled",
    "model.promoted",
    "model.refused",
    "model.rolled_back",
    "model.changed_by_hand",
    "model.order_failed",
]
EVENTS: tuple[Event, ...] = get_args(Event)
