"""How a program that works until it is told to end is told so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """SIGTERM or SIGINT came; like KeyboardInterrupt it is no error that anyone should handle."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within it SIGTERM and SIGINT raise `Stopped`, once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):  # one is enough; what ends now must not be cut short
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
