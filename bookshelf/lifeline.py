"""A process ends with the one that started it, however that ended."""

from __future__ import annotations

import os
import signal
import time
from threading import Thread

import psutil

_LOOK_EVERY_SECONDS = 0.5


def end_with_parent(parent: int | None = None, *, by: signal.Signals = signal.SIGTERM) -> None:
    """From now on, end this process in an orderly way, by that signal, soon after its parent is gone.

    `parent` is the parent's id, for a process whose parent may be gone already. Where nobody could tell it
    that, the parent runs the same Python as we do, as a server does, and whoever else has taken us in is not
    taken for it. Whoever is killed leaves its children behind: a worker would go on listening on the port of
    the server that is started anew, a training go on beside the one that takes its place.
    """
    known = _same_python(os.getppid()) if parent is None else parent
    Thread(target=_watch, args=(known, by), name="lifeline", daemon=True).start()


def _same_python(process: int) -> int:
    """That process; 0, which nobody's parent is, if it runs another program, as init does."""
    try:
        same = psutil.Process(process).exe() == psutil.Process().exe()
    except psutil.Error:  # it has gone meanwhile, or is another user's
        same = False
    return process if same else 0


def _watch(parent: int, by: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), by)
