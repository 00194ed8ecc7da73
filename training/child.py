"""A command of this program in a process of its own: it can be killed, and gives its memory back.

`python -m training.child PARENT ARGUMENTS` is `python -m training ARGUMENTS` that ends with that parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta

from bookshelf.lifeline import end_with_parent
from bookshelf.settings import ROOT
from training import __main__ as program

#: How long an interrupted command may take to say in its run that it has failed.
_PATIENCE = timedelta(seconds=10)


class Child:
    """`python -m training <arguments>`, started at once; what it says is kept until it ends.

    It ends when we do, be it by SIGKILL: who comes after us would do its work beside it.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = tuple(arguments)
        # A file and not a pipe: nobody reads while it runs, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed as the process has ended)
        self._process = subprocess.Popen(
            # -u: errors stand where they came
            [sys.executable, "-u", "-m", "training.child", str(os.getpid()), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )

    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def said(self) -> list[str]:
        """The lines that it has said, without empty ones; only once it has ended."""
        with self._said:
            self._said.seek(0)
            text = self._said.read().decode(errors="replace")
        return [line for line in text.splitlines() if line.strip()]

    def end(self) -> None:
        """Interrupt it, and kill it if it does not end in time."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_PATIENCE.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


if __name__ == "__main__":
    # Whoever was begun in the background of a script ignores what interrupts, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Interrupted, as by a user: its run then says that it has failed.
    end_with_parent(int(sys.argv[1]), by=signal.SIGINT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(program.main(sys.argv[2:]))
