"""A worker ends with the server that started it, however that ended."""

from __future__ import annotations

import os
import signal
import time
from threading import Thread

_LOOK_EVERY_SECONDS = 0.5


def end_with_parent() -> None:
    """From now on, end this process in an orderly way soon after its parent is gone.

    A server that is killed leaves its workers behind. They would go on listening, and the server that
    is started in its place would find its port taken.
    """
    Thread(target=_watch, args=(os.getppid(),), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
