"""The supervisor: supervisord with a configuration written from the settings."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import psutil

from bookshelf.errors import BookshelfError, SettingsError
from bookshelf.settings import ROOT, Installation, Settings
from walk.launch import kill_marked
from walk.programs import Program, environment, mark

# supervisord gives a program this long to end before it is killed.
STOP_PATIENCE = timedelta(seconds=20)


class Supervisor:
    """supervisord over `wanted`, as a child of this process; it restarts what dies."""

    def __init__(self, settings: Settings, wanted: Sequence[Program]) -> None:
        self.settings = settings
        self.wanted = wanted
        self.logs = settings.home.resolve() / "logs"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = configuration_path(self.settings)
        config.parent.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        config.write_text(configuration(self.settings, self.wanted), encoding="utf-8")
        supervisord = str(Path(sys.executable).parent / "supervisord")
        self._process = subprocess.Popen(
            [supervisord, "--nodaemon", "--configuration", str(config)],
            cwd=ROOT,
            env=environment(self.settings),
        )

    def wait_until_ready(self, patience: timedelta, on_ready: Callable[[Program, float], None]) -> None:
        """Call `on_ready(program, seconds)` for each program as it begins to answer.

        Raises `BookshelfError`, with the end of its log, for one that does not within `patience`.
        """
        started = time.monotonic()
        waiting = [program for program in self.wanted if program.ready_url]
        while waiting:
            for program in list(waiting):
                if _answers(program.ready_url or ""):
                    waiting.remove(program)
                    on_ready(program, time.monotonic() - started)
            if waiting and (not self.is_alive() or time.monotonic() - started > patience.total_seconds()):
                raise BookshelfError(self._failure(waiting[0]))
            time.sleep(0.2)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self) -> int:
        """Block until supervisord ends; its exit status."""
        return -1 if self._process is None else self._process.wait()

    def stop(self) -> None:
        """End every program and the supervisor; whoever does not go is killed."""
        if self._process is not None and self.is_alive():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_PATIENCE.total_seconds() * 2)
            except subprocess.TimeoutExpired:
                self._process.kill()
        kill_marked(mark(self.settings))

    def _failure(self, program: Program) -> str:
        log = self.logs / f"{program.name}.log"
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return "\n".join(
            (f"{program.name} does not answer at {program.ready_url}; the end of {log}:", *lines)
        )


def stop_running(of: Installation) -> bool:
    """End an earlier `make run`, its supervisor and whatever is left of them; False if nothing ran."""
    found = [one for one in (running_walk(of), running_supervisor(of)) if one is not None]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):  # the supervisor ends with the walk
            process.terminate()
            psutil.wait_procs([process], timeout=STOP_PATIENCE.total_seconds() * 2)
    return kill_marked(mark(of)) > 0 or bool(found)


def note_walk(of: Installation) -> None:
    """Leave word that this process is the walk of this home, for whoever wants to end it.

    Raises `SettingsError` for a home that cannot be written to.
    """
    file = _walk_file(of)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(os.getpid()))
    except OSError as error:
        raise SettingsError(
            f"BOOKSHELF_HOME={str(of.home)!r} cannot be used: it must be a folder that can be written to "
            f"({error.strerror})"
        ) from error


def running_walk(of: Installation) -> psutil.Process | None:
    """The `walk up` of this home, if one runs."""
    try:
        process = psutil.Process(int(_walk_file(of).read_text()))
        # A number is given again once its process has ended.
        return process if process.cmdline()[-2:] == ["walk", "up"] and process.pid != os.getpid() else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


def _walk_file(of: Installation) -> Path:
    return of.home.resolve() / "run" / "walk.pid"


def running_supervisor(of: Installation) -> psutil.Process | None:
    """The supervisord of this home, if one runs."""
    config = str(configuration_path(of))
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if config in line and any("supervisord" in part for part in line):
            return process
    return None


def configuration_path(of: Installation) -> Path:
    return of.home.resolve() / "run" / "supervisord.conf"


def configuration(settings: Settings, wanted: Sequence[Program]) -> str:
    """supervisord's configuration; `supervisorctl -c` on the same file steers it."""
    home = settings.home.resolve()
    # A socket's path may be 107 bytes long; a home's path may be longer.
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    socket = Path(tempfile.gettempdir()) / f"bookshelf-{name}.sock"
    head = f"""\
[supervisord]
logfile={home}/logs/supervisord.log
pidfile={home}/run/supervisord.pid
nodaemon=true
silent=true

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{socket}
"""
    return head + "".join(_section(settings, program) for program in wanted)


def _section(settings: Settings, program: Program) -> str:
    launched = (sys.executable, "-m", "walk.launch", mark(settings, program.name), *program.command)
    # supervisord expands %(names)s in a command.
    command = shlex.join(launched).replace("%", "%%")
    return f"""
[program:{program.name}]
command={command}
directory={ROOT}
autorestart=true
startsecs=3
startretries=1000
stopasgroup=true
killasgroup=true
stopwaitsecs={STOP_PATIENCE.seconds}
redirect_stderr=true
stdout_logfile={settings.home.resolve()}/logs/{program.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _answers(url: str) -> bool:
    # A proxy, if the machine has one, cannot know what listens here.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
