"""One thread encodes for all, and those that wait together are encoded together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event

import pytest

from serving.encoding import Encoding


class Work:
    """Turns texts round, notes what it was asked at once, and goes on when it may."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun = Event()
        self.may_end = Event()

    def reverse(self, texts: list[str]) -> list[str]:
        self.batches.append(texts)
        self.begun.set()
        assert self.may_end.wait(60)
        if "bad" in texts:
            raise ValueError("a bad text")
        return [text[::-1] for text in texts]

    def upper(self, texts: list[str]) -> list[str]:
        self.batches.append(texts)
        return [text.upper() for text in texts]


@pytest.fixture
def encoding() -> Iterator[Encoding]:
    with Encoding() as encoding:
        yield encoding


@pytest.fixture
def work() -> Work:
    return Work()


async def busy(encoding: Encoding, work: Work) -> asyncio.Task[list[str]]:
    """A first call that is under way: whoever comes now has to wait."""
    first = asyncio.create_task(encoding.done(work.reverse, ["first"]))
    await asyncio.to_thread(work.begun.wait, 60)
    return first


def test_one_who_is_alone_waits_for_nobody(encoding: Encoding, work: Work) -> None:
    work.may_end.set()
    assert asyncio.run(encoding.done(work.reverse, ["one", "two"])) == ["eno", "owt"]
    assert work.batches == [["one", "two"]]


def test_those_that_wait_together_are_one_batch_and_each_gets_its_own(encoding: Encoding, work: Work) -> None:
    async def ask() -> list[list[str]]:
        first = await busy(encoding, work)
        others = [asyncio.create_task(encoding.done(work.reverse, [f"{n}x", f"{n}y"])) for n in range(3)]
        await asyncio.sleep(0)
        work.may_end.set()
        return list(await asyncio.gather(first, *others))

    assert asyncio.run(ask()) == [["tsrif"], ["x0", "y0"], ["x1", "y1"], ["x2", "y2"]]
    assert work.batches == [["first"], ["0x", "0y", "1x", "1y", "2x", "2y"]]


def test_other_work_is_another_batch(encoding: Encoding, work: Work) -> None:
    async def ask() -> list[list[str]]:
        first = await busy(encoding, work)
        wanted = [work.upper, work.reverse, work.upper]
        others = [asyncio.create_task(encoding.done(one, [f"{n}z"])) for n, one in enumerate(wanted)]
        await asyncio.sleep(0)
        work.may_end.set()
        return list(await asyncio.gather(first, *others))

    assert asyncio.run(ask()) == [["tsrif"], ["0Z"], ["z1"], ["2Z"]]
    assert work.batches == [["first"], ["0z", "2z"], ["1z"]]


def test_no_more_characters_go_together_than_one_text_may_have(encoding: Encoding, work: Work) -> None:
    async def ask() -> None:
        first = await busy(encoding, work)
        others = [asyncio.create_task(encoding.done(work.reverse, ["x" * 9_000])) for _ in range(3)]
        await asyncio.sleep(0)
        work.may_end.set()
        await asyncio.gather(first, *others)

    asyncio.run(ask())
    assert [len(batch) for batch in work.batches] == [1, 2, 1]


def test_a_text_that_fails_fails_its_own_caller_alone(encoding: Encoding, work: Work) -> None:
    async def ask() -> list[list[str] | BaseException]:
        first = await busy(encoding, work)
        others = [
            asyncio.create_task(encoding.done(work.reverse, [text])) for text in ("good", "bad", "fine")
        ]
        await asyncio.sleep(0)
        work.may_end.set()
        return list(await asyncio.gather(first, *others, return_exceptions=True))

    first, good, bad, fine = asyncio.run(ask())
    assert (first, good, fine) == (["tsrif"], ["doog"], ["enif"])
    assert isinstance(bad, ValueError)
    assert asyncio.run(encoding.done(work.reverse, ["next"])) == ["txen"]


def test_a_panic_of_a_library_fails_its_own_caller_alone(encoding: Encoding, work: Work) -> None:
    class Panic(BaseException):
        """As a tokenizer written in Rust raises it."""

    def panic(_texts: list[str]) -> list[str]:
        raise Panic("no such token")

    work.may_end.set()
    # As an error like others, for who asks is guarded against those.
    with pytest.raises(RuntimeError, match="Panic: no such token"):
        asyncio.run(asyncio.wait_for(encoding.done(panic, ["a text"]), 60))
    assert asyncio.run(asyncio.wait_for(encoding.done(work.reverse, ["next"]), 60)) == ["txen"]


def test_work_of_a_caller_who_has_gone_is_not_begun(encoding: Encoding, work: Work) -> None:
    async def ask() -> None:
        first = await busy(encoding, work)
        gone, other = (asyncio.create_task(encoding.done(work.reverse, [text])) for text in ("gone", "other"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        work.may_end.set()
        await asyncio.gather(first, other)

    asyncio.run(ask())
    assert work.batches == [["first"], ["other"]]


def test_no_text_is_no_work_for_others(encoding: Encoding, work: Work) -> None:
    work.may_end.set()
    assert asyncio.run(encoding.done(work.reverse, [])) == []
