"""What versions that have gone leave behind in memory, collected when nobody is being swapped."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

QUIET_SECONDS = 30.0


class Leftovers:
    """Collects garbage once, when no version has come or gone for a while.

    What goes around in circles waits for a full collection, which stops the worker for some fifteen
    milliseconds. One after each of many swaps was most of what callers felt of them. What was there before
    the worker was ready is not looked at (`settled_heap`).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: float | None = None

    def note(self) -> None:
        """A version has been let go, or refused."""
        self._due = self._clock() + QUIET_SECONDS

    def collect(self) -> None:
        """Collect what was left, if there is any and it has been quiet since."""
        if self._due is not None and self._clock() >= self._due:
            self._due = None
            gc.collect()
