"""The comparison that nothing may be promoted without: every book on offer, offline, online and as served."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from bookshelf.book import ListedBook
from bookshelf.catalogue import BookFilter, Catalogue, now
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from features.tabular import book_frame
from training.entity_rows import EntityRows
from training.parity import OFFLINE, ONLINE, SERVED, Columns, Parity
from training.point_in_time import read_rows
from training.runs import model_run, tracking_client

if TYPE_CHECKING:
    from feast import FeatureStore

EXPERIMENT = "parity"
PARITY_FILE = "parity.json"
#: The service that has every feature of every view.
EVERYTHING = schema.PRICE_SERVICE

_PART = 1_000  # books compared at once
_LOCK_WAIT = 60.0  # seconds
_ANEW = 16  # texts encoded although their vectors are kept


def parity(settings: Settings, as_of: datetime | None = None, service: str = EVERYTHING) -> Parity:
    """Compare the service's features of every book on offer at `as_of`, by default now, value by value.

    Offline is the point-in-time read that training does. Online is what the model server reads by a book's
    id, and has only what is said now: of a moment before the last publication it is left out. Served is
    what the code of prediction makes of the catalogue's own entry; most of its vectors are kept ones, and
    a few are encoded anew.

    No publish goes on meanwhile. Raises `FeatureStoreError` if one does for longer than a minute, if
    nothing was on offer, or if what the catalogue says is not published yet.
    """
    started = time.monotonic()
    with _no_publish(settings):
        catalogue = Catalogue.open(settings.catalogue_url)
        found = _begun(catalogue, as_of, service)
        wanted = BookFilter(as_of=found.as_of)
        _, books = catalogue.page(wanted, number=1, size=1)
        encoder = Encoder.load(settings.encoder, settings.encoders)
        with KeptVectors(settings.kept_vectors, lambda: encoder) as vectors:
            reader = _Reader(open_feature_store(settings, mlflow=False), found, vectors, encoder, books)
            for part in _parts(catalogue.stream_books(wanted)):
                found.add(
                    [one.id for one in part], {place: reader.say(place, part) for place in found.compared}
                )
            found.encoded_anew += vectors.encoded
    found.seconds = time.monotonic() - started
    return found


def log_parity(found: Parity, settings: Settings) -> str:
    """Write a comparison down as an MLflow run; its id."""
    with model_run(tracking_client(settings), settings, EXPERIMENT) as run:
        mlflow.set_tags(
            {
                "feature_service": found.service,
                "as_of": found.as_of.isoformat(),
                "snapshot_id": str(found.snapshot_id),
                "parity": "holds" if found.holds else "broken",
            }
        )
        counts = {"books": found.books, "values": found.values, "differences": found.by_feature.total()}
        mlflow.log_metrics({name: float(count) for name, count in counts.items()})
        mlflow.log_dict(found.as_json(), PARITY_FILE)
        run_id: str = run.info.run_id
    return run_id


def skew(settings: Settings, service: str) -> str | None:
    """Why no model of that feature service may be promoted now; None if its features are the same everywhere.

    Where no catalogue is there is nothing to compare. Raises `FeatureStoreError` as `parity` does.
    """
    if Catalogue.open(settings.catalogue_url).snapshot() is None:
        return None
    found = parity(settings, service=service)
    run_id = log_parity(found, settings)
    if found.holds:
        return None
    return f"features are skewed: {found.differences[0]} ({found.by_feature.total()} differ, run {run_id})"


@dataclass(frozen=True)
class _Reader:
    """What each place says of some of the `books` that are compared in all."""

    store: FeatureStore
    found: Parity
    vectors: KeptVectors
    encoder: Encoder
    books: int

    @property
    def features(self) -> dict[str, str]:
        """Feature -> view."""
        views = schema.SERVICES[self.found.service].items()
        return {feature: view for view, features in views for feature in features}

    def say(self, place: str, part: Sequence[ListedBook]) -> Columns:
        columns = {OFFLINE: self._offline, ONLINE: self._online, SERVED: self._served}[place](part)
        return {feature: columns[feature] for feature in self.features}

    def _offline(self, part: Sequence[ListedBook]) -> Columns:
        rows = EntityRows.at([one.id for one in part], self.found.as_of)
        return _columns(read_rows(self.store, self.found.service, rows))

    def _online(self, part: Sequence[ListedBook]) -> Columns:
        wanted = [f"{view}:{feature}" for feature, view in self.features.items()]
        rows = [{schema.JOIN_KEY: one.id} for one in part]
        try:
            columns: Columns = self.store.get_online_features(features=wanted, entity_rows=rows).to_dict()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise FeatureStoreError(f"the online feature store cannot be read: {reason}") from error
        return columns

    def _served(self, part: Sequence[ListedBook]) -> Columns:
        frame = book_frame(part, self.found.as_of, self.found.as_of)
        texts = frame["description"].tolist()
        vectors = self.vectors.embed(texts)
        drawn = np.random.default_rng((self.found.snapshot_id, part[0].id)).random(len(part))
        anew = np.flatnonzero(drawn < _ANEW / self.books)
        if len(anew):
            vectors[anew] = self.encoder.embed([texts[place] for place in anew])
            self.found.encoded_anew += len(anew)
        return _columns(frame) | {"embedding": list(vectors)}


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): cells.tolist() for name, cells in frame.items()}


def _begun(catalogue: Catalogue, as_of: datetime | None, service: str) -> Parity:
    newest = catalogue.snapshot()
    if newest is None or newest.published_at is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    # Its moment may lie in the future, where a clock was put back.
    moment = max(now(), newest.published_at) if as_of is None else as_of
    snapshot = catalogue.snapshot(as_of=moment)
    if snapshot is None or not catalogue.sources(moment):
        raise FeatureStoreError(f"no book was on offer at {moment.isoformat()}")
    if newest.features_published_at is None:
        raise FeatureStoreError(
            f"the features of snapshot {newest.id} are not published: run `python -m ingestion publish`"
        )
    compared = (OFFLINE, ONLINE, SERVED) if snapshot == newest else (OFFLINE, SERVED)
    return Parity(service=service, as_of=moment, snapshot_id=snapshot.id, compared=compared)


def _parts(listed: Iterable[ListedBook]) -> Iterator[list[ListedBook]]:
    rest = iter(listed)
    return iter(lambda: list(islice(rest, _PART)), [])


@contextmanager
def _no_publish(settings: Settings) -> Iterator[None]:
    """Nobody writes to the stores in the body. Raises `FeatureStoreError` if somebody goes on doing so."""
    settings.publish_lock.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.publish_lock, timeout=_LOCK_WAIT)
    try:
        lock.acquire()
    except Timeout as error:
        raise FeatureStoreError("a publish is under way: compare again when it has ended") from error
    try:
        yield
    finally:
        lock.release()
