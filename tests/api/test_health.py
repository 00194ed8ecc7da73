"""Health says what is wrong, dependency by dependency, and 503 only when books cannot be answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from bookshelf.catalogue import Catalogue, now
from bookshelf.database import writing
from bookshelf.runs import Runs
from bookshelf.schedule import SCRAPE
from bookshelf.tables import schedule
from tests.conftest import wait_until

HEALTH = "/api/v1/health"


def catalogue_of(app: Flask) -> Catalogue:
    catalogue: Catalogue = app.extensions["bookshelf"].catalogue
    return catalogue


@pytest.fixture
def own(make_app: Callable[..., Any], tmp_path: Path) -> Any:
    """An app of this test's own, its features published."""
    app = make_app(tmp_path)
    catalogue_of(app).snapshots.mark_features_published(1, now())
    return app


def statuses(client: Any) -> dict[str, str]:
    reply = client.get(HEALTH).json
    return {"all": reply["status"]} | {
        name: dependency["status"] for name, dependency in reply["dependencies"].items()
    }


def test_all_is_ok_when_every_dependency_is(own: Any) -> None:
    reply = own.test_client().get(HEALTH)
    assert reply.status_code == 200
    assert reply.json == {
        "status": "ok",
        "dependencies": {
            "catalogue": {"status": "ok", "detail": "45 books"},
            "model_server": {"status": "ok", "detail": "ready"},
            "features": {"status": "ok", "detail": "snapshot 1 is in the feature store"},
            "worker": {"status": "ok", "detail": "nothing waits for it"},
            "trainer": {"status": "ok", "detail": "nothing waits for it"},
        },
        "schedule": {"status": "off", "next_run_at": None},
        "retraining": {"status": "off", "next_run_at": None},
        "last_run": None,
    }


def test_the_next_scheduled_time_and_the_last_run_are_shown(own: Any) -> None:
    engine = catalogue_of(own).engine
    due = datetime(2030, 1, 1, 3, tzinfo=UTC)
    with writing(engine) as connection:
        connection.execute(
            insert(schedule).values(name=SCRAPE, expression="0 3 * * *", time_zone="UTC", next_run_at=due)
        )
    earlier = Runs(engine).begin("scrape", "", "cli", "me", now() - timedelta(hours=1))
    Runs(engine).finish(earlier.id, "me", now(), "failed", counts={}, error="the shop is closed")
    run = Runs(engine).request("", "schedule", now())
    reply = own.test_client().get(HEALTH)
    assert (reply.status_code, reply.json["status"]) == (200, "ok")
    assert reply.json["schedule"] == {"status": "on", "next_run_at": "2030-01-01T03:00:00Z"}
    assert (reply.json["last_run"]["run_id"], reply.json["last_run"]["status"]) == (run.id, "queued")
    Runs(engine).cancel(run.id, now())
    assert own.test_client().get(HEALTH).json["last_run"]["status"] == "cancelled"
    Runs(engine).resume(earlier.id, now())
    assert own.test_client().get(HEALTH).json["last_run"]["run_id"] == earlier.id


def test_a_snapshot_without_features_is_degraded(client: Any) -> None:
    reply = client.get(HEALTH)
    assert (reply.status_code, reply.json["status"]) == (200, "degraded")
    assert reply.json["dependencies"]["features"]["detail"].startswith(
        "snapshot 1 is not in the feature store"
    )


def test_an_empty_catalogue_is_degraded_in_plain_words(make_app: Callable[..., Any], tmp_path: Path) -> None:
    reply = make_app(tmp_path, books=0).test_client().get(HEALTH)
    assert (reply.status_code, reply.json["status"]) == (200, "degraded")
    assert reply.json["dependencies"]["catalogue"] == {
        "status": "degraded",
        "detail": "the catalogue is empty: `make run` or POST /api/v1/scraping/trigger fills it",
    }


@pytest.mark.parametrize("mood", ["no champion", "broken"])
def test_a_model_server_in_trouble_is_degraded(own: Any, model_server: Any, mood: str) -> None:
    model_server.mood = mood
    assert statuses(own.test_client()) == {
        "all": "degraded",
        "catalogue": "ok",
        "model_server": "degraded",
        "features": "ok",
        "worker": "ok",
        "trainer": "ok",
    }


def test_a_model_server_that_is_slow_is_not_waited_for(
    own: Any, model_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.mood = "slow"
    monkeypatch.setattr("api.health.PROBE_TIMEOUT", timedelta(seconds=0.2))
    # On a busy machine the others may take longer than that.
    monkeypatch.setattr("api.health.wait", lambda asked, _seconds: wait(asked, 60))
    assert statuses(own.test_client()) == {
        "all": "degraded",
        "catalogue": "ok",
        "model_server": "unknown",
        "features": "ok",
        "worker": "ok",
        "trainer": "ok",
    }
    wait_until(lambda: model_server.asleep == ["/readyz"])  # and not awake yet


def test_a_model_server_that_is_not_there_is_down(make_app: Callable[..., Any], tmp_path: Path) -> None:
    reply = make_app(tmp_path, BENTO_PORT="9").test_client().get(HEALTH)
    assert reply.status_code == 200
    assert reply.json["dependencies"]["model_server"]["status"] == "down"


def test_without_its_database_health_is_503(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("SELECT secret", {}, Exception("disk I/O error"))

    monkeypatch.setattr(catalogue_of(own).engine, "connect", away)
    client = own.test_client()
    reply = client.get(HEALTH)
    assert (reply.status_code, reply.json["status"]) == (503, "degraded")
    assert reply.json["dependencies"]["catalogue"]["status"] == "down"
    assert reply.json["schedule"] == {"status": "unknown", "next_run_at": None}
    books = client.get("/api/v1/books")
    assert (books.status_code, books.json["detail"]) == (503, "the catalogue's database does not answer now")
    assert books.headers["Retry-After"]
    assert "secret" not in books.text


def test_a_database_that_hangs_is_given_up_on(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_args: object, **_kwargs: object) -> None:
        released.wait(60)
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(catalogue_of(own).engine, "connect", hang)
    monkeypatch.setattr("api.health.PROBE_TIMEOUT", timedelta(seconds=0.2))
    client = own.test_client()
    try:
        for _ in range(6):  # more probes than there are threads for
            began = time.monotonic()
            reply = client.get(HEALTH)
            assert time.monotonic() - began < 30, "it was waited for"
            assert (reply.status_code, reply.json["dependencies"]["catalogue"]["status"]) == (503, "unknown")
    finally:
        released.set()
