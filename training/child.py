"""A command of this program in a process of its own: it can be killed, and gives its memory back."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta

from bookshelf.settings import ROOT

#: How long an interrupted command may take to say in its run that it has failed.
_PATIENCE = timedelta(seconds=10)


class Child:
    """`python -m training <arguments>`, started at once; what it says is kept until it ends."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = tuple(arguments)
        # A file and not a pipe: nobody reads while it runs, and a full pipe would stop it.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed as the process has ended)
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "training", *arguments],  # -u: errors stand where they came
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
