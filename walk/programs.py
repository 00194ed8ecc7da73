"""What the supervisor keeps alive, and the environment it all runs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bookshelf.settings import QUIET_ENVIRONMENT, ROOT, Installation, Settings
from walk.hosts import hosts, origins


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised program; `ready_url` answers 200 once it serves (None: it serves nobody)."""

    name: str
    command: tuple[str, ...]
    ready_url: str | None


def programs(settings: Settings) -> tuple[Program, ...]:
    """In the order in which they are started. A remote MLflow server is not ours to start."""
    host = settings.host
    bento = Program(
        "bento",
        _tool(
            *("bentoml", "serve", "serving.service:Bookshelf"),
            *("--host", host, "--port", settings.bento_port),
        ),
        f"{settings.bento_url}/readyz",
    )
    api = Program(
        "api",
        _tool(
            *("gunicorn", "--config", "api/gunicorn_conf.py"),
            *("--bind", f"{host}:{settings.api_port}", "api.app:create_app()"),
        ),
        f"{settings.api_url}/api/v1/health",
    )
    worker = Program("worker", (sys.executable, "-m", "ingestion", "work"), None)
    trainer = Program("trainer", (sys.executable, "-m", "training", "watch"), None)
    if not settings.tracking_uri.startswith("sqlite:"):
        return bento, api, worker, trainer
    mlflow = Program(
        "mlflow",
        _tool(
            *("mlflow", "server", "--backend-store-uri", settings.tracking_uri),
            *("--default-artifact-root", (settings.mlruns.resolve() / "artifacts").as_uri()),
            *("--allowed-hosts", ",".join(hosts(settings))),
            *("--cors-allowed-origins", ",".join(origins(settings))),
            *("--host", host, "--port", settings.mlflow_port, "--workers", 1),
        ),
        f"{settings.mlflow_url}/health",
    )
    return mlflow, bento, api, worker, trainer


def environment(settings: Settings) -> Mapping[str, str]:
    """What every step and every program is started with: ours, quiet, and finding the environment's tools."""
    return {
        **os.environ,
        **QUIET_ENVIRONMENT,
        **settings.as_environment(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(ROOT / ".venv"),
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        # BentoML empties a folder of metrics in its home as it starts, whoever else uses it.
        "BENTOML_HOME": str(settings.home.resolve() / "bentoml"),
        "PYTHONUNBUFFERED": "1",
        # Notices of libraries to their developers; warnings of ours are errors or log lines.
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }


def mark(of: Installation, program: str = "") -> str:
    """The mark of this installation's processes: by home, so that two installations do not meet."""
    return f"{of.home.resolve()}:{program}"


def _tool(name: str, *arguments: object) -> tuple[str, ...]:
    return (str(Path(sys.executable).parent / name), *map(str, arguments))
