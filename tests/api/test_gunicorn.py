"""The API as it is really served: gunicorn, its threads, its log, and what it says to broken HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import urllib3
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from api.worker import ProblemWorker
from bookshelf.contracts import Problem
from bookshelf.secrets import draw_secrets
from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port, wait_until

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Served:
    """A running API: its port, its process, its log and its admin's password."""

    port: int
    process: psutil.Process
    log: Path
    password: str

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", retries=False, timeout=60)

    def send(self, raw: bytes) -> bytes:
        """Every byte that comes back for `raw` until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("gunicorn")
    port = free_port()
    environment = {**os.environ, "BOOKSHELF_HOME": str(home), "BENTO_PORT": "9", "API_PORT": str(port)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOKSHELF_HOME", str(home))
        _, password = draw_secrets(Settings())
    assert password is not None
    gunicorn = Path(sys.executable).parent / "gunicorn"
    log = home / "api.log"
    with log.open("wb") as stderr:
        command = [str(gunicorn), "--config", "api/gunicorn_conf.py", "api.app:create_app()"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr) as process:
            running = Served(port, psutil.Process(process.pid), log, password)
            try:
                wait_until_it_answers(running)
                yield running
            finally:
                process.terminate()
                process.wait(timeout=120)


def wait_until_it_answers(served: Served) -> None:
    """Not degraded to 503, as health is where a busy machine keeps its catalogue from answering at once."""

    def answers() -> bool:
        assert served.process.is_running(), served.log.read_text()
        try:
            return served.get("/api/v1/health").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    wait_until(answers)


def a_problem(answer: bytes, status: int) -> list[str]:
    head, body = answer.split(b"\r\n\r\n", 1)
    assert f" {status} ".encode() in head.splitlines()[0]
    assert b"application/problem+json" in head
    found = Problem.model_validate_json(body)
    assert found.status == status
    return [error.field for error in found.errors]


def test_it_serves_an_empty_catalogue_and_says_so(served: Served) -> None:
    assert served.get("/api/v1/health").json()["status"] == "degraded"
    assert served.get("/api/v1/books").json()["total"] == 0


def test_a_login_over_the_wire_works_on_every_worker(served: Served) -> None:
    body = json.dumps({"username": "admin", "password": served.password})
    address = f"http://127.0.0.1:{served.port}/api/v1"
    for _ in range(6):
        kind = {"Content-Type": "application/json"}
        login = urllib3.request("POST", f"{address}/auth/login", body=body, headers=kind).json()
        headers = {"Authorization": f"Bearer {login['access_token']}", "Idempotency-Key": "once"}
        assert urllib3.request("POST", f"{address}/scraping/trigger", headers=headers).status == 202
    assert served.get("/api/v1/scraping/runs").json()["total"] == 1


def test_an_address_beyond_the_limit_is_a_problem(served: Served) -> None:
    request = b"GET /api/v1/books?title=" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    assert a_problem(served.send(request), 414) == ["address"]


def test_headers_beyond_the_limit_are_a_problem(served: Served) -> None:
    request = b"GET /api/v1/books HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 9_000 + b"\r\n\r\n"
    assert a_problem(served.send(request), 431) == ["headers"]


@pytest.mark.parametrize(
    "request_line", [b"nonsense", b"GET / HTTP/9.9", b"G\x00T / HTTP/1.1", b"\x16\x03\x01"]
)
def test_what_is_no_http_is_a_problem(served: Served, request_line: bytes) -> None:
    assert a_problem(served.send(request_line + b"\r\nHost: a\r\n\r\n"), 400) == []


def test_raw_bytes_in_the_query_are_a_problem(served: Served) -> None:
    request = b"GET /api/v1/books?title=\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert a_problem(served.send(request), 422) == ["query"]


def test_a_body_in_broken_chunks_is_a_problem(served: Served) -> None:
    head = b"POST /api/v1/ml/sentiment HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    answer = served.send(
        head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    )
    assert b" 500 " not in answer.splitlines()[0]
    assert a_problem(answer, 400) == ["body"]


def test_a_body_in_chunks_beyond_the_limit_is_a_413(served: Served) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b"x" * 2**20

    address = f"http://127.0.0.1:{served.port}/api/v1/ml/sentiment"
    kind = {"Content-Type": "application/json"}
    answer = urllib3.request("POST", address, body=chunks(), headers=kind, retries=False)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (413, "body")


def test_an_idle_connection_does_not_hold_up_the_end_of_a_worker(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as idle:
        idle.sendall(b"GET /api/v1/books HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 200 " in idle.recv(65_536)
        for worker in served.process.children():
            worker.terminate()
            worker.wait(timeout=30)  # not the 35 s that it may take over what it has in hand
    wait_until_it_answers(served)


def test_a_killed_worker_is_replaced(served: Served) -> None:
    wait_until(lambda: len(served.process.children()) == 2)
    killed = served.process.children()[0]
    killed.kill()
    wait_until(lambda: not killed.is_running() and len(served.process.children()) == 2)
    wait_until_it_answers(served)
    assert served.get("/api/v1/books").status == 200


def test_the_log_is_json_lines_without_a_line_for_each_request(served: Served) -> None:
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert lines
    assert {"at", "level", "logger", "process", "message"} <= set(lines[0])
    assert not [line for line in lines if "/api/v1/health" in line["message"]]
    assert not [line for line in lines if "exception" in line]


def test_a_client_that_reads_no_more_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(_worker: Any, answer: bytes, connection: Any) -> None:
        connection.sock.sendall(answer)

    monkeypatch.setattr("api.worker._SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(ThreadWorker, "handle_request", send)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = ProblemWorker.__new__(ProblemWorker)
        worker.unread = {}
        with pytest.raises(TimeoutError):
            worker.handle_request(b"x" * 10_000_000, SimpleNamespace(sock=ours))


@pytest.mark.parametrize(
    ("part", "bound", "threads"), [("head", "head", 14), ("body", "body", 14), ("body", "head", 1)]
)
def test_a_client_that_never_ends_its_request_is_let_go_and_sooner_if_others_wait(
    monkeypatch: pytest.MonkeyPatch, part: str, bound: str, threads: int
) -> None:
    begun = threading.Event()

    def wait_for_the_rest(_worker: Any, _request: Any, connection: Any) -> bytes:
        begun.set()
        told: bytes = connection.sock.recv(1)
        return told

    def handle(worker: Any, connection: Any) -> Any:
        read_by = worker.handle_request if part == "body" else partial(wait_for_the_rest, worker)
        return read_by(None, connection)

    monkeypatch.setattr(f"api.worker._{bound.upper()}_SECONDS", 0.0)
    monkeypatch.setattr(ThreadWorker, "handle", handle)
    monkeypatch.setattr(ThreadWorker, "handle_request", wait_for_the_rest)
    monkeypatch.setattr(ThreadWorker, "murder_keepalived", lambda _worker: None)
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as thread:
        worker = ProblemWorker.__new__(ProblemWorker)
        worker.alive, worker.unread, worker.cfg = True, {}, SimpleNamespace(threads=threads)
        handled = thread.submit(worker.handle, SimpleNamespace(sock=ours))
        assert begun.wait(120)
        worker.murder_keepalived()
        assert handled.result(timeout=120) == b""
        assert worker.unread == {}
