"""The command line of the walk: what is set wrong is said in one line, and an interrupt never as a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port
from walk import up as walking
from walk.__main__ import main
from walk.supervise import Supervisor

WRONG = {
    "BOOKSHELF_SCHEDULE": "abc",
    "BOOKSHELF_RETRAIN_SCHEDULE": "xyz",
    "BOOKSHELF_HOME": "/proc/nope",
    "BOOKSHELF_DATABASE_URL": "nonsense",
    "BOOKSHELF_HOST": "192.0.2.1",
}


def walk(monkeypatch: pytest.MonkeyPatch, command: str) -> int:
    monkeypatch.setattr(sys, "argv", ["walk", command])
    return main()


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("variable", WRONG)
def test_what_is_set_wrong_is_said_in_one_line_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    for name in ("API_PORT", "BENTO_PORT", "MLFLOW_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    monkeypatch.setenv(variable, WRONG[variable])
    monkeypatch.setattr(walking, "do_main_job", lambda *_: pytest.fail("it began"))
    assert walk(monkeypatch, "up") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {variable}")
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("settings")
def test_what_runs_can_be_stopped_from_a_shell_in_which_a_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOKSHELF_QUEUE_PRICE", "-1")
    monkeypatch.setenv("BOOKSHELF_RUN_LEASE", "abc")
    assert walk(monkeypatch, "stop") == 0
    assert capsys.readouterr().out == "nothing was running\n"


@contextmanager
def handlers_kept() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.parametrize("failed", [False, True])
def test_an_interrupt_while_it_stops_does_not_keep_it_from_ending_what_serves(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, failed: bool
) -> None:
    stopped: list[str] = []

    def end_badly(*_: object) -> None:
        if failed:
            raise BookshelfError("it failed by itself")
        os.kill(os.getpid(), signal.SIGINT)

    def interrupted_stop(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        stopped.append("to its end")

    monkeypatch.setattr(walking, "_refuse_if_busy", lambda _: None)
    monkeypatch.setattr(walking, "do_main_job", end_badly)
    monkeypatch.setattr(Supervisor, "stop", interrupted_stop)
    with handlers_kept():
        if failed:
            with pytest.raises(BookshelfError, match="by itself"):
                walking.up(settings)
        else:
            walking.up(settings)
    assert stopped == ["to its end"]


@pytest.mark.parametrize("program", ["walk", "ingestion"])
def test_an_interrupt_while_a_program_is_still_imported_is_no_trace(tmp_path: Path, program: str) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise KeyboardInterrupt")
    ended = subprocess.run(
        [sys.executable, "-m", program, {"walk": "up", "ingestion": "ensure"}[program]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")
