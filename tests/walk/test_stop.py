"""A walk can be stopped before it serves."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port, wait_until
from walk.launch import marked
from walk.programs import mark
from walk.supervise import running_walk


@pytest.fixture
def silent_shop() -> Iterator[str]:
    """A shop that takes every call and answers none: its walk stays at its first step."""
    with socket.create_server(("127.0.0.1", 0)) as shop:
        yield f"http://127.0.0.1:{shop.getsockname()[1]}/"


@pytest.mark.slow
def test_make_stop_ends_a_walk_that_is_still_at_its_steps(
    settings: Settings, silent_shop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOURCE", silent_shop)
    monkeypatch.setenv("BOOKSHELF_FETCH_TIMEOUT", "PT10M")
    for name in ("API_PORT", "BENTO_PORT", "MLFLOW_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    with (tmp_path / "said.txt").open("wb") as said:
        walk = subprocess.Popen(
            [sys.executable, "-m", "walk", "up"], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            wait_until(lambda: any(marked(mark(settings, "step"))))
            assert running_walk(settings) is not None
            refused = subprocess.run(
                [sys.executable, "-m", "walk", "up"], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert "already running" in refused.stderr
            stop = subprocess.Popen(
                [sys.executable, "-m", "walk", "stop"], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            assert walk.wait(120) == 0
            assert stop.communicate(timeout=120)[0].strip() == "stopped"
            assert list(marked(mark(settings))) == []
        finally:
            walk.kill()
