"""How long a price takes while the champion is swapped again and again, against while it stays."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Event

import mlflow

from benchmarks.client import Client
from benchmarks.installation import copied_installation, serving
from benchmarks.load import call_times
from benchmarks.measure import Metric, Outcome, Tell, Way, compare, percentile
from bookshelf.catalogue import Catalogue
from bookshelf.contracts import MODEL_NAMES, ModelName, PriceRequest
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from features.price_columns import INPUTS
from walk.programs import programs

ROUNDS = 5
CALLERS = 3
#: Of one round: each model's, and one to a version that cannot be loaded.
SWAPS = len(MODEL_NAMES) + 1
P50 = Metric("one call, p50", "ms", higher_is_better=False)
P99 = Metric("one call, p99", "ms", higher_is_better=False)
_PAUSE_SECONDS = 0.02
# About as long as a round's swaps take.
_STEADY_SECONDS = 5.0
_PATIENCE_SECONDS = 30.0


def run(rounds: int, tell: Tell) -> Outcome:
    # Who promotes has a process of its own: in this one the callers would wait for MLflow too.
    with copied_installation() as settings, ProcessPoolExecutor(1, get_context("spawn")) as promoting:
        bodies = _bodies(settings)
        versions = _Versions.of(settings, promoting)
        with serving(settings, [one for one in programs(settings) if one.name == "bento"]):
            client = Client(settings.bento_url, CALLERS + 1)
            steady = Way("steady", lambda: _measure(client, bodies, lambda: time.sleep(_STEADY_SECONDS)))
            swapping = Way("swapping", lambda: _measure(client, bodies, lambda: versions.swap(client)))
            comparisons = compare(steady, [swapping], rounds, tell)
    setting = (
        f"{CALLERS} callers who wait {_PAUSE_SECONDS * 1000:g} ms before each price, {rounds * SWAPS} swaps, "
        f"{rounds} of them to a broken version, in rounds of {SWAPS}; no call failed"
    )
    return Outcome("swaps", setting, comparisons)


@dataclass(frozen=True, slots=True)
class _Versions:
    """Of each model two versions that are alike, and one of the price model that is broken."""

    promoting: Executor
    uri: str
    turns: Mapping[ModelName, Iterator[str]]
    broken: str

    @classmethod
    def of(cls, settings: Settings, promoting: Executor) -> _Versions:
        # For the whole process: MLflow resolves a source there, whatever address a client has.
        mlflow.set_tracking_uri(settings.tracking_uri)
        registry = mlflow.MlflowClient()
        turns = {name: itertools.cycle(_two_alike(registry, name)) for name in MODEL_NAMES}
        empty = settings.home / "broken"
        empty.mkdir()
        broken = registry.create_model_version("price", source=empty.as_uri())
        versions = cls(promoting, settings.tracking_uri, turns, str(broken.version))
        for name in MODEL_NAMES:  # who is on duty, and its libraries are imported
            versions._promote(name, registry.get_model_version_by_alias(name, "champion").version)
        return versions

    def swap(self, client: Client) -> None:
        """A round of swaps, each waited for."""
        for name, versions in self.turns.items():
            self._appoint(client, name, next(versions))
        self._appoint(client, "price", self.broken)

    def _appoint(self, client: Client, name: str, version: str) -> None:
        self._promote(name, version)
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._is_settled(client, name, version):
            if time.monotonic() > end:
                raise BookshelfError(f"{name} version {version} was neither served nor refused in time")
            time.sleep(0.1)

    def _promote(self, name: str, version: str) -> None:
        self.promoting.submit(_promote, self.uri, name, version).result()

    def _is_settled(self, client: Client, name: str, version: str) -> bool:
        [served] = [one for one in json.loads(client.post("/models", b"{}"))["items"] if one["name"] == name]
        if served["wanted_version"] != version:
            return False
        refused: str | None = served["refused"]
        return (
            refused is not None if (name, version) == ("price", self.broken) else served["version"] == version
        )


def _promote(uri: str, name: str, version: str) -> None:
    mlflow.MlflowClient(uri, uri).set_registered_model_alias(name, "champion", version)


def _two_alike(registry: mlflow.MlflowClient, name: str) -> tuple[str, str]:
    """The champion once more as a version of its own, which is to be the next, and the champion."""
    first = registry.get_model_version_by_alias(name, "champion")
    second = registry.create_model_version(name, source=first.source, run_id=first.run_id, tags=first.tags)
    return str(second.version), str(first.version)


def _bodies(settings: Settings) -> list[bytes]:
    books = [one.book for one in Catalogue.open(settings.catalogue_url).all_books()[:80]]
    asked = [PriceRequest.model_validate({name: getattr(book, name) for name in INPUTS}) for book in books]
    return [one.model_dump_json(exclude_none=True).encode() for one in asked]


def _measure(client: Client, bodies: Sequence[bytes], work: Callable[[], object]) -> Mapping[Metric, float]:
    """What calls take while the work is done. Raises `BookshelfError` for the first that fails."""
    ended = Event()

    def ask(number: int) -> list[float]:
        times: list[float] = []
        for body in itertools.cycle(bodies[number:]):
            if ended.wait(_PAUSE_SECONDS):
                break
            times += call_times(lambda one: client.post("/price", one), [body])
        return times

    with ThreadPoolExecutor(CALLERS) as callers:
        asking = [callers.submit(ask, number) for number in range(CALLERS)]
        try:
            work()
        finally:
            ended.set()
        times = [each for one in asking for each in one.result()]
    return {P50: percentile(times, 0.5), P99: percentile(times, 0.99)}
