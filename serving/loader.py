"""Loading versions in a process of its own, so that the answers given meanwhile do not wait for it."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bookshelf.errors import ModelUnavailable
from bookshelf.settings import Settings
from serving.handing import unpacked
from serving.loader_words import Refused, Tag, Unable, Wanted
from serving.loading import LoadedModel
from serving.local_copy import kept_in

log = logging.getLogger(__name__)

#: How long the process stays when nothing is asked of it, for it takes seconds to start.
QUIET_SECONDS = 30.0

# On a machine that is busy it may take long to start, and a version is to answer soon after it is named.
_START_SECONDS = 5.0
_LOAD_SECONDS = 1_800.0  # an artifact may be gigabytes, far away
_TRIES = 2
_ROOT = Path(__file__).parents[1]
# This code, which need not lie in the folder that we are in, nor be installed.
_CODE = "import sys; sys.path[0] = sys.argv[1]; from serving.loader_process import main; main(*sys.argv[2:])"


class LoaderAway(Exception):
    """There is no such process, or what it loaded cannot be handed over: load it here. Says why."""


class _Gone(Exception):
    """The process ended, or was ended, while it was asked. Says how."""


class Loader:
    """One process, started when a version is to be loaded and ended when none has been for a while.

    It is asked by one thread; `end` may be called by any. It ends with this process, however that ends.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._greeted = False
        self._asked = 0.0
        self._ended = False

    @property
    def process_id(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    def model(self, name: str, version: str, key: str) -> LoadedModel:
        """What `VersionFiles.model` makes of the version, with its form for few books checked.

        A process that is killed meanwhile is started once more. Raises `ModelUnavailable` with the reason,
        which may be that both ended, and `LoaderAway`.
        """
        wanted = Wanted(self._settings.tracking_uri, kept_in(self._settings), name, version, key)
        for _ in range(_TRIES):
            try:
                answer = self._ask(wanted)
            except _Gone as error:
                log.warning("loading %s version %s: %s", name, version, error)
                reason = str(error)
            else:
                return _model_in(answer)
        raise ModelUnavailable(f"{name} version {version} cannot be served: {reason}, twice")

    def sets(self, tag: Tag) -> bool:
        """Whether the process has set the tag; it does not if it is not there, and none is started for it."""
        if not self._greeted or self._process is None or self._process.poll() is not None:
            return False
        try:
            return bool(self._ask(tag))
        except (_Gone, LoaderAway):
            return False

    def rest(self) -> None:
        """End the process if it has had nothing to do for a while, and bury it if it is dead."""
        if self._process is None:
            return
        if self._process.poll() is not None or self._clock() - self._asked >= QUIET_SECONDS:
            self._let_go()

    def end(self) -> None:
        """End the process now, whatever it does, and start none any more."""
        self._ended = True
        if (process := self._process) is not None:
            process.kill()
            process.wait()

    def _ask(self, question: Wanted | Tag) -> Any:
        line = self._ready()
        try:
            line.settimeout(_LOAD_SECONDS)
            line.send(pickle.dumps(question))
            return _received(line)
        except (OSError, EOFError) as error:
            raise _Gone(self._let_go(error)) from error
        finally:
            self._asked = self._clock()

    def _ready(self) -> socket.socket:
        """The line to the process, which is started if it is not there."""
        if self._process is None or self._process.poll() is not None:
            self._let_go()
            if self._ended:
                raise LoaderAway("the worker is about to end")
            self._start()
        assert self._line is not None
        if not self._greeted:
            self._await_greeting(self._line)
        return self._line

    def _start(self) -> None:
        try:
            self._line, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with other:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _CODE, str(_ROOT), str(other.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[other.fileno()],
                )
        except OSError as error:
            self._let_go()
            raise LoaderAway(f"no process that loads it can be started: {error}") from error
        self._asked = self._clock()

    def _await_greeting(self, line: socket.socket) -> None:
        line.settimeout(_START_SECONDS)
        try:
            self._greeted = bool(line.recv(1))
        except TimeoutError as error:  # it may be ready for the next one
            raise LoaderAway("the process that loads is still starting") from error
        except OSError as error:
            raise LoaderAway(self._let_go(error)) from error
        if not self._greeted:
            raise LoaderAway(self._let_go(EOFError()))

    def _let_go(self, error: Exception | None = None) -> str:
        """End the process if it is there; says how it ended, or the error for which it is ended."""
        line, process, self._line, self._process = self._line, self._process, None, None
        self._greeted = False
        if line is not None:
            line.close()
        if process is not None:
            process.kill()  # who has ended already keeps the status of that
            process.wait()
            if isinstance(error, EOFError):
                return f"the process that loads it ended with status {process.returncode}"
        return f"{type(error).__name__}: {error}"


def _received(line: socket.socket) -> Any:
    """What the process answers.

    Raises `EOFError` if it is gone, `OSError` if it takes too long, and `LoaderAway` if it cannot be read.
    """
    _, files, _, _ = socket.recv_fds(line, 1, 1)
    if not files:
        raise EOFError
    [file] = files
    try:
        return unpacked(file)
    # What a model is made of may make anything of what it is given.
    except Exception as error:
        raise LoaderAway(f"it cannot be taken over: {type(error).__name__}: {error}") from error
    finally:
        os.close(file)


def _model_in(answer: Any) -> LoadedModel:
    match answer:
        case Refused(reason):
            raise ModelUnavailable(reason)
        case Unable(reason):
            raise LoaderAway(reason)
    assert isinstance(answer, LoadedModel), answer
    return answer
