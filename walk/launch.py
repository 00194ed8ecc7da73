"""Start one supervised program in place of this process, once nothing of its last life is left.

A program killed with -9 can leave children behind that still hold its port; the supervisor knows only
the parent. Each program carries a mark in its environment that its children inherit, and whoever still
carries the mark when it starts anew is killed first.

    python -m walk.launch <mark> <command> [argument ...]
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import psutil

MARK = "BOOKSHELF_PROCESS"


def marked(prefix: str) -> Iterator[psutil.Process]:
    """Every process but this one whose mark starts with `prefix`."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # it ended just now, or is another user's
            if process.pid != os.getpid() and process.environ().get(MARK, "").startswith(prefix):
                yield process


def kill_marked(prefix: str) -> int:
    """Kill every process whose mark starts with `prefix`, and wait until they are gone. Returns how many."""
    leftovers = list(marked(prefix))
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(leftovers, timeout=10)
    return len(leftovers)


def main(mark: str, command: list[str]) -> None:
    kill_marked(mark)
    os.execvpe(command[0], command, {**os.environ, MARK: mark})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
