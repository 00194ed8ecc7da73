"""The log of what served when: added to and never changed, true after a death, readable as of any time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bookshelf.catalogue import Catalogue
from bookshelf.events import EVENTS
from bookshelf.model_tables import promotions as table
from bookshelf.promotions import Change, Promotions
from bookshelf.webhooks import Webhooks

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST = Change(
    model="price",
    at=NOON,
    action="promote",
    from_version=None,
    to_version="1",
    who="cli",
    reason="first",
    scores={"to": {"version": "1", "score": 3.5}},
    snapshot_id=7,
)


@pytest.fixture
def log(catalogue: Catalogue) -> Promotions:
    return Promotions(catalogue.engine)


def then(change: Change, hours: int, **facts: object) -> Change:
    return replace(change, at=NOON + hours * HOUR, **facts)  # type: ignore[arg-type]


def test_an_intent_is_in_the_log_once_it_is_complete(log: Promotions) -> None:
    log.intend(FIRST)
    assert list(log.intents()) == [FIRST]
    assert log.page(number=1, size=10) == ([], 0)
    written = log.complete(FIRST)
    assert log.intents() == []
    [found], total = log.page("price", number=1, size=10)
    assert (found, total) == (written, 1)
    assert (found.scores, found.snapshot_id, found.at) == (FIRST.scores, 7, NOON)


def test_what_was_intended_and_never_done_leaves_no_trace(log: Promotions) -> None:
    log.intend(FIRST)
    log.abandon(FIRST)
    assert (log.intents(), log.page(number=1, size=10)) == ([], ([], 0))


def test_it_tells_what_was_live_at_any_time(log: Promotions) -> None:
    log.record(FIRST)
    log.record(then(FIRST, 1, action="refused", from_version="1", to_version="2"))
    log.record(then(FIRST, 2, from_version="1", to_version="3"))
    log.record(then(FIRST, 2, model="sentiment"))
    log.record(then(FIRST, 3, action="rollback", from_version="3", to_version="1"))
    log.record(then(FIRST, 4, action="by_hand", from_version="1", to_version=None))

    def live(hours: float) -> dict[str, str | None]:
        return {name: one.to_version for name, one in log.at(NOON + hours * HOUR).items()}

    assert live(-1) == {}
    assert live(0) == live(1.5) == {"price": "1"}
    assert live(2) == {"price": "3", "sentiment": "1"}
    assert live(3.5) == {"price": "1", "sentiment": "1"}
    assert live(5) == {"sentiment": "1"}
    assert log.standing(NOON + 5 * HOUR)["price"].action == "by_hand"


def test_pages_come_newest_first_and_as_they_were(log: Promotions) -> None:
    for hours in range(5):
        log.record(then(FIRST, hours, to_version=str(hours)))
    found, total = log.page("price", number=2, size=2)
    assert ([one.to_version for one in found], total) == (["2", "1"], 5)
    found, total = log.page("price", number=1, size=2, at=NOON + 1.5 * HOUR)
    assert ([one.to_version for one in found], total) == (["1", "0"], 2)
    assert log.page("sentiment", number=1, size=2) == ([], 0)


def test_only_what_served_counts_as_having_been_live(log: Promotions) -> None:
    log.record(then(FIRST, 1, from_version="1", to_version="2"))
    log.record(then(FIRST, 2, action="refused", from_version="2", to_version="3"))
    assert [log.was_live("price", version) for version in "123"] == [True, True, False]
    assert not log.was_live("sentiment", "1")


def test_whoever_listens_is_told_in_the_same_transaction(log: Promotions) -> None:
    webhooks = Webhooks(log.engine)
    hook = webhooks.register("http://127.0.0.1:9/", EVENTS, None, NOON)
    log.intend(FIRST)
    assert webhooks.deliveries(hook.id, number=1, size=10) == ([], 0)
    log.complete(FIRST)
    log.record(then(FIRST, 1, action="refused", reason="it is worse"))
    told, _ = webhooks.deliveries(hook.id, number=1, size=10)
    assert [one.event for one in told] == ["model.refused", "model.promoted"]
    assert told[0].payload["reason"] == "it is worse"
    assert told[1].payload["at"] == NOON.isoformat()


def test_only_one_changes_what_serves_at_a_time(log: Promotions) -> None:
    inside: list[str] = []

    def change(name: str) -> None:
        with log.changing():
            inside.append(name)
            assert len(inside) == 1
            log.record(then(FIRST, 1, reason=name))
            inside.remove(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, "abcd"))
    with log.engine.connect() as connection:
        assert len(connection.execute(select(table.c.id)).all()) == 4
