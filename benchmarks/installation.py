"""An installation of our own for one benchmark: an empty home, free ports, and real servers in it."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings, load_settings
from walk.programs import Program
from walk.supervise import Supervisor

_HOST = "127.0.0.1"
# The model server imports its libraries from a disk that may be cold.
_READY_PATIENCE = timedelta(minutes=3)


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def temporary_installation() -> Iterator[Settings]:
    """Settings of an installation that shares nothing with the user's and is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bookshelf-bench-") as folder:
        root = Path(folder)
        yield load_settings().model_copy(
            update={
                "home": root / "var",
                "encoders": root / "var" / "encoders",
                "mlruns": root / "mlruns",
                "export_csv": root / "data" / "books.csv",
                "database_url": "",
                "mlflow_tracking_uri": "",
                "host": _HOST,
                "api_port": free_port(),
                "bento_port": free_port(),
            }
        )


@contextmanager
def copied_installation() -> Iterator[Settings]:
    """Settings of a copy of the user's installation, removed at the end.

    Its models' artifacts are read where they are. Raises `BookshelfError` where nothing can be copied.
    """
    used = load_settings()
    registry = Path(used.tracking_uri.removeprefix("sqlite:///"))
    if not registry.is_file() or not (used.home / "catalogue.db").is_file():
        raise BookshelfError(f"{used.home} has no champions to measure with: `make run` makes some")
    with temporary_installation() as settings:
        shutil.copytree(used.home, settings.home, ignore=shutil.ignore_patterns("*.log", "*.lock"))
        settings.mlruns.mkdir()
        for file in registry.parent.glob(f"{registry.name}*"):  # with what is not yet in the file itself
            shutil.copy(file, settings.mlruns / file.name)
        yield settings


@contextmanager
def serving(settings: Settings, wanted: Sequence[Program]) -> Iterator[None]:
    """Real processes of `wanted`, under the supervisor of `make run`, while the body runs."""
    supervisor = Supervisor(settings, wanted)
    supervisor.start()
    try:
        supervisor.wait_until_ready(_READY_PATIENCE, lambda _program, _seconds: None)
        yield
    finally:
        supervisor.stop()
