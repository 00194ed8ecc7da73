"""What several folders of tests share: homes of their own, and shops to read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookshelf.settings import QUIET_ENVIRONMENT, ROOT, Settings

BOOKSTORE = ROOT.parent / "shared" / "bookstore" / "bookstore.py"


@pytest.fixture(scope="session", autouse=True)
def quiet_environment() -> Iterator[None]:
    """No test asks a hub or reports to anybody."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module", autouse=True)
def own_mlflow() -> Iterator[None]:
    """No module of tests leaves MLflow its address: it stays in the process, and in what that starts."""
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ.pop("MLFLOW_REGISTRY_URI", None)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an empty home, and the environment that gives them to child processes too."""
    for name in ("SOURCE", "BOOKSHELF_SOURCE", "BOOKSHELF_DATABASE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("BOOKSHELF_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setenv("BOOKSHELF_EXPORT_CSV", str(tmp_path / "data" / "books.csv"))
    return Settings()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def bookstore_url() -> Iterator[str]:
    """Address of a local shop with the real 1,000 books, where its data is present beside the repository."""
    if not BOOKSTORE.exists():
        pytest.skip(f"the real books are not here: {BOOKSTORE} does not exist")
    command = [sys.executable, "-u", str(BOOKSTORE), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shop:
        try:
            assert shop.stdout is not None
            announced = shop.stdout.readline()  # `1000 books at http://127.0.0.1:40123/`
            yield announced.split()[-1]
        finally:
            shop.terminate()
