"""A book's online features, as a price by id reads them, against SQLite's own read of the same rows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
from feast import FeatureStore
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.Value_pb2 import Value as ValueProto

from benchmarks.installation import temporary_installation
from benchmarks.load import call_times
from benchmarks.measure import Metric, Outcome, Tell, Way, beside, percentile, take_turns
from benchmarks.sample import sample_books
from bookshelf.book import ListedBook
from bookshelf.catalogue import now
from bookshelf.errors import BookshelfError
from bookshelf.feature_store import feature_store_config, open_feature_store
from bookshelf.settings import Settings
from features import schema
from features.tabular import book_frame
from serving.online import PRICE_FEATURES, OnlineFeatures, key_of, plain

ROUNDS = 21
BOOKS = 300
_WIDTH = 384
_VIEWS = (schema.DETAILS_VIEW, schema.EMBEDDING_VIEW)
BYTES, VALUES, OURS, FEAST = (
    *("SELECT, bytes", "SELECT, values"),
    *("OnlineFeatures", "get_online_features"),
)
P50 = Metric("one book, p50", "ms", higher_is_better=False)
P95 = Metric("one book, p95", "ms", higher_is_better=False)


def run(rounds: int, tell: Tell) -> Outcome:
    with temporary_installation() as settings:
        ids = _published(settings)
        online = OnlineFeatures(partial(open_feature_store, settings, mlflow=False))
        online.warm_up()
        with closing(sqlite3.connect(settings.home / "feast" / "online.db")) as connection:
            _check_same_values(online, connection, ids)
            feast = partial(_by_feast, open_feature_store(settings, mlflow=False))
            ways = (
                Way(BYTES, _measure(partial(_selected, connection), ids)),
                Way(VALUES, _measure(partial(_decoded, connection), ids)),
                Way(OURS, lambda: asyncio.run(_measured(online, ids))),
                Way(FEAST, _measure(feast, ids)),
            )
            taken = take_turns(ways, rounds, tell)
    pairs = ((VALUES, OURS), (BYTES, OURS), (VALUES, FEAST))
    comparisons = [one for baseline, ours in pairs for one in beside(taken, baseline, ours)]
    setting = f"{len(PRICE_FEATURES)} features of {BOOKS} books in turn, rounds: {rounds}"
    return Outcome("online_read", setting, tuple(comparisons))


def _published(settings: Settings) -> list[int]:
    """Books in an online store of their own, with vectors of the usual width; returns their ids."""
    from feature_repo import definitions as defined

    listed = [ListedBook(number, "", book) for number, book in enumerate(sample_books()[:BOOKS], start=1)]
    settings.offline_store.mkdir(parents=True)
    store = FeatureStore(config=feature_store_config(settings, mlflow=False))
    views = (defined.book_details, defined.book_embedding)
    store.apply([defined.book, *views])
    vectors = np.random.default_rng(0).normal(size=(BOOKS, _WIDTH)).astype(np.float32)
    frame = book_frame(listed, now(), now()).assign(**{schema.VECTOR: list(vectors)})
    keys = [schema.JOIN_KEY, schema.EVENT_TIMESTAMP, schema.CREATED_TIMESTAMP]
    for view in views:
        store.write_to_online_store(view.name, frame[[*keys, *schema.VIEWS[view.name]]])
    return [one.id for one in listed]


def _selected(connection: sqlite3.Connection, book_id: int) -> list[list[Any]]:
    """The rows of a book as they lie in the file, one a feature."""
    key = serialize_entity_key(key_of(book_id), entity_key_serialization_version=3)
    return [
        connection.execute(
            f'SELECT feature_name, value, event_ts FROM "bookshelf_{view}" WHERE entity_key = ?', (key,)
        ).fetchall()
        for view in _VIEWS
    ]


def _decoded(connection: sqlite3.Connection, book_id: int) -> dict[str, Any]:
    """Their values by feature."""
    found: dict[str, Any] = {}
    for rows in _selected(connection, book_id):
        for name, written, _ in rows:
            value = ValueProto()
            value.ParseFromString(written)
            found[name] = plain(value)
    return found


def _by_feast(store: FeatureStore, book_id: int) -> object:
    asked = [{schema.JOIN_KEY: book_id}]
    return store.get_online_features(features=list(PRICE_FEATURES), entity_rows=asked).to_dict()


def _measure(read: Callable[[int], object], ids: Sequence[int]) -> Callable[[], Mapping[Metric, float]]:
    return lambda: _told(call_times(read, ids))


async def _measured(online: OnlineFeatures, ids: Sequence[int]) -> Mapping[Metric, float]:
    times = []
    for book_id in ids:
        started = asyncio.get_running_loop().time()
        await online.read([book_id], PRICE_FEATURES)
        times.append((asyncio.get_running_loop().time() - started) * 1_000)
    return _told(times)


def _told(times: Sequence[float]) -> Mapping[Metric, float]:
    return {P50: percentile(times, 0.5), P95: percentile(times, 0.95)}


def _check_same_values(online: OnlineFeatures, connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    for book_id in ids:
        row = asyncio.run(online.read([book_id], PRICE_FEATURES))[book_id]
        if row.missing or row.values != _decoded(connection, book_id):
            raise BookshelfError(f"the two reads of book {book_id} differ: {row}")
