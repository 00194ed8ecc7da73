"""Processes that start in milliseconds, to be killed or to compete: copies of one that has imported all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import ingestion.work
from bookshelf.catalogue import Catalogue, now
from bookshelf.settings import load_settings
from ingestion.publish import publish_features
from tests.ingestion.publisher import Publisher

_COPIES = multiprocessing.get_context("forkserver")
_COPIES.set_forkserver_preload(
    ["tests.ingestion.processes", "feast.repo_operations", "sentence_transformers"]
)

#: Our own code and Feast's online store: a publish may die whenever one of them is entered or left.
WATCHED = ("/ingestion/", "/online_stores/sqlite", "/bookshelf/snapshots", "/bookshelf/feature_store")


def start(environment: Mapping[str, str], target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that calls the function, in that environment and no other."""
    process = _COPIES.Process(target=_call, args=(dict(environment), target, arguments), daemon=True)
    process.start()
    return process


def _call(environment: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def work() -> None:
    """What a worker does, but with features that take no time: theirs has tests of its own."""
    ingestion.work._LOOK_EVERY = timedelta(milliseconds=20)
    settings = load_settings()
    ingestion.work.work(Catalogue.open(settings.catalogue_url), settings, Publisher())


def publish_and_tell(told: Connection) -> None:
    """Publish the features, and tell how many rows were written."""
    settings = load_settings()
    told.send(publish_features(Catalogue.open(settings.catalogue_url), settings, now()).rows_written)


def publish_dying_at(instant: int, told: Connection) -> None:
    """Publish the features, and die at an instant by its number; who lives tells how many there were."""
    seen = 0

    def watch(frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal seen
        if event in ("call", "return") and any(part in frame.f_code.co_filename for part in WATCHED):
            seen += 1
            if seen == instant:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = load_settings()
    catalogue = Catalogue.open(settings.catalogue_url)
    sys.setprofile(watch)
    publish_features(catalogue, settings, datetime(2026, 4, 1, tzinfo=UTC))
    sys.setprofile(None)
    told.send(seen)
