"""Orders to the trainer: one a model at a time, on a lease, told of when they fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import Conflict, NotFound, OrderInProgress
from bookshelf.events import EVENTS
from bookshelf.model_orders import MOST_ATTEMPTS, ModelOrders
from bookshelf.runs import LEASE
from bookshelf.standings import Standing, Standings
from bookshelf.webhooks import Webhooks

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=10)
EXPIRED = LEASE + timedelta(seconds=1)


@pytest.fixture
def orders(catalogue: Catalogue) -> ModelOrders:
    return ModelOrders(catalogue.engine)


def test_an_order_waits_until_it_is_claimed_and_ends_with_its_outcome(orders: ModelOrders) -> None:
    asked = orders.request("rollback", "price", "admin", "it is odd", NOON, "2")
    assert (asked.status, asked.version, asked.attempts, asked.requested_at) == ("queued", "2", 0, NOON)
    claimed = orders.claim("us", LATER)
    assert claimed is not None
    assert (claimed.id, claimed.status, claimed.attempts) == (asked.id, "running", 1)
    assert orders.claim("them", LATER) is None
    done = orders.finish(asked.id, "us", LATER, "succeeded", "version 2 serves")
    assert (done.status, done.outcome, done.finished_at) == ("succeeded", "version 2 serves", LATER)
    assert orders.get(asked.id) == done


def test_a_second_order_of_one_model_is_refused_by_the_name_of_the_first(orders: ModelOrders) -> None:
    first = orders.request("retrain", "price", "admin", "", NOON)
    other = orders.request("retrain", "sentiment", "admin", "", LATER)
    orders.claim("us", NOON)
    with pytest.raises(OrderInProgress, match=f"order {first.id}, to retrain price, is running") as caught:
        orders.request("rollback", "price", "admin", "", NOON, "1")
    assert caught.value.order_id == first.id
    orders.finish(first.id, "us", LATER, "refused", "it is worse")
    assert orders.request("rollback", "price", "admin", "", LATER, "1").id != other.id


def test_an_order_says_itself_which_version_it_is_about(orders: ModelOrders) -> None:
    with pytest.raises(ValueError, match="an order to rollback names a version"):
        orders.request("rollback", "price", "admin", "", NOON)
    with pytest.raises(ValueError, match="an order to retrain names no version"):
        orders.request("retrain", "price", "admin", "", NOON, "1")


def test_of_many_who_ask_at_once_one_order_is_made(orders: ModelOrders) -> None:
    def ask(_number: int) -> str:
        try:
            return orders.request("retrain", "price", "admin", "", NOON).id
        except OrderInProgress as error:
            return error.order_id

    with ThreadPoolExecutor(8) as clients:
        assert len(set(clients.map(ask, range(8)))) == 1
    assert orders.page(number=1, size=10)[1] == 1


def test_only_the_kinds_that_are_wanted_are_claimed_the_oldest_first(orders: ModelOrders) -> None:
    orders.request("retrain", "price", "admin", "", NOON)
    second = orders.request("rollback", "sentiment", "admin", "", LATER, "1")
    claimed = orders.claim("us", LATER, ("rollback", "promote"))
    assert claimed is not None
    assert claimed.id == second.id
    assert orders.claim("us", LATER, ("rollback",)) is None


def test_an_order_whose_trainer_died_is_taken_up_again_and_at_last_given_up(orders: ModelOrders) -> None:
    hook = Webhooks(orders.engine).register("http://127.0.0.1:9/", EVENTS, None, NOON)
    asked = orders.request("retrain", "price", "admin", "", NOON)
    at = NOON
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = orders.claim(f"trainer {attempt}", at)
        assert claimed is not None
        assert claimed.attempts == attempt
        orders.renew(asked.id, f"trainer {attempt}", at)
        at += EXPIRED
    assert orders.claim("the next", at) is None
    ended = orders.get(asked.id)
    assert (ended.status, ended.outcome) == ("failed", "its trainer died 3 times before it was done")
    with pytest.raises(Conflict, match="no longer held by trainer 3"):
        orders.finish(asked.id, "trainer 3", at, "succeeded", "")
    [told], _ = Webhooks(orders.engine).deliveries(hook.id, number=1, size=10)
    assert (told.event, told.payload["id"]) == ("model.order_failed", asked.id)


def test_an_order_given_back_waits_again_and_the_try_does_not_count(orders: ModelOrders) -> None:
    asked = orders.request("retrain", "price", "admin", "", NOON)
    orders.claim("us", NOON)
    orders.give_back(asked.id, "us")
    assert (orders.get(asked.id).status, orders.get(asked.id).attempts) == ("queued", 0)
    with pytest.raises(Conflict):
        orders.renew(asked.id, "us", NOON)


def test_orders_are_listed_newest_first(orders: ModelOrders) -> None:
    ids = []
    for second, model in enumerate(("price", "recommender", "sentiment")):
        ids.append(orders.request("retrain", model, "admin", "", NOON + timedelta(seconds=second)).id)
    found, total = orders.page(number=1, size=2)
    assert ([one.id for one in found], total) == ([ids[2], ids[1]], 3)
    assert [one.id for one in orders.page(number=1, size=2, model="price")[0]] == [ids[0]]
    with pytest.raises(NotFound):
        orders.get("nothing")


def test_a_standing_takes_the_place_of_the_one_before(catalogue: Catalogue) -> None:
    standings = Standings(catalogue.engine)
    assert standings.all() == {}
    first = Standing(
        model="price", champion=None, challenger="1", previous=None, versions=("1",), seen_at=NOON
    )
    second = Standing(
        model="price", champion="2", challenger="2", previous="1", versions=("1", "2"), seen_at=LATER
    )
    standings.note(first)
    standings.note(second)
    assert standings.all() == {"price": second}
