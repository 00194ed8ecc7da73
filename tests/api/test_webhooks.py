"""Webhooks are the admin's: registered with a secret told once, listed, removed, and sent to again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bookshelf.catalogue import now
from bookshelf.runs import Runs

HOOKS = "/api/v1/webhooks"
UNKNOWN = "0b8f4c1e-6f0e-4f7b-9d53-6b9a2c9d8a10"
A_HOOK = {"url": "https://hooks.test/books?x=1", "events": ["run.cancelled", "snapshot.published"]}

Refused = Callable[[Any, int], list[str]]


class AsAdmin:
    """A client that is logged in."""

    def __init__(self, app: Any, headers: dict[str, str]) -> None:
        self.app, self.headers = app, headers

    def __call__(self, verb: str, address: str, **more: Any) -> Any:
        return self.app.test_client().open(address, method=verb, headers=self.headers, **more)


@pytest.fixture
def ask(make_app: Callable[..., Any], tmp_path: Path, as_admin: dict[str, str], database_url: str) -> AsAdmin:
    return AsAdmin(make_app(tmp_path, books=0, BOOKSHELF_DATABASE_URL=database_url), as_admin)


def a_cancelled_run(ask: AsAdmin) -> None:
    runs = Runs(ask.app.extensions["bookshelf"].catalogue.engine)
    runs.cancel(runs.request("", "admin", now()).id, now())


def test_a_webhook_is_registered_and_its_secret_told_once(ask: AsAdmin) -> None:
    made = ask("POST", HOOKS, json=A_HOOK)
    assert made.status_code == 201
    assert made.headers["Location"] == f"{HOOKS}/{made.json['id']}"
    assert len(made.json["secret"]) >= 32
    assert (made.json["url"], set(made.json["events"])) == (A_HOOK["url"], set(A_HOOK["events"]))
    seen = ask("GET", made.headers["Location"])
    listed = ask("GET", HOOKS)
    assert seen.json == {name: value for name, value in made.json.items() if name != "secret"}
    assert listed.json == {"items": [seen.json]}
    assert made.json["secret"] not in seen.text + listed.text


def test_a_secret_of_ones_own_is_kept(ask: AsAdmin) -> None:
    made = ask("POST", HOOKS, json=A_HOOK | {"secret": "a secret of our own"})
    assert made.json["secret"] == "a secret of our own"


def test_a_removed_webhook_is_gone(ask: AsAdmin, refused: Refused) -> None:
    where = ask("POST", HOOKS, json=A_HOOK).headers["Location"]
    removed = ask("DELETE", where)
    assert (removed.status_code, removed.data) == (204, b"")
    for verb, address in (("GET", where), ("DELETE", where), ("GET", f"{where}/deliveries")):
        assert refused(ask(verb, address), 404) == ["webhook_id"]
    assert ask("GET", HOOKS).json == {"items": []}


def test_what_a_webhook_is_told_is_listed_newest_first_and_can_be_sent_anew(ask: AsAdmin) -> None:
    where = ask("POST", HOOKS, json=A_HOOK).headers["Location"]
    for _ in range(3):
        a_cancelled_run(ask)
    found = ask("GET", f"{where}/deliveries?page_size=2").json
    assert (len(found["items"]), found["total"], found["pages"]) == (2, 3, 2)
    newest, older = found["items"]
    assert newest["created_at"] > older["created_at"]
    assert (newest["event"], newest["status"], newest["attempts"]) == ("run.cancelled", "pending", 0)
    assert newest["payload"]["status"] == "cancelled"
    again = ask("POST", f"{where}/deliveries/{older['id']}/resend")
    assert (again.status_code, again.json["status"]) == (202, "pending")
    assert again.json["next_attempt_at"] > older["next_attempt_at"]


def test_a_delivery_of_another_webhook_is_not_sent_anew(ask: AsAdmin, refused: Refused) -> None:
    mine, other = (ask("POST", HOOKS, json=A_HOOK).headers["Location"] for _ in range(2))
    a_cancelled_run(ask)
    [theirs] = ask("GET", f"{other}/deliveries").json["items"]
    assert refused(ask("POST", f"{mine}/deliveries/{theirs['id']}/resend"), 404) == ["delivery_id"]
    assert refused(ask("POST", f"{mine}/deliveries/{UNKNOWN}/resend"), 404) == ["delivery_id"]
    assert refused(ask("POST", f"{HOOKS}/{UNKNOWN}/deliveries/{UNKNOWN}/resend"), 404) == ["webhook_id"]


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"url": "ftp://hooks.test/"}, ["url"]),
    ({"url": "file:///etc/passwd"}, ["url"]),
    ({"url": "hooks.test"}, ["url"]),
    ({"url": ""}, ["url"]),
    ({"url": "http://"}, ["url"]),
    ({"url": "http://user@hooks.test/"}, ["url"]),
    ({"url": "https://user:password@hooks.test/"}, ["url"]),
    ({"url": "https://hooks.test/#part"}, ["url"]),
    ({"url": "https://hooks.test:port/"}, ["url"]),
    ({"url": "https://hooks.test/\r\nX: y"}, ["url"]),
    ({"url": "https://hooks.test/\0"}, ["url"]),
    ({"url": "https://hooks.test/" + "a" * 2_000}, ["url"]),
    ({"url": 7}, ["url"]),
    ({"events": []}, ["events"]),
    ({"events": ["run.begun"]}, ["events.0"]),
    ({"events": "run.failed"}, ["events"]),
    ({"events": ["run.failed"] * 21}, ["events"]),
    ({"secret": "short"}, ["secret"]),
    ({"secret": ""}, ["secret"]),
    ({"secret": "x" * 201}, ["secret"]),
    ({"secret": "a secret with a \0 in it"}, ["secret"]),
    ({"name": "mine"}, ["name"]),
]


@pytest.mark.parametrize(("facts", "fields"), WRONG, ids=lambda part: str(part)[:40])
def test_a_webhook_that_cannot_be_is_refused_by_name(
    ask: AsAdmin, refused: Refused, facts: dict[str, Any], fields: list[str]
) -> None:
    assert refused(ask("POST", HOOKS, json=A_HOOK | facts), 422) == fields
    assert ask("GET", HOOKS).json == {"items": []}


def test_webhooks_are_nobody_elses_business(client: Any, refused: Refused) -> None:
    one = f"{HOOKS}/{UNKNOWN}"
    for verb, address in (
        ("GET", HOOKS),
        ("POST", HOOKS),
        ("GET", one),
        ("DELETE", one),
        ("GET", f"{one}/deliveries"),
        ("POST", f"{one}/deliveries/{UNKNOWN}/resend"),
    ):
        assert refused(client.open(address, method=verb), 401) == ["Authorization"]


def test_an_id_that_is_none_is_refused(ask: AsAdmin, refused: Refused) -> None:
    assert refused(ask("GET", f"{HOOKS}/mine"), 422) == ["webhook_id"]
    assert refused(ask("POST", f"{HOOKS}/{UNKNOWN}/deliveries/last/resend"), 422) == ["delivery_id"]
