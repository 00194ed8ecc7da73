"""Webhooks and their outbox: nothing that happened goes untold, and each message has one sender at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from bookshelf import tables
from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.database import writing
from bookshelf.errors import InvalidWebhook, NotFound
from bookshelf.events import EVENTS, Event
from bookshelf.runs import LEASE, Runs
from bookshelf.webhooks import Claim, Delivery, Webhook, Webhooks, notify

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
URL = "https://reader.test/hook?shop=1"
SHOP = "https://shop.test/"


@pytest.fixture
def webhooks(catalogue: Catalogue) -> Webhooks:
    return Webhooks(catalogue.engine)


@pytest.fixture
def runs(catalogue: Catalogue) -> Runs:
    return Runs(catalogue.engine)


def tell(webhooks: Webhooks, event: Event = "run.failed", at: datetime = NOON, **payload: object) -> int:
    with writing(webhooks.engine) as connection:
        return notify(connection, event, payload, at)


def told(webhooks: Webhooks, webhook: Webhook) -> list[Delivery]:
    return list(webhooks.deliveries(webhook.id, number=1, size=100)[0])


def claimed(webhooks: Webhooks, at: datetime = NOON) -> Claim:
    claim = webhooks.claim(webhooks.due(at)[0], at + LEASE)
    assert claim is not None
    return claim


def test_a_webhook_is_kept_as_it_was_registered(webhooks: Webhooks) -> None:
    one = webhooks.register(URL, ["run.failed", "snapshot.published", "run.failed"], "s" * 16, NOON)
    other = webhooks.register("http://127.0.0.1:8080", EVENTS, None, LATER)
    assert one.events == ("snapshot.published", "run.failed")
    assert (one.url, one.secret, one.created_at) == (URL, "s" * 16, NOON)
    assert webhooks.list() == [one, other]
    assert webhooks.get(one.id) == one


def test_a_secret_that_is_not_given_is_drawn_anew_each_time_and_not_shown_in_logs(webhooks: Webhooks) -> None:
    first, second = (webhooks.register(URL, EVENTS, None, NOON) for _ in range(2))
    assert first.secret != second.secret
    assert len(first.secret) >= 32
    assert first.secret not in repr(first)


@pytest.mark.parametrize(
    ("field", "url", "events", "secret"),
    [
        ("url", "ftp://reader.test/", EVENTS, None),
        ("url", "reader.test/hook", EVENTS, None),
        ("url", "https://", EVENTS, None),
        ("url", "https://reader.test:99999/", EVENTS, None),
        ("url", "https://me:word@reader.test/", EVENTS, None),
        ("url", "https://reader.test/#part", EVENTS, None),
        ("url", "https://reader.test/a b", EVENTS, None),
        ("url", "https://reader.test/\r\nX: y", EVENTS, None),
        ("events", URL, [], None),
        ("events", URL, ["run.failed", "run.forgotten"], None),
        ("secret", URL, EVENTS, "short"),
        ("secret", URL, EVENTS, ""),
    ],
)
def test_a_webhook_that_could_not_be_told_is_refused_by_the_field(
    webhooks: Webhooks, field: str, url: str, events: list[str], secret: str | None
) -> None:
    with pytest.raises(InvalidWebhook, match=f"^{field} must be") as caught:
        webhooks.register(url, events, secret, NOON)
    assert caught.value.field == field
    assert webhooks.list() == []


def test_those_who_listen_are_told_and_no_others(webhooks: Webhooks) -> None:
    listens = webhooks.register(URL, ["run.failed"], None, NOON)
    deaf = webhooks.register(URL, ["snapshot.published"], None, NOON)
    assert tell(webhooks, run_id="r1", counts={"pages": 7}) == 1
    assert tell(webhooks, "run.cancelled") == 0
    [delivery] = told(webhooks, listens)
    assert (delivery.event, delivery.payload, delivery.status) == (
        "run.failed",
        {"run_id": "r1", "counts": {"pages": 7}},
        "pending",
    )
    assert (delivery.created_at, delivery.next_attempt_at, delivery.attempts) == (NOON, NOON, 0)
    assert told(webhooks, deaf) == []


def test_what_is_rolled_back_is_not_told(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    with webhooks.engine.connect() as connection:
        assert notify(connection, "run.failed", {}, NOON) == 1
        connection.rollback()
    assert told(webhooks, webhook) == []


def test_deliveries_come_newest_first_in_pages(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    for n in range(5):
        tell(webhooks, at=NOON + timedelta(seconds=n), n=n)
    page, total = webhooks.deliveries(webhook.id, number=2, size=2)
    assert ([delivery.payload["n"] for delivery in page], total) == ([2, 1], 5)


def test_of_each_webhook_the_delivery_that_waits_longest_is_due(webhooks: Webhooks) -> None:
    first, second = (webhooks.register(URL, EVENTS, None, NOON) for _ in range(2))
    tell(webhooks, at=NOON, n=1)
    tell(webhooks, at=LATER, n=2)
    assert {(d.webhook_id, d.payload["n"]) for d in webhooks.due(LATER)} == {(first.id, 1), (second.id, 1)}
    assert webhooks.due(NOON - timedelta(seconds=1)) == ()


def test_a_claimed_delivery_is_due_to_nobody_until_the_claim_runs_out(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks)
    [due] = webhooks.due(NOON)
    claim = webhooks.claim(due, LATER)
    assert claim is not None
    assert (claim.url, claim.secret, claim.delivery.attempts) == (URL, webhook.secret, 1)
    assert webhooks.claim(due, LATER) is None
    assert webhooks.due(NOON) == ()
    [again] = webhooks.due(LATER)
    assert (again.id, again.attempts) == (due.id, 1)
    second = webhooks.claim(again, LATER + LEASE)
    assert second is not None
    assert not webhooks.delivered(claim, LATER, 200), "the first claim had run out"
    assert webhooks.delivered(second, LATER, 204)


def test_of_several_senders_one_gets_a_delivery(webhooks: Webhooks) -> None:
    webhooks.register(URL, EVENTS, None, NOON)
    for n in range(20):
        tell(webhooks, n=n)

    def take_all() -> list[str]:
        taken = []
        while due := webhooks.due(NOON):
            if claim := webhooks.claim(due[0], LATER):
                taken.append(claim.delivery.id)
        return taken

    with ThreadPoolExecutor(4) as senders:
        taken = [sender.result() for sender in [senders.submit(take_all) for _ in range(4)]]
    ids = [delivery_id for one in taken for delivery_id in one]
    assert len(ids) == len(set(ids)) == 20


def test_a_delivered_message_is_done_with(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks)
    assert webhooks.delivered(claimed(webhooks), LATER, 204)
    [delivery] = told(webhooks, webhook)
    assert (delivery.status, delivery.delivered_at, delivery.response_status) == ("delivered", LATER, 204)
    assert (delivery.next_attempt_at, delivery.error) == (None, None)
    assert webhooks.due(LATER + timedelta(days=9)) == ()


def test_a_failed_attempt_is_due_again_at_its_time_or_given_up(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks)
    assert webhooks.failed(claimed(webhooks), "answered 500", response_status=500, next_attempt_at=LATER)
    [delivery] = told(webhooks, webhook)
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("pending", 1, LATER)
    assert (delivery.response_status, delivery.error) == (500, "answered 500")
    assert webhooks.due(LATER - timedelta(seconds=1)) == ()
    again = claimed(webhooks, LATER)
    assert webhooks.failed(again, "no answer", response_status=None, next_attempt_at=None)
    [delivery] = told(webhooks, webhook)
    assert (delivery.status, delivery.attempts, delivery.error) == ("failed", 2, "no answer")
    assert webhooks.due(LATER + timedelta(days=9)) == ()


def test_a_delivery_is_sent_again_with_all_its_attempts_before_it(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks, n=1)
    webhooks.failed(claimed(webhooks), "no answer", response_status=None, next_attempt_at=None)
    [failed] = told(webhooks, webhook)
    again = webhooks.resend(webhook.id, failed.id, LATER)
    assert (again.id, again.payload, again.created_at) == (failed.id, {"n": 1}, NOON)
    assert (again.status, again.attempts, again.next_attempt_at) == ("pending", 0, LATER)
    assert [due.id for due in webhooks.due(LATER)] == [failed.id]


def test_a_delivery_sent_again_is_not_undone_by_an_attempt_begun_before(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks)
    claim = claimed(webhooks)
    webhooks.resend(webhook.id, claim.delivery.id, LATER)
    assert not webhooks.failed(claim, "no answer", response_status=None, next_attempt_at=None)
    assert [due.id for due in webhooks.due(LATER)] == [claim.delivery.id]


def test_a_removed_webhook_takes_its_deliveries_along(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    other = webhooks.register(URL, EVENTS, None, NOON)
    tell(webhooks)
    [due] = (one for one in webhooks.due(NOON) if one.webhook_id == webhook.id)
    webhooks.remove(webhook.id)
    assert webhooks.list() == [other]
    assert webhooks.claim(due, LATER) is None
    assert [one.webhook_id for one in webhooks.due(NOON)] == [other.id]


def test_what_is_not_there_is_named(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    missing: list[tuple[str, Callable[[], object]]] = [
        ("webhook_id", lambda: webhooks.get("nothing")),
        ("webhook_id", lambda: webhooks.remove("nothing")),
        ("webhook_id", lambda: webhooks.deliveries("nothing", number=1, size=1)),
        ("webhook_id", lambda: webhooks.resend("nothing", "nothing", NOON)),
        ("delivery_id", lambda: webhooks.resend(webhook.id, "nothing", NOON)),
    ]
    for field, ask in missing:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.field == field


def test_a_webhook_removed_during_a_publish_does_not_undo_the_publish(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    with ThreadPoolExecutor(1) as other:
        with writing(webhooks.engine) as connection:
            assert notify(connection, "snapshot.published", {}, NOON) == 1
            removed = other.submit(webhooks.remove, webhook.id)
            with pytest.raises(TimeoutError):
                removed.result(timeout=0.3)  # waits for us
        removed.result(timeout=120)
    assert webhooks.list() == []
    assert webhooks.due(LATER) == ()


def test_a_publish_during_the_removal_of_a_webhook_is_not_undone(webhooks: Webhooks) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    with ThreadPoolExecutor(1) as other:
        with writing(webhooks.engine) as connection:
            connection.execute(delete(tables.webhooks).where(tables.webhooks.c.id == webhook.id))
            published = other.submit(tell, webhooks)
            with pytest.raises(TimeoutError):
                published.result(timeout=0.3)  # waits for us
        assert published.result(timeout=120) == 0


def test_a_published_snapshot_is_told_with_what_it_changed(
    webhooks: Webhooks, runs: Runs, catalogue: Catalogue, a_book: Callable[..., Book]
) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    catalogue.publish([a_book(upc="a"), a_book(upc="b")], SHOP, NOON)
    run = runs.begin("scrape", SHOP, "cli", "me", NOON)
    snapshot_id = catalogue.snapshots.begin(SHOP, NOON)
    runs.fills(run.id, "me", snapshot_id)
    catalogue.snapshots.stage(snapshot_id, [(0, a_book(upc="a", stock=1)), (1, a_book(upc="c"))])
    catalogue.snapshots.publish(snapshot_id, LATER, taken_at=LATER)
    runs.finish(run.id, "me", LATER, "succeeded", counts={})
    second, first = told(webhooks, webhook)
    assert first.event == second.event == "snapshot.published"
    assert first.payload["run_id"] is None
    assert second.payload == {
        "snapshot_id": snapshot_id,
        "run_id": run.id,
        "source": SHOP,
        "status": "published",
        "revision": 2,
        "books": 2,
        "added": 1,
        "changed": 1,
        "removed": 1,
        "started_at": NOON.isoformat(),
        "taken_at": LATER.isoformat(),
        "published_at": LATER.isoformat(),
    }


def test_a_snapshot_that_cannot_be_published_is_not_told(webhooks: Webhooks, catalogue: Catalogue) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    with pytest.raises(Exception, match="without a single book"):
        catalogue.publish([], SHOP, NOON)
    assert told(webhooks, webhook) == []


@pytest.mark.parametrize("status", ["failed", "quarantined", "interrupted", "cancelled"])
def test_a_run_that_did_not_end_well_is_told(webhooks: Webhooks, runs: Runs, status: str) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    run = runs.begin("scrape", SHOP, "admin", "me", NOON)
    runs.finish(run.id, "me", LATER, status, counts={"pages": 7}, error="why")  # type: ignore[arg-type]
    [delivery] = told(webhooks, webhook)
    assert delivery.event == f"run.{status}"
    assert delivery.payload == {
        "run_id": run.id,
        "snapshot_id": None,
        "kind": "scrape",
        "source": SHOP,
        "requested_by": "admin",
        "status": status,
        "counts": {"pages": 7},
        "error": "why",
        "requested_at": NOON.isoformat(),
        "started_at": NOON.isoformat(),
        "finished_at": LATER.isoformat(),
    }


def test_a_run_that_its_holder_has_lost_is_told_once(webhooks: Webhooks, runs: Runs) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    runs.begin("scrape", SHOP, "admin", "me", NOON)
    assert len(runs.expire(NOON + 2 * LEASE)) == 1
    assert runs.expire(NOON + 3 * LEASE) == []
    assert [delivery.event for delivery in told(webhooks, webhook)] == ["run.interrupted"]


def test_a_queued_run_that_is_cancelled_is_told_at_once_a_running_one_when_it_ends(
    webhooks: Webhooks, runs: Runs
) -> None:
    webhook = webhooks.register(URL, EVENTS, None, NOON)
    queued = runs.request(SHOP, "admin", NOON)
    runs.cancel(queued.id, NOON)
    assert [delivery.payload["run_id"] for delivery in told(webhooks, webhook)] == [queued.id]
    running = runs.begin("scrape", SHOP, "admin", "me", LATER)
    runs.cancel(running.id, LATER)
    assert len(told(webhooks, webhook)) == 1
    runs.finish(running.id, "me", LATER, "cancelled", counts={})
    assert [delivery.payload["run_id"] for delivery in told(webhooks, webhook)] == [running.id, queued.id]
