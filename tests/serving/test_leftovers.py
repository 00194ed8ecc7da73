"""What a swap leaves behind is collected, but not while callers would feel it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from serving.leftovers import QUIET_SECONDS, Leftovers


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def no_automatic_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_garbage_is_collected_once_no_version_has_come_or_gone_for_a_while() -> None:
    now = 0.0
    leftovers = Leftovers(lambda: now)
    gone = weakref.ref(Circle())
    leftovers.note()
    now = QUIET_SECONDS - 1
    leftovers.collect()
    leftovers.note()  # another one, and the wait begins anew
    now = QUIET_SECONDS + 1
    leftovers.collect()
    assert gone() is not None
    now = 2 * QUIET_SECONDS
    leftovers.collect()
    assert gone() is None


def test_where_nothing_was_left_nothing_is_collected() -> None:
    gone = weakref.ref(Circle())
    leftovers = Leftovers(lambda: 1e9)
    leftovers.collect()
    assert gone() is not None
    gc.collect()
