"""What served when is told to everybody; what is to serve is asked by the admin, once at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.parts import Parts
from bookshelf.catalogue import now
from bookshelf.promotions import Change
from bookshelf.standings import Standing
from tests.api.conftest import ModelServer

MODELS = "/api/v1/ml/models"
ORDERS = "/api/v1/ml/orders"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

Refused = Callable[[Any, int], list[str]]


@dataclass(frozen=True)
class World:
    """An app whose price model went from version 1 to 3 to 4, after 2 was refused; 4 is on duty."""

    app: Flask
    as_admin: dict[str, str]

    @property
    def parts(self) -> Parts:
        found: Parts = self.app.extensions["bookshelf"]
        return found

    def get(self, path: str) -> Any:
        return self.app.test_client().get(path)

    def post(self, path: str, **body: Any) -> Any:
        return self.app.test_client().post(path, json=body, headers=self.as_admin)


@pytest.fixture
def world(make_app: Callable[..., Flask], tmp_path: Path, as_admin: dict[str, str]) -> World:
    made = World(make_app(tmp_path, books=1), as_admin)
    log = made.parts.promotions
    for hours, action, before, to in (
        (0, "promote", None, "1"),
        (1, "refused", "1", "2"),
        (2, "promote", "1", "3"),
        (3, "promote", "3", "4"),
    ):
        log.record(
            Change(
                model="price",
                at=NOON + hours * HOUR,
                action=action,  # type: ignore[arg-type]
                from_version=before,
                to_version=to,
                who="cli",
                reason="it is worse" if action == "refused" else "it passed its gate",
                scores={"to": {"version": to, "score": 3.5}, "from": None},
                snapshot_id=1,
            )
        )
    made.parts.standings.note(
        Standing(
            model="price",
            champion="4",
            challenger="5",
            previous="3",
            versions=("1", "2", "3", "4", "5"),
            seen_at=NOON,
        )
    )
    made.parts.standings.note(
        Standing(model="sentiment", champion=None, challenger=None, previous=None, versions=(), seen_at=NOON)
    )
    return made


def test_the_models_are_told_as_they_are_served_and_as_they_stand(world: World) -> None:
    reply = world.get(MODELS).json
    assert reply["items"][0]["version"] == "3"
    price, recommender, _ = reply["registry"]
    assert (price["champion"], price["challenger"], price["previous"]) == ("4", "5", "3")
    assert price["versions"] == ["1", "2", "3", "4", "5"]
    assert (price["last_promotion"]["to_version"], price["last_promotion"]["who"]) == ("4", "cli")
    assert (recommender["champion"], recommender["versions"], recommender["last_promotion"]) == (
        None,
        [],
        None,
    )


def test_with_the_model_server_down_the_registry_is_told_all_the_same(
    world: World, model_server: ModelServer
) -> None:
    assert world.get(MODELS).json["unavailable"] is None
    model_server.mood = "broken"
    reply = world.get(MODELS)
    assert (reply.status_code, reply.json["items"]) == (200, [])
    assert reply.json["unavailable"].startswith("the model server ")
    assert reply.json["registry"][0]["champion"] == "4"


@pytest.mark.parametrize("kind", ["promote", "rollback"])
def test_what_nobody_has_looked_at_yet_is_asked_for_later(world: World, refused: Refused, kind: str) -> None:
    reply = world.post(f"{MODELS}/recommender/{kind}")
    assert refused(reply, 503) == []
    assert "nobody has looked yet at what the registry has of recommender" in reply.json["detail"]
    assert reply.headers["Retry-After"] == "5"
    assert world.get(ORDERS).json["total"] == 0


def test_the_history_is_paged_and_tells_what_is_live(world: World) -> None:
    reply = world.get(f"{MODELS}/price/history?page_size=2").json
    assert [one["to_version"] for one in reply["items"]] == ["4", "3"]
    assert (reply["total"], reply["pages"]) == (4, 2)
    assert reply["live"] == {
        "version": "4",
        "since": "2026-05-01T15:00:00Z",
        "action": "promote",
        "who": "cli",
        "reason": "it passed its gate",
    }
    assert reply["items"][0]["scores"]["to"]["score"] == 3.5


@pytest.mark.parametrize(
    ("at", "live", "total"),
    [
        ("2026-05-01T11:59:59Z", None, 0),
        ("2026-05-01T13:30:00Z", "1", 2),
        ("2026-05-01T16:30:00+02:00", "3", 3),
    ],
)
def test_it_tells_what_was_live_at_a_time(world: World, at: str, live: str | None, total: int) -> None:
    reply = world.get(f"{MODELS}/price/history?at={at}").json
    assert (reply["live"] and reply["live"]["version"], reply["total"]) == (live, total)


def test_a_rollback_is_ordered_with_the_version_it_goes_to(world: World) -> None:
    reply = world.post(f"{MODELS}/price/rollback", reason="odd prices")
    assert reply.status_code == 202
    order = reply.json
    assert (order["kind"], order["model"], order["version"]) == ("rollback", "price", "3")
    assert (order["status"], order["requested_by"], order["reason"]) == ("queued", "admin", "odd prices")
    assert reply.headers["Location"] == f"{ORDERS}/{order['order_id']}"
    assert world.get(reply.headers["Location"]).json == order
    assert world.get(ORDERS).json["items"] == [order]
    assert world.get(f"{ORDERS}?model=sentiment").json["total"] == 0


def test_no_body_at_all_asks_for_the_usual(world: World) -> None:
    client: Any = world.app.test_client()
    assert client.post(f"{MODELS}/price/promote", headers=world.as_admin).json["version"] == "5"
    assert client.post(f"{MODELS}/sentiment/retrain", headers=world.as_admin).json["version"] is None


def test_an_order_that_is_not_done_is_named(world: World, refused: Refused) -> None:
    first = world.post(f"{MODELS}/price/retrain").json
    for kind in ("retrain", "rollback", "promote", "trial"):
        reply = world.post(f"{MODELS}/price/{kind}")
        assert refused(reply, 409) == ["name"]
        assert reply.json["order_id"] == first["order_id"]
        assert reply.headers["Location"] == f"{ORDERS}/{first['order_id']}"
    parts = world.parts
    parts.orders.claim("trainer", now())
    parts.orders.finish(first["order_id"], "trainer", now(), "refused", "it is worse")
    ended = world.get(f"{ORDERS}/{first['order_id']}").json
    assert (ended["status"], ended["outcome"], ended["attempts"]) == ("refused", "it is worse", 1)
    assert world.post(f"{MODELS}/price/rollback", version=1).status_code == 202


def test_a_trial_is_ordered_with_its_shares_and_ended_without_any(world: World) -> None:
    for version in (None, "5"):
        asked = {"shadow": 0.2, "share": 0.1} | ({} if version is None else {"version": int(version)})
        order = world.post(f"{MODELS}/price/trial", **asked, reason="to see").json
        assert (order["kind"], order["version"], order["reason"]) == ("trial", version or "5", "to see")
        assert order["trial"] == {"shadow": 0.2, "share": 0.1}
        world.parts.orders.claim("trainer", now())
        world.parts.orders.finish(order["order_id"], "trainer", now(), "succeeded", "it is on")
    client: Any = world.app.test_client()
    ends = client.post(f"{MODELS}/price/trial", headers=world.as_admin).json
    assert (ends["version"], ends["trial"]) == (None, {"shadow": 0.0, "share": 0.0})


WRONG: list[tuple[str, dict[str, Any], int, str]] = [
    ("price/rollback", {"version": 99}, 404, "version"),
    ("price/promote", {"version": 99}, 404, "version"),
    ("price/rollback", {"version": 4}, 409, "version"),  # on duty
    ("price/promote", {"version": 4}, 409, "version"),
    ("price/rollback", {"version": 2}, 409, "version"),  # refused, so never on duty
    ("sentiment/rollback", {}, 404, "name"),
    ("sentiment/promote", {}, 404, "name"),
    ("prices/rollback", {}, 404, "name"),
    ("prices/retrain", {}, 404, "name"),
    ("price/rollback", {"version": 0}, 422, "version"),
    ("price/rollback", {"version": "latest"}, 422, "version"),
    ("price/rollback", {"version": True}, 422, "version"),  # not the first
    ("price/rollback", {"to": 3}, 422, "to"),
    ("price/retrain", {"version": 3}, 422, "version"),
    ("price/trial", {"version": 99, "share": 0.1}, 404, "version"),
    ("price/trial", {"version": 4, "shadow": 1}, 409, "version"),
    ("sentiment/trial", {"shadow": 1}, 404, "name"),
    ("price/trial", {"version": 3}, 422, "body"),  # and no share
    ("price/trial", {"shadow": 1.5}, 422, "shadow"),
    ("price/trial", {"share": -0.1}, 422, "share"),
    ("price/trial", {"share": "0.1"}, 422, "share"),
    ("price/trial", {"share": True}, 422, "share"),
    ("price/rollback", {"reason": 7}, 422, "reason"),
    ("price/rollback", {"reason": "a\0b"}, 422, "reason"),
    ("price/rollback", {"reason": "x" * 1001}, 422, "reason"),
]


@pytest.mark.parametrize(("path", "body", "status", "field"), WRONG, ids=str)
def test_what_cannot_be_is_refused_by_name_and_orders_nothing(
    world: World, refused: Refused, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    assert refused(world.post(f"{MODELS}/{path}", **body), status) == [field]
    assert world.get(ORDERS).json["total"] == 0


def test_without_a_version_before_there_is_none_to_go_back_to(world: World, refused: Refused) -> None:
    world.parts.standings.note(
        Standing(
            model="sentiment", champion="1", challenger="1", previous=None, versions=("1",), seen_at=NOON
        )
    )
    reply = world.post(f"{MODELS}/sentiment/rollback")
    assert refused(reply, 409) == ["version"]
    assert "none to go back to" in reply.json["detail"]


@pytest.mark.parametrize("kind", ["promote", "rollback", "retrain", "trial"])
def test_nobody_but_the_admin_changes_what_serves(world: World, refused: Refused, kind: str) -> None:
    client = world.app.test_client()
    assert refused(client.post(f"{MODELS}/price/{kind}", json={}), 401) == ["Authorization"]
    forged = {"Authorization": "Bearer nonsense"}
    assert refused(client.post(f"{MODELS}/price/{kind}", json={}, headers=forged), 401) == ["Authorization"]
    assert world.get(ORDERS).json["total"] == 0


def test_what_is_not_there_is_a_404_and_what_is_no_id_a_422(world: World, refused: Refused) -> None:
    assert refused(world.get(f"{ORDERS}/{UNKNOWN}"), 404) == ["order_id"]
    assert refused(world.get(f"{ORDERS}/mine"), 422) == ["order_id"]
    assert refused(world.get(f"{ORDERS}?model=prices"), 422) == ["model"]
    assert refused(world.get(f"{MODELS}/prices/history"), 404) == ["name"]
    assert refused(world.get(f"{MODELS}/price/history?at=yesterday"), 422) == ["at"]
    assert refused(world.get(f"{MODELS}/price/history?at=2999-01-01T00:00:00Z"), 422) == ["at"]
