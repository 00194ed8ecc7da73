"""Messages reach their receivers: signed, at least once, in time, and whatever other receivers do."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bookshelf.database import writing
from bookshelf.events import EVENTS
from bookshelf.settings import ROOT
from bookshelf.webhooks import Delivery, Webhook, Webhooks, notify
from ingestion.deliver import WAITS, Sender, Sending, delivering
from tests.conftest import wait_until
from tests.ingestion.receiver import Receiver

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = Sending(look_every=timedelta(milliseconds=20), timeout=MINUTE, time_to_stop=MINUTE)
IMPATIENT = replace(AT_ONCE, timeout=timedelta(seconds=1))
LONG = timedelta(seconds=120)


@pytest.fixture
def webhooks(engine: Engine) -> Webhooks:
    return Webhooks(engine)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(engine: Engine, clock: Clock) -> Sender:
    return Sender(engine, AT_ONCE, clock)


def send(sender: Sender) -> None:
    """Send what is due now, and wait until it has gone."""
    sender.begin_due()
    assert sender.wait(LONG)


def tell(webhooks: Webhooks, at: datetime = NOON, **payload: object) -> None:
    with writing(webhooks.engine) as connection:
        assert notify(connection, "run.failed", payload, at)


def only_delivery(webhooks: Webhooks, webhook: Webhook) -> Delivery:
    [delivery], total = webhooks.deliveries(webhook.id, number=1, size=9)
    assert total == 1
    return delivery


def test_a_message_is_whole_and_signed_over_its_time_and_body(
    webhooks: Webhooks, receiver: Receiver, sender: Sender
) -> None:
    webhook = webhooks.register(f"{receiver.url}/hook?shop=1", EVENTS, None, NOON)
    tell(webhooks, source="Café £", counts={"pages": 7})
    send(sender)
    [request] = receiver.received
    assert (request.method, request.path) == ("POST", "/hook?shop=1")
    delivery = only_delivery(webhooks, webhook)
    assert request.message == {
        "id": delivery.id,
        "event": "run.failed",
        "time": NOON.isoformat(),
        "data": {"source": "Café £", "counts": {"pages": 7}},
    }
    stamp = request.headers["X-Bookshelf-Timestamp"]
    assert stamp == str(int(NOON.timestamp()))
    signed = hmac.new(webhook.secret.encode(), stamp.encode() + b"." + request.body, hashlib.sha256)
    assert request.headers["X-Bookshelf-Signature"] == f"sha256={signed.hexdigest()}"
    assert request.headers["X-Bookshelf-Event"] == "run.failed"
    assert request.headers["X-Bookshelf-Delivery"] == delivery.id
    assert request.headers["Content-Type"] == "application/json"
    assert (delivery.status, delivery.delivered_at, delivery.response_status) == ("delivered", NOON, 204)


@pytest.mark.parametrize("answer", [400, 401, 404, 410, 429, 500, 503])
def test_a_message_that_is_not_taken_is_sent_again_after_a_wait(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, clock: Clock, answer: int
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [answer]
    tell(webhooks)
    send(sender)
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.response_status) == ("pending", answer)
    assert (delivery.error, delivery.next_attempt_at) == (f"answered {answer}", NOON + WAITS[0])
    send(sender)
    assert len(receiver.received) == 1, "the wait is not over"
    clock.moment += WAITS[0]
    send(sender)
    first, second = receiver.received
    assert second.headers["X-Bookshelf-Delivery"] == first.headers["X-Bookshelf-Delivery"]
    assert second.body == first.body
    assert second.headers["X-Bookshelf-Timestamp"] == str(int(clock.moment.timestamp()))
    assert second.headers["X-Bookshelf-Signature"] != first.headers["X-Bookshelf-Signature"]
    assert only_delivery(webhooks, webhook).status == "delivered"


def test_the_waits_grow_within_a_bound_and_end_after_about_a_day() -> None:
    assert all(wait == min(before * 3, timedelta(hours=4)) for before, wait in pairwise(WAITS))
    assert timedelta(hours=20) < sum(WAITS, timedelta()) < timedelta(hours=28)


def test_a_message_is_given_up_after_the_last_wait_and_can_be_sent_again(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [500] * (len(WAITS) + 1)
    tell(webhooks)
    send(sender)
    for wait in WAITS:
        assert only_delivery(webhooks, webhook).status == "pending"
        clock.moment += wait
        send(sender)
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("failed", len(WAITS) + 1, None)
    clock.moment += timedelta(days=30)
    send(sender)
    assert len(receiver.received) == len(WAITS) + 1
    webhooks.resend(webhook.id, delivery.id, clock.moment)
    send(sender)
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.attempts, delivery.error) == ("delivered", 1, None)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Fri, 01 May 2026 13:00:00 GMT", timedelta(hours=1)),
        ("3", WAITS[0]),  # never sooner than without it
        ("999999999", timedelta(days=1)),
        ("soon", WAITS[0]),
    ],
)
def test_a_receiver_is_given_the_time_that_it_asks_for(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, header: str, wait: timedelta
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [503]
    receiver.headers["Retry-After"] = header
    tell(webhooks)
    send(sender)
    assert only_delivery(webhooks, webhook).next_attempt_at == NOON + wait


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, status: int
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [status]
    receiver.headers["Location"] = f"{receiver.url}/elsewhere"
    tell(webhooks)
    send(sender)
    assert [request.path for request in receiver.received] == ["/"]
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.response_status) == ("pending", status)
    assert f"answered {status}, a redirect, which is not followed" in (delivery.error or "")


def test_a_receiver_that_refuses_the_connection_is_tried_again(
    webhooks: Webhooks, sender: Sender, nobodys_port: int
) -> None:
    webhook = webhooks.register(f"http://127.0.0.1:{nobodys_port}/", EVENTS, None, NOON)
    tell(webhooks)
    send(sender)
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.error) == ("pending", "connection refused")
    assert (delivery.attempts, delivery.response_status) == (1, None)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{port}/", "http://no-such-host.invalid/", "http://a..b/", "http://[::1]:1/"]
)
def test_a_receiver_that_cannot_be_reached_is_said_to_be_so(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, url: str
) -> None:
    address = url.format(port=receiver.url.rpartition(":")[2])
    webhook = webhooks.register(address, EVENTS, None, NOON)
    tell(webhooks)
    send(sender)
    delivery = only_delivery(webhooks, webhook)
    assert delivery.status == "pending"
    assert delivery.error


def test_no_proxy_is_asked_for_what_listens_on_this_machine(
    webhooks: Webhooks,
    receiver: Receiver,
    sender: Sender,
    nobodys_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{nobodys_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    tell(webhooks)
    send(sender)
    assert len(receiver.received) == 1


def test_no_receiver_is_sent_a_password_that_the_machine_keeps_for_its_host(
    webhooks: Webhooks, receiver: Receiver, sender: Sender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 0.0.0.0 login me password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("no_proxy", "0.0.0.0")
    # This machine under a name that is not known to be its loopback.
    webhooks.register(receiver.url.replace("127.0.0.1", "0.0.0.0"), EVENTS, None, NOON)
    tell(webhooks)
    send(sender)
    [request] = receiver.received
    assert "Authorization" not in request.headers


def test_receivers_that_never_answer_hold_up_nobody_else(
    webhooks: Webhooks, receiver: Receiver, engine: Engine
) -> None:
    for n in range(IMPATIENT.at_once + 2):
        webhooks.register(f"{receiver.url}/silent-{n}", EVENTS, None, NOON)
        receiver.answers[f"/silent-{n}"] = [receiver.say_nothing] * 100
    webhook = webhooks.register(f"{receiver.url}/quick", EVENTS, None, NOON)
    for n in range(5):
        tell(webhooks, NOON + timedelta(seconds=n), n=n)

    def all_delivered() -> bool:
        deliveries, _ = webhooks.deliveries(webhook.id, number=1, size=9)
        return {delivery.status for delivery in deliveries} == {"delivered"}

    with delivering(engine, IMPATIENT):
        wait_until(all_delivered)
    # Each once, but where a busy machine took a second over an answer.
    numbers = dict.fromkeys(request.message["data"]["n"] for request in receiver.of("/quick"))
    assert list(numbers) == list(range(5))


def test_receivers_take_turns_however_many_messages_wait_for_one(
    webhooks: Webhooks, receiver: Receiver, engine: Engine
) -> None:
    for n in range(2):
        webhooks.register(f"{receiver.url}/refuses-{n}", EVENTS, None, NOON)
        receiver.answers[f"/refuses-{n}"] = [503] * 100
    for n in range(30):
        tell(webhooks, n=n)
    webhooks.register(f"{receiver.url}/takes", EVENTS, None, NOON)
    tell(webhooks, NOON + timedelta(seconds=1))
    # One at a time and no timeout: they come in the order in which they are sent, however slow the machine.
    with delivering(engine, replace(AT_ONCE, at_once=1)):
        wait_until(lambda: receiver.of("/takes"))
    assert [request.path for request in receiver.received].index("/takes") <= 3


@pytest.mark.parametrize("behaviour", ["say_nothing", "drip"])
def test_a_receiver_without_a_whole_answer_meets_the_timeout(
    webhooks: Webhooks, receiver: Receiver, engine: Engine, clock: Clock, behaviour: str
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [getattr(receiver, behaviour)]
    tell(webhooks)
    send(Sender(engine, IMPATIENT, clock))
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.error) == ("pending", "no answer within 1 s")


def test_receivers_that_drip_their_answers_do_not_use_up_the_room(
    webhooks: Webhooks, receiver: Receiver, engine: Engine
) -> None:
    how = Sending(at_once=2, patience=timedelta(seconds=0.3), look_every=timedelta(milliseconds=20))
    for n in range(4):
        webhooks.register(f"{receiver.url}/drips-{n}", EVENTS, None, NOON)
        receiver.answers[f"/drips-{n}"] = [receiver.drip]
    tell(webhooks)
    webhooks.register(f"{receiver.url}/quick", EVENTS, None, NOON)
    tell(webhooks, NOON + timedelta(seconds=1))
    with delivering(engine, how):
        wait_until(lambda: receiver.of("/quick"))
        receiver.closing.set()


def test_two_senders_send_a_message_once(webhooks: Webhooks, receiver: Receiver, engine: Engine) -> None:
    for n in range(4):
        webhooks.register(f"{receiver.url}/{n}", EVENTS, None, NOON)
    for n in range(10):
        tell(webhooks, n=n)
    with delivering(engine, AT_ONCE), delivering(engine, AT_ONCE):
        wait_until(lambda: len(receiver.received) >= 40)
        wait_until(lambda: not webhooks.due(NOON))
        time.sleep(0.2)
    ids = [request.headers["X-Bookshelf-Delivery"] for request in receiver.received]
    assert len(ids) == len(set(ids)) == 40


def test_what_is_on_its_way_when_the_sender_stops_is_noted(
    webhooks: Webhooks, receiver: Receiver, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    usual, stopping = Sender.stop, Event()

    def stop(sender: Sender) -> None:
        usual(sender)
        stopping.set()

    def answer_late(handler: BaseHTTPRequestHandler) -> None:
        assert stopping.wait(LONG.total_seconds())
        handler.send_response(200)
        handler.end_headers()

    monkeypatch.setattr(Sender, "stop", stop)
    receiver.answers["/"] = [answer_late]
    tell(webhooks)
    with delivering(engine, AT_ONCE):
        wait_until(lambda: receiver.received)
    assert only_delivery(webhooks, webhook).status == "delivered"


def test_a_sender_that_stops_does_not_wait_for_a_silent_receiver(
    webhooks: Webhooks, receiver: Receiver, engine: Engine
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    receiver.answers["/"] = [receiver.say_nothing]
    tell(webhooks)
    how = replace(AT_ONCE, time_to_stop=timedelta(seconds=0.2))
    with delivering(engine, how):
        wait_until(lambda: receiver.received)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 20  # not the minute that an answer may take
    assert only_delivery(webhooks, webhook).status == "pending"


def test_a_sender_killed_between_sending_and_noting_has_its_message_sent_again(
    webhooks: Webhooks, receiver: Receiver, engine: Engine, clock: Clock
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    killed = start_sender(engine)

    def kill(_handler: BaseHTTPRequestHandler) -> None:
        os.kill(killed.pid, signal.SIGKILL)

    receiver.answers["/"] = [kill]
    tell(webhooks)
    assert killed.wait(240) == -signal.SIGKILL
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    clock.moment = datetime.now(UTC)
    survivor = Sender(engine, AT_ONCE, clock)
    send(survivor)
    assert len(receiver.received) == 1, "the claim of the one that died has not run out"
    clock.moment += AT_ONCE.claimed_for
    send(survivor)
    first, second = receiver.received
    assert first.headers["X-Bookshelf-Delivery"] == second.headers["X-Bookshelf-Delivery"]
    assert first.body == second.body
    delivery = only_delivery(webhooks, webhook)
    assert (delivery.status, delivery.attempts) == ("delivered", 2)


def test_a_message_that_cannot_be_noted_at_once_is_sent_once(
    webhooks: Webhooks, receiver: Receiver, engine: Engine, sender: Sender
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)

    renamed = Event()

    def answer_without_a_table(handler: BaseHTTPRequestHandler) -> None:
        rename(engine, "webhook_deliveries", "away")
        renamed.set()
        handler.send_response(200)
        handler.end_headers()

    receiver.answers["/"] = [answer_without_a_table]
    tell(webhooks)
    sender.begin_due()
    assert renamed.wait(LONG.total_seconds())
    assert not sender.wait(timedelta(seconds=0.5)), "it still tries to note it"
    rename(engine, "away", "webhook_deliveries")
    assert sender.wait(LONG)
    assert only_delivery(webhooks, webhook).status == "delivered"
    assert len(receiver.received) == 1


def rename(engine: Engine, old: str, new: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def start_sender(engine: Engine) -> subprocess.Popen[bytes]:
    """A process of its own that sends, as the worker does."""
    program = (
        "import sys, time\n"
        "from bookshelf.database import open_database\n"
        "from ingestion.deliver import delivering\n"
        "with delivering(open_database(sys.argv[1])):\n"
        "    time.sleep(600)\n"
    )
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen([sys.executable, "-c", program, url], cwd=ROOT)


def test_the_documented_way_to_verify_a_message_tells_genuine_from_forged(
    webhooks: Webhooks, receiver: Receiver, engine: Engine
) -> None:
    webhook = webhooks.register(f"{receiver.url}/", EVENTS, None, NOON)
    tell(webhooks, source="Café £")
    send(Sender(engine, AT_ONCE))
    [request] = receiver.received
    guide = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    documented: dict[str, Any] = {}
    exec(snippet, documented)
    is_genuine = documented["is_genuine"]
    assert is_genuine(webhook.secret, request.headers, request.body)
    assert not is_genuine("another secret, not ours", request.headers, request.body)
    assert not is_genuine(webhook.secret, request.headers, request.body.replace(b"run.failed", b"run.fooled"))
    later = str(int(request.headers["X-Bookshelf-Timestamp"]) + 1)
    assert not is_genuine(
        webhook.secret, {**request.headers, "X-Bookshelf-Timestamp": later}, request.body
    ), "the time is signed too"
    assert not is_genuine(webhook.secret, request.headers, request.body, tolerance_seconds=-1)


def test_the_guide_tells_the_waits_and_the_events_as_they_are() -> None:
    guide = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+\.\w+)`", guide, re.MULTILINE) == list(EVENTS)
    minutes = [wait.total_seconds() / 60 for wait in WAITS]
    assert minutes[:6] == [10 / 60, 0.5, 1.5, 4.5, 13.5, 40.5]
    assert minutes[6:] == [121.5] + [240] * 5
    assert len(WAITS) + 1 == 13
