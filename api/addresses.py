"""Where things are in the API, for those who point to them."""

from __future__ import annotations

API_PREFIX = "/api/v1"


def history_of(book_id: int) -> str:
    return f"{API_PREFIX}/books/{book_id}/history"


def run(run_id: str) -> str:
    return f"{API_PREFIX}/scraping/runs/{run_id}"


def order(order_id: str) -> str:
    return f"{API_PREFIX}/ml/orders/{order_id}"


def webhook(webhook_id: str) -> str:
    return f"{API_PREFIX}/webhooks/{webhook_id}"
