"""The supervisor restarts what dies, together with what the dead left behind, and ends whole."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from tests.conftest import RoomyServer, free_port, wait_until
from walk.launch import marked
from walk.programs import Program, mark
from walk.supervise import Supervisor, configuration, running_supervisor, stop_running

# A server whose port is held by a child of its own, as model servers and web servers do it.
PARENT_AND_CHILD = """
import http.server, json, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"parent": PARENT, "child": os.getpid()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
PARENT = os.getpid()
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if os.fork() == 0:
    server.serve_forever()
server.server_close()
os.wait()
sys.exit(1)
"""


@pytest.fixture
def server(tmp_path: Path) -> Program:
    script = tmp_path / "parent_and_child.py"
    script.write_text(PARENT_AND_CHILD)
    port = free_port()
    return Program("server", (sys.executable, str(script), str(port)), f"http://127.0.0.1:{port}/")


@pytest.fixture
def supervisor(settings: Settings, server: Program) -> Iterator[Supervisor]:
    supervisor = Supervisor(settings, [server])
    supervisor.start()
    supervisor.wait_until_ready(timedelta(seconds=240), lambda *_: None)
    yield supervisor
    supervisor.stop()


def pids(server: Program) -> dict[str, int]:
    with urllib.request.urlopen(server.ready_url or "", timeout=60) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def pids_after_change(server: Program, before: dict[str, int]) -> dict[str, int]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            if (now := pids(server)) != before:
                return now
        except (OSError, HTTPException):  # it was killed before or in the middle of its answer
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not come back")


def test_a_parent_killed_with_9_comes_back_and_its_orphan_is_gone(
    supervisor: Supervisor, server: Program
) -> None:
    before = pids(server)
    os.kill(before["parent"], signal.SIGKILL)
    after = pids_after_change(server, before)
    assert after["parent"] != before["parent"]
    wait_until(lambda: not psutil.pid_exists(before["child"]))
    assert supervisor.is_alive()


def test_a_child_killed_with_9_comes_back(supervisor: Supervisor, server: Program) -> None:
    before = pids(server)
    os.kill(before["child"], signal.SIGKILL)
    after = pids_after_change(server, before)
    assert after["child"] != before["child"]
    assert supervisor.is_alive()


def test_stopping_from_elsewhere_leaves_no_process(supervisor: Supervisor, settings: Settings) -> None:
    assert running_supervisor(settings) is not None
    assert stop_running(settings)
    assert supervisor.wait() == 0
    assert list(marked(mark(settings))) == []
    assert not stop_running(settings)


def test_a_program_that_never_answers_is_named_with_the_end_of_its_log(settings: Settings) -> None:
    broken = Program(
        "broken", (sys.executable, "-c", "print('no such model'); raise SystemExit(1)"), "http://127.0.0.1:9/"
    )
    supervisor = Supervisor(settings, [broken])
    try:
        supervisor.start()
        log = supervisor.logs / "broken.log"
        wait_until(lambda: log.exists() and "no such model" in log.read_text())
        with pytest.raises(BookshelfError, match=r"(?s)broken does not answer.*no such model"):
            supervisor.wait_until_ready(timedelta(seconds=0.5), lambda *_: None)
    finally:
        supervisor.stop()


def test_a_percent_sign_in_a_command_reaches_the_program(settings: Settings) -> None:
    program = Program("odd", ("echo", "100%"), None)
    assert "100%%" in configuration(settings, [program])


def test_what_serves_here_is_asked_without_a_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    answered: list[str] = []
    with RoomyServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        here = Program("here", (), f"http://127.0.0.1:{server.server_port}/")
        supervisor = Supervisor(settings, [here])
        supervisor.wait_until_ready(timedelta(seconds=240), lambda program, _: answered.append(program.name))
        server.shutdown()
    assert answered == ["here"]
