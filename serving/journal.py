"""Journals: append-only files, each written by one process, which holds a lock on it for as long as it lives.

What was handed to the operating system survives the process. The lock does not: a journal that nobody
holds a lock on is complete, whether its process closed it or was killed.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from threading import Lock

#: A journal is closed, so that it can be moved to its days, when it is so old or so long.
MAX_SECONDS = 30.0
MAX_BYTES = 16 * 2**20


class Journal:
    """The journal of this process in a folder: a file made when it is needed, and another when it is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        self._size = 0
        self._begun_at = 0.0
        self._lock = Lock()

    def append(self, lines: bytes) -> None:
        """Add whole lines, all of them or none. Raises `OSError` where the folder takes none."""
        with self._lock:
            if self._descriptor is None:
                self._descriptor, self._size = _new(self._folder), 0
                self._begun_at = time.monotonic()
            try:
                _write(self._descriptor, lines)
            except BaseException:  # whatever it was, half a line must not stay
                self._cut(self._descriptor)
                raise
            self._size += len(lines)

    def close_if_due(self) -> None:
        """Let go of the file if it is old or long enough."""
        with self._lock:
            old = time.monotonic() - self._begun_at >= MAX_SECONDS
            if self._descriptor is not None and (old or self._size >= MAX_BYTES):
                self._close(self._descriptor)

    def close(self) -> None:
        """Let go of the file, if there is one."""
        with self._lock:
            if self._descriptor is not None:
                self._close(self._descriptor)

    def _cut(self, descriptor: int) -> None:
        """Take away what a write that failed has left; a file that cannot be cut is ended."""
        try:
            os.ftruncate(descriptor, self._size)
        except OSError:
            self._close(descriptor)

    def _close(self, descriptor: int) -> None:
        self._descriptor = None
        os.close(descriptor)


def complete(paths: list[Path]) -> Iterator[Path]:
    """Those of the journals that no process writes any more, each locked while the caller has it."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path
        finally:
            os.close(descriptor)


def _new(folder: Path) -> int:
    """Descriptor of a new file that only we write, under a name that no other process gives."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        name = f"{time.time_ns() // 1_000_000}-{socket.gethostname()}-{os.getpid()}-{token_hex(4)}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(folder / name, flags, 0o644)
        # Somebody may come between, find it without a lock, take it for complete and then away.
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
