"""Examples of what is kept on record: books and their history, runs, snapshots and webhooks."""

from __future__ import annotations

from typing import Any

_SHOP = "https://books.toscrape.com/"
A_RUN_ID = "0b8f4c1e-6f0e-4f7b-9d53-6b9a2c9d8a10"
_WEBHOOK_ID = "5f1c2f0a-31c1-4e57-8a53-0d1b7a6a2f11"
_FIRST, _SECOND = "2026-01-31T09:01:12.000001Z", "2026-02-01T03:01:05.000001Z"


def _page(item: dict[str, Any], total: int, page_size: int = 20) -> dict[str, Any]:
    pages = -(-total // page_size)
    return {"items": [item], "page": 1, "page_size": page_size, "total": total, "pages": pages}


A_BOOK: dict[str, Any] = {
    "id": 1,
    "source": _SHOP,
    "upc": "a897fe39b1053632",
    "isbn": None,
    "key": None,
    "title": "A Light in the Attic",
    "author": None,
    "publisher": None,
    "year": None,
    "binding": None,
    "language": None,
    "price": 51.77,
    "currency": "GBP",
    "rating": 3,
    "reviews": 0,
    "availability": "In stock",
    "stock": 22,
    "category": "Poetry",
    "image": f"{_SHOP}media/cache/fe/72/fe72f0532301ec28892ae79a629a293c.jpg",
    "thumbnail": f"{_SHOP}media/cache/2c/da/2cdad67c44b002e7ead0cc35693c0e8b.jpg",
    "description": "It's hard to imagine a world without A Light in the Attic. ...more",
    "url": f"{_SHOP}catalogue/a-light-in-the-attic_1000/index.html",
    "genre": None,
}
_FIRST_VERSION = A_BOOK | {
    "valid_from": _FIRST,
    "valid_to": _SECOND,
    "from_snapshot": 1,
    "to_snapshot": 2,
}
_SECOND_VERSION = A_BOOK | {
    "price": 49.99,
    "valid_from": _SECOND,
    "valid_to": None,
    "from_snapshot": 2,
    "to_snapshot": None,
}
_CHANGE = {
    "book_id": 1,
    "kind": "changed",
    "title": "A Light in the Attic",
    "changes": {"price": {"old": 51.77, "new": 49.99}},
}
_SNAPSHOT = {
    "id": 2,
    "source": _SHOP,
    "status": "published",
    "started_at": "2026-02-01T03:00:00Z",
    "taken_at": "2026-02-01T03:01:05Z",
    "published_at": _SECOND,
    "revision": 2,
    "books": 1000,
    "added": 3,
    "changed": 30,
    "removed": 3,
    "features_published_at": "2026-02-01T03:01:30Z",
}
A_RUN: dict[str, Any] = {
    "run_id": A_RUN_ID,
    "kind": "scrape",
    "status": "succeeded",
    "source": _SHOP,
    "requested_by": "schedule",
    "requested_at": "2026-02-01T03:00:00Z",
    "started_at": "2026-02-01T03:00:01Z",
    "finished_at": "2026-02-01T03:01:31Z",
    "lease_until": None,
    "attempts": 1,
    "cancel_asked": False,
    "pages": 1051,
    "books": 1000,
    "bytes": 812_000,
    "counts": {"pages": 1051, "books": 1000, "bytes": 812_000, "pages_unchanged": 970, "changed": 30},
    "snapshot_id": 2,
    "error": None,
}
_LOG_LINE = {
    "id": 17,
    "at": "2026-02-01T03:01:05Z",
    "level": "info",
    "event": "published",
    "detail": {"snapshot": 2, "revision": 2, "books": 1000},
}
_REPORT = {
    "findings": [
        {
            "check": "books",
            "expected": "at least 900 books, nine in ten of the 1,000 before",
            "found": "640 books",
            "examples": ["upc a897fe39b1053632"],
        }
    ]
}
_WEBHOOK = {
    "id": _WEBHOOK_ID,
    "url": "https://hooks.example.org/bookshelf",
    "events": ["snapshot.published", "run.failed"],
    "created_at": "2026-01-31T09:00:00Z",
}
_DELIVERY = {
    "id": "c9a646d3-9c61-4c0e-8d3e-0f2ac1d9a7b2",
    "event": "snapshot.published",
    "status": "pending",
    "payload": {"snapshot_id": 2, "source": _SHOP, "books": 1000, "added": 3, "changed": 30, "removed": 3},
    "created_at": _SECOND,
    "attempts": 1,
    "next_attempt_at": "2026-02-01T03:01:15Z",
    "delivered_at": None,
    "response_status": 503,
    "error": "it answered 503",
}

_DRIFT = {
    "model": "price",
    "version": "3",
    "snapshot_id": 2,
    "source": _SHOP,
    "published_at": _SECOND,
    "reference_at": _FIRST,
    "measured_at": "2026-02-01T03:01:41Z",
    "reference_rows": 1000,
    "window_rows": 1000,
    "violated": True,
    "features": [
        {
            "feature": "stock",
            "kind": "number",
            "psi": 0.31,
            "psi_limit": 0.2,
            "ks": 0.22,
            "ks_limit": 0.15,
            "p": 1e-21,
            "violated": True,
        },
        {
            "feature": "category",
            "kind": "category",
            "psi": 0.004,
            "psi_limit": 0.2,
            "ks": None,
            "ks_limit": None,
            "p": None,
            "violated": False,
        },
    ],
    "answers": {
        "days": 7,
        "questions": 1204,
        "drift": {
            "feature": "answer",
            "kind": "number",
            "psi": 0.031,
            "psi_limit": 0.2,
            "ks": 0.06,
            "ks_limit": 0.15,
            "p": 0.03,
            "violated": False,
        },
        "error": {
            "measure": "absolute error",
            "unit": "currency",
            "n": 88,
            "mean": 11.8,
            "low": 10.2,
            "high": 13.5,
            "baseline": 12.1,
        },
    },
    "run_id": "5c0d9b6f0a7d4c0e9f1f3a52c1d7e8b4",
    "order_id": None,
}

RECORD_EXAMPLES: dict[str, Any] = {
    "BookReply": A_BOOK,
    "HistoryReply": {"items": [_FIRST_VERSION, _SECOND_VERSION]},
    "ChangePage": _page(_CHANGE, 36, 100),
    "SnapshotPage": _page(_SNAPSHOT, 2),
    "SnapshotReply": _SNAPSHOT,
    "SnapshotReportReply": _SNAPSHOT
    | {
        "status": "quarantined",
        "published_at": None,
        "revision": None,
        "books": 640,
        "added": 0,
        "changed": 0,
        "removed": 0,
        "features_published_at": None,
        "report": _REPORT,
    },
    "TriggerRequest": {"source": _SHOP},
    "QueuedRunReply": {"run_id": A_RUN_ID, "status": "queued"},
    "RunReply": A_RUN,
    "RunPage": _page(A_RUN, 42),
    "LogPage": _page(_LOG_LINE, 9, 100),
    "WebhookRequest": {key: _WEBHOOK[key] for key in ("url", "events")},
    "NewWebhookReply": _WEBHOOK | {"secret": "QmVpc3BpZWwtZWluZXMtR2VoZWltbmlzc2VzLTMyLUJ5dGVz"},
    "WebhookReply": _WEBHOOK,
    "WebhooksReply": {"items": [_WEBHOOK]},
    "DeliveryReply": _DELIVERY,
    "DeliveryPage": _page(_DELIVERY, 1),
    "DriftPage": _page(_DRIFT, 12),
}
