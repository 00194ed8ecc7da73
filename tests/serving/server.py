"""A real `bentoml serve` that tests may load, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port

BENTOML = Path(sys.executable).with_name("bentoml")


class Server:
    """One `bentoml serve` with its worker, on a port of its own."""

    def __init__(self, settings: Settings, folder: Path, wait: Callable[..., None]) -> None:
        self.port = free_port()
        self._folder, self._wait = folder, wait
        self._environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": settings.tracking_uri,
            "BOOKSHELF_DATABASE_URL": "",
            "BOOKSHELF_HOME": str(settings.home),
            "BOOKSHELF_MLRUNS": str(settings.mlruns),
            "BENTOML_HOME": str(folder / "bentoml"),
        }
        self.start()

    def start(self, target: str = "serving.service:Bookshelf", cwd: Path = ROOT, **environment: str) -> None:
        """Start it, with those variables in place of what it usually has, and wait until it is ready."""
        log = (self._folder / "server.log").open("ab")
        self._process = psutil.Popen(
            [BENTOML, "serve", target, "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=cwd,
            env=self._environment | environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        self._wait(self.ready, seconds=300)

    def ready(self) -> bool:
        try:
            return bool(self.get("/readyz").status_code == 200)
        except (requests.ConnectionError, requests.Timeout):  # while a worker starts, the port may be open
            return False

    def build(self) -> Path:
        """Build a Bento into the home of BentoML that it serves from. Returns the Bento's folder."""
        path = (
            f"{BENTOML.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # where BentoML looks for uv
        )
        command = [str(BENTOML), "build", "--output", "tag"]
        environment = self._environment | {"PATH": path}
        built = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        name, version = built.stdout.strip().removeprefix("__tag__:").split(":")
        return Path(self._environment["BENTOML_HOME"]) / "bentos" / name / version

    def kill(self) -> None:
        """Kill -9 of all of it, of which nothing is there any more then, and nobody holds the port."""
        every = [self._process, *self._process.children(recursive=True)]
        for process in every:  # the parent first, which would start a worker in the place of a dead one
            with suppress(psutil.NoSuchProcess):  # a loader ends with its worker
                process.kill()
        psutil.wait_procs(every, timeout=120)

    def kill_parent(self) -> None:
        """Kill -9 of the process that keeps the worker."""
        workers = self._process.children()
        self._process.kill()
        self._process.wait()
        psutil.wait_procs(workers, timeout=120)

    def kill_worker(self) -> None:
        """Kill -9 of the process that answers."""
        [worker] = self._process.children()
        worker.send_signal(signal.SIGKILL)
        psutil.wait_procs([worker])

    @contextmanager
    def held(self) -> Iterator[None]:
        """The process that answers stands still meanwhile: what comes waits at its door."""
        [worker] = self._process.children()
        worker.suspend()
        try:
            yield
        finally:
            worker.resume()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=120)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=120)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        options = options or {"json": body}
        return requests.post(f"http://127.0.0.1:{self.port}{path}", timeout=120, **options)

    def served(self, name: str) -> dict[str, Any]:
        """How that model stands."""
        items = self.post("/models", {}).json()["items"]
        return next(one for one in items if one["name"] == name)

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text()


class Load:
    """Callers who ask on and on, and note every answer's status and the version that it names."""

    def __init__(self, server: Server, *bodies: tuple[str, Any]) -> None:
        self.answers: set[tuple[int, str]] = set()
        self.asked = 0
        self._server = server
        self._ended = threading.Event()
        self._callers = [threading.Thread(target=self._ask, args=body) for body in bodies]

    def __enter__(self) -> Load:
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for caller in self._callers:
            caller.join()

    def _ask(self, path: str, body: Any) -> None:
        while not self._ended.wait(0.02):
            answer = self._server.post(path, body)
            self.answers.add((answer.status_code, answer.headers.get("x-model-version", "none")))
            self.asked += 1
