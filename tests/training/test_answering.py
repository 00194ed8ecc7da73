"""A registry that does not answer is said to be so, and at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from tests.conftest import free_port
from training import answering
from training.__main__ import main
from training.answering import wait_for_registry


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """Address of a server that answers, if only with no."""
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def at(address: str) -> Settings:
    return Settings(MLFLOW_TRACKING_URI=address)  # type: ignore[call-arg]


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it has rested between two tries, on a clock on which nothing else takes any time."""
    made: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(made), sleep=made.append)
    monkeypatch.setattr(answering, "time", clock)
    return made


def test_a_registry_that_nobody_serves_is_named_at_once_and_given_up(
    rests: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"127.0.0.1:{free_port()}"
    silent = f"the registry at http://{place} does not answer (connection refused)"
    with pytest.raises(TrainingError) as ended:
        wait_for_registry(at(f"http://me:secret@{place}"), timedelta(seconds=2))
    assert rests == [0.5] * 4
    assert capsys.readouterr().err == f"{silent}; asking again for 2 s\n"
    assert str(ended.value) == f"{silent}: MLFLOW_TRACKING_URI must be the address of one that does"


def test_any_answer_is_one(
    refusing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answering, "_ONE_TRY_SECONDS", 240)  # no machine is that slow
    wait_for_registry(at(refusing), timedelta(0))
    wait_for_registry(at("sqlite:////nowhere/mlflow.db"), timedelta(0))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", [["status"], ["history", "price"], ["price"]])
def test_no_command_begins_without_a_registry(
    line: list[str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(answering.wait_for_registry, "__defaults__", (timedelta(0),))
    assert main(line) == 1
    assert capsys.readouterr().err.startswith("error: the registry at http://127.0.0.1:")
    assert not settings.home.exists()
