"""Benchmarks do not change what the next one finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.one import alone, run
from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT


def test_what_one_does_to_its_environment_is_nothing_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///here.db")
    alone(_set, "MLFLOW_TRACKING_URI", "sqlite:////tmp/gone.db")
    assert alone(os.getenv, "MLFLOW_TRACKING_URI") == os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///here.db"


def test_why_one_cannot_measure_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_HOME", "/proc/nowhere")
    with pytest.raises(BookshelfError, match="/proc/nowhere has no champions to measure with"):
        alone(run, "start", 1)


def test_the_command_names_what_cannot_be_measured_and_ends_with_1(tmp_path: Path) -> None:
    environment = {**os.environ, "BOOKSHELF_HOME": "/proc/nowhere"}
    command = [sys.executable, "-m", "benchmarks", "start", "--output", str(tmp_path / "results.json")]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: start: /proc/nowhere has no champions to measure with")


def test_one_that_dies_is_said_to_have_died() -> None:
    with pytest.raises(BookshelfError, match="its process died"):
        alone(os._exit, 3)


def _set(name: str, value: str) -> None:
    os.environ[name] = value
