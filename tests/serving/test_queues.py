"""Who waits for a turn gets one in order, and who cannot have one is told so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bookshelf.settings import Settings
from serving import queues
from serving.queues import Limits, Queue, Queues

Receive = Callable[[], Awaitable[Any]]


async def never() -> Any:
    """A caller who stays."""
    await asyncio.Event().wait()


def a_queue(in_work: int, waiting: int) -> Queue:
    return Queue("price", Limits(in_work, waiting))


async def settle() -> None:
    """Let everybody go on as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def statuses(entered: list[Any]) -> list[int]:
    """Of those who know already: 200 for a turn, else that of their refusal."""
    return [200 if one.result() is None else one.result().status for one in entered if one.done()]


def test_of_a_crowd_that_comes_at_once_so_many_enter_so_many_wait_and_the_rest_is_refused() -> None:
    async def crowd() -> None:
        queue = a_queue(2, 3)
        entered = [asyncio.ensure_future(queue.enter(never)) for _ in range(9)]
        await settle()
        assert sorted(statuses(entered)) == [200, 200, 503, 503, 503, 503]
        for turns in (3, 4, 5):
            queue.leave()
            await settle()
            assert statuses(entered).count(200) == turns

    asyncio.run(crowd())


def test_a_long_text_counts_as_many_questions_and_leaves_as_many_places() -> None:
    async def long_ones() -> None:
        queue = Queue("sentiment", Limits(2, 8, bytes_of_one=2_000))
        assert await queue.enter(never, 20_001) is None  # though one more than there is room for
        assert queue.full() is not None
        queue.leave(20_001)
        for _ in range(2):
            assert await queue.enter(never, 2_000) is None
        assert queue.full() is None

    asyncio.run(long_ones())


def test_turns_go_in_the_order_of_coming() -> None:
    async def line() -> list[int]:
        queue, order = a_queue(1, 10), []

        async def ask(number: int) -> None:
            assert await queue.enter(never) is None
            order.append(number)
            await asyncio.sleep(0)
            queue.leave()

        await asyncio.gather(*(ask(number) for number in range(6)))
        return order

    assert asyncio.run(line()) == list(range(6))


def test_a_caller_who_has_gone_leaves_the_queue_to_others() -> None:
    async def leaving() -> None:
        queue, gone = a_queue(1, 1), asyncio.Event()

        async def until_gone() -> Any:
            await gone.wait()

        assert await queue.enter(never) is None
        waiting = asyncio.ensure_future(queue.enter(until_gone))
        await settle()
        assert queue.full() is not None
        gone.set()
        refusal = await waiting
        assert refusal is not None
        assert refusal.status == 503
        assert queue.full() is None
        queue.leave()
        assert await queue.enter(never) is None

    asyncio.run(leaving())


def test_a_wait_that_is_too_long_ends_with_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "_LONGEST_WAIT_SECONDS", 0.01)

    async def waiting() -> None:
        queue = a_queue(1, 1)
        assert await queue.enter(never) is None
        refusal = await queue.enter(never)
        assert refusal is not None
        assert "within 0.01 s" in refusal.detail
        assert queue.full() is None

    asyncio.run(waiting())


def test_who_is_stopped_while_waiting_takes_no_turn_along() -> None:
    async def stopping() -> None:
        queue = a_queue(1, 2)
        assert await queue.enter(never) is None
        for given_first in (False, True):
            waiting = asyncio.ensure_future(queue.enter(never))
            await settle()
            if given_first:
                queue.leave()
            waiting.cancel()
            await settle()
            assert waiting.cancelled()
        assert await queue.enter(never) is None
        queue.leave()
        assert (queue._in_hand, queue._in_work) == (0, 0)

    asyncio.run(stopping())


def test_every_endpoint_but_the_one_that_looks_after_models_has_a_queue_of_its_kind() -> None:
    of = Queues(lambda: Settings(queue_price=0))
    assert of.at("/models") is None
    assert of.at("/similar") is of.at("/recommendations")
    assert of.at("/features_file") is not of.at("/features")
    assert of.at("/anything_new") is not None
    price = of.at("/price")
    assert price is not None
    assert price._limits.waiting == 0
