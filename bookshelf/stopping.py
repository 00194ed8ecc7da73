"""How a program that works until it is told to end is told so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """SIGTERM or SIGINT came; like KeyboardInterrupt it is no error that anyone should handle."""


def ignore_signals() -> None:
    """From here on, until `stopped_by_signals` ends, nothing cuts short what ends now."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within it SIGTERM and SIGINT raise `Stopped`, once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        ignore_signals()  # one is enough
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
