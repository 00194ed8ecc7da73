"""Examples of what is told of models, their history, and orders to the trainer."""

from __future__ import annotations

from typing import Any

AN_ORDER_ID = "7d1f0d5e-58a4-4f0b-9e58-8d5f6f2c9a31"
_PROMOTED = "2026-02-01T04:25:10Z"
_REASON = "it passed its gate"
_SCORE = {"metric": "MAE", "unit": "pounds", "baseline": 12.93, "dataset_sha256": "dac56b15e1c1"}
_PROMOTION: dict[str, Any] = {
    "id": 12,
    "at": _PROMOTED,
    "model": "price",
    "action": "promote",
    "from_version": "1",
    "to_version": "2",
    "who": "schedule",
    "reason": _REASON,
    "scores": {
        "to": {"version": "2", "score": 9.41, **_SCORE},
        "from": {"version": "1", "score": 9.87, **_SCORE},
        "loss_difference": {"mean": -0.46, "low": -0.81, "high": -0.12},
    },
    "snapshot_id": 2,
}
_ORDER: dict[str, Any] = {
    "order_id": AN_ORDER_ID,
    "kind": "rollback",
    "model": "price",
    "version": "1",
    "requested_by": "admin",
    "reason": "its prices look odd",
    "status": "queued",
    "requested_at": "2026-02-01T09:00:00Z",
    "started_at": None,
    "lease_until": None,
    "finished_at": None,
    "attempts": 0,
    "outcome": None,
    "trial": None,
}
_DONE = _ORDER | {
    "status": "succeeded",
    "started_at": "2026-02-01T09:00:00.310000Z",
    "finished_at": "2026-02-01T09:00:00.540000Z",
    "attempts": 1,
    "outcome": "version 1 is champion in place of version 2",
}

MODEL_EXAMPLES: dict[str, Any] = {
    "RegisteredModelsReply": {
        "items": [
            {
                "name": "price",
                "version": "2",
                "run_id": "5c0d9b6f",
                "informative": True,
                "since": "2026-02-01T03:19:05Z",
                "wanted_version": "2",
                "refused": None,
                "trial": {"version": "3", "shadow": 0.2, "share": 0.0, "refused": None},
            }
        ],
        "registry": [
            {
                "name": "price",
                "champion": "2",
                "challenger": "2",
                "previous": "1",
                "versions": ["1", "2"],
                "seen_at": "2026-02-01T04:25:11Z",
                "last_promotion": _PROMOTION,
            }
        ],
        "unavailable": None,
    },
    "HistoryPage": {
        "items": [_PROMOTION],
        "page": 1,
        "page_size": 20,
        "total": 4,
        "pages": 1,
        "live": {
            "version": "2",
            "since": _PROMOTED,
            "action": "promote",
            "who": "schedule",
            "reason": _REASON,
        },
    },
    "ChangeRequest": {"version": 1, "reason": "its prices look odd"},
    "TrialRequest": {"shadow": 0.2, "share": 0.1, "reason": "is it worth a promotion?"},
    "RetrainRequest": {"reason": "the shop has changed its prices"},
    "OrderReply": _ORDER,
    "OrderPage": {"items": [_DONE], "page": 1, "page_size": 20, "total": 1, "pages": 1},
}
