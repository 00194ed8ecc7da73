"""A scrape is only queued here; whoever asks is told where to watch it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.parts import Parts
from bookshelf.catalogue import now

TRIGGER = "/api/v1/scraping/trigger"
PASSWORD = "correct horse battery staple"

Refused = Callable[[Any, int], list[str]]


@pytest.fixture
def own(make_app: Callable[..., Any], tmp_path: Path) -> Any:
    """An app whose queue is nobody else's."""
    return make_app(tmp_path)


def parts_of(app: Flask) -> Parts:
    found: Parts = app.extensions["bookshelf"]
    return found


def test_a_triggered_run_waits_for_the_worker(own: Any, as_admin: dict[str, str]) -> None:
    client = own.test_client()
    reply = client.post(TRIGGER, headers=as_admin)
    assert reply.status_code == 202
    assert reply.json["status"] == "queued"
    assert reply.headers["Location"] == f"/api/v1/scraping/runs/{reply.json['run_id']}"
    seen = client.get(reply.headers["Location"]).json
    assert (seen["run_id"], seen["status"], seen["source"]) == (reply.json["run_id"], "queued", "")
    assert (seen["started_at"], seen["pages"], seen["books"]) == (None, 0, 0)


def test_a_run_is_watched_from_claim_to_end(own: Any, as_admin: dict[str, str]) -> None:
    client = own.test_client()
    body = {"source": "http://127.0.0.1:8900"}
    where = client.post(TRIGGER, headers=as_admin, json=body).headers["Location"]
    runs = parts_of(own).runs
    claimed = runs.claim(now())
    assert claimed is not None
    assert claimed.source == "http://127.0.0.1:8900/"
    assert claimed.requested_by == "admin"
    runs.report(claimed.id, pages=7, books=5)
    assert {"status": "running", "pages": 7, "books": 5}.items() <= client.get(where).json.items()
    runs.finish(claimed.id, now(), error="the shop is closed")
    ended = client.get(where).json
    assert (ended["status"], ended["error"]) == ("failed", "the shop is closed")
    assert ended["finished_at"].endswith("Z")


@pytest.mark.parametrize(
    "source",
    [
        "ftp://shop.test/",
        "file:///etc/passwd",
        "shop.test",
        "",
        7,
        "http://",
        "javascript:alert(1)",
        "http://shop.test/" + "a" * 500,
    ],
)
def test_a_source_must_be_the_address_of_a_web_site(
    own: Any, as_admin: dict[str, str], refused: Refused, source: object
) -> None:
    reply = own.test_client().post(TRIGGER, headers=as_admin, json={"source": source})
    assert refused(reply, 422) == ["source"]
    assert parts_of(own).runs.claim(now()) is None


def test_an_unknown_run_is_not_found(client: Any, refused: Refused) -> None:
    unknown = client.get("/api/v1/scraping/runs/0b8f4c1e-6f0e-4f7b-9d53-6b9a2c9d8a10")
    assert refused(unknown, 404) == ["run_id"]
    assert refused(client.get("/api/v1/scraping/runs/latest"), 422) == ["run_id"]
