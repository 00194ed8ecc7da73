"""How long the model server takes to be ready, and its memory, against a process that only loads models."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import mean

import psutil
import urllib3
from urllib3.exceptions import HTTPError

from benchmarks.installation import copied_installation
from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT, Settings
from walk.programs import environment, programs

ROUNDS = 5
READY = Metric("from start to ready", "s", higher_is_better=False)
PSS = Metric("memory of a worker, shared parts shared out (PSS)", "MB", higher_is_better=False)
USS = Metric("memory of a worker that is its own (USS)", "MB", higher_is_better=False)
_PATIENCE_SECONDS = 120.0
_WORKERS = "BENTOML_CONFIG_OPTIONS"


def run(rounds: int, tell: Tell) -> Outcome:
    with copied_installation() as settings:
        bare = Way("models loaded, nothing served", lambda: _bare(settings))
        ours = [Way(f"BentoML, workers: {workers}", _served(settings, workers)) for workers in (1, 2)]
        for way in (bare, *ours):  # so that all are measured with warm caches
            way.measure()
        comparisons = compare(bare, ours, rounds, tell)
    return Outcome("start", f"the three champions of this installation, rounds: {rounds}", comparisons)


def _bare(settings: Settings) -> Mapping[Metric, float]:
    command = [sys.executable, "-m", "benchmarks.bare_models"]
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise BookshelfError("the models of this installation cannot be loaded")
            return {READY: time.perf_counter() - started, **_memory([psutil.Process(process.pid)])}
        finally:
            process.kill()


def _served(settings: Settings, workers: int) -> Callable[[], Mapping[Metric, float]]:
    bento = next(program for program in programs(settings) if program.name == "bento")
    told = {**environment(settings), _WORKERS: f"services.Bookshelf.workers={workers}"}

    def measure() -> Mapping[Metric, float]:
        started = time.perf_counter()
        with psutil.Popen(
            bento.command, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _wait(
                    lambda: len(process.children()) == workers and _all_ready(str(bento.ready_url), workers)
                )
                return {READY: time.perf_counter() - started, **_memory(process.children())}
            finally:
                process.terminate()

    return measure


def _all_ready(url: str, workers: int) -> bool:
    """Whether every worker is; each answers some of the connections, and which is chance."""
    try:
        return all(urllib3.request("GET", url, retries=False).status == 200 for _ in range(workers * 8 - 7))
    except HTTPError:
        return False


def _wait(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not ready():
        if time.monotonic() > end:
            raise BookshelfError(f"the model server was not ready within {_PATIENCE_SECONDS:g} s")
        time.sleep(0.02)


def _memory(processes: Sequence[psutil.Process]) -> Mapping[Metric, float]:
    found = [process.memory_full_info() for process in processes]
    return {
        PSS: mean(one.pss for one in found) / 1e6,
        USS: mean(one.uss for one in found) / 1e6,
    }
