"""Questions that wait for their shadow: asked one at a time, and dropped past the room or the trial."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bookshelf.contracts import SentimentReply, SentimentRequest
from serving import metrics, shadows
from serving.challenged import Challenged
from serving.champions import Champion
from serving.noting import Part
from serving.shadows import Shadows


class BareAnswers:
    """A version that is only looked at."""

    champion = Champion("sentiment", "2", "run-2", object(), {})


TRIED: Any = BareAnswers()
QUESTION = SentimentRequest(description="A book of a hundred pages.")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """Of every count the role, the outcome and the number."""
    found: list[tuple[str, str, int]] = []
    monkeypatch.setattr(metrics, "count_trial", lambda _name, _version, *rest: found.append(rest))
    return found


class Asked:
    """What a version on trial was asked, and beside what."""

    def __init__(self) -> None:
        self.beside: list[str | None] = []
        self.tried = True

    async def __call__(self, answers: Any, requests: Sequence[Any], part: Part, /) -> list[Any]:
        self.beside.append(part.shadow_of)
        reply = SentimentReply(sentiment="neutral", score=0.0, model=answers.champion.ref)
        return [reply for _ in requests]


def test_what_finds_no_room_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, counted: list[tuple[str, str, int]]
) -> None:
    monkeypatch.setattr(shadows, "MAX_WAITING_BYTES", 3 * (shadows._QUESTION_BYTES + 100))
    asked = Asked()

    async def five_at_once() -> None:
        waiting = Shadows(Challenged(asked), lambda _answers: True)
        for number in range(5):
            waiting.add(TRIED, QUESTION, str(number))
        assert asked.beside == []  # whoever adds never waits
        while len(asked.beside) < 3:
            await asyncio.sleep(0.001)
        waiting.add(TRIED, QUESTION, "later")
        while len(asked.beside) < 4:
            await asyncio.sleep(0.001)

    asyncio.run(five_at_once())
    assert asked.beside == ["0", "1", "2", "later"]
    assert sorted(counted) == [("shadow", "dropped", 1)] * 2 + [("shadow", "made", 1)] * 4


def test_what_still_waits_when_the_trial_ends_is_not_asked(counted: list[tuple[str, str, int]]) -> None:
    asked = Asked()

    async def ended_meanwhile() -> None:
        waiting = Shadows(Challenged(asked), lambda _answers: asked.tried)
        for number in range(3):
            waiting.add(TRIED, QUESTION, str(number))
        asked.tried = False
        while len(counted) < 3:
            await asyncio.sleep(0.001)

    asyncio.run(ended_meanwhile())
    assert asked.beside == []
    assert counted == [("shadow", "dropped", 1)] * 3
