"""Features of books by their id, from Feast's online store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from bookshelf.errors import BookshelfError, ModelUnavailable, NotFound
from features import schema

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey

log = logging.getLogger(__name__)

#: What a view has of one book, as Feast gives it: time of its row and values by feature; None is nothing.
Part: TypeAlias = tuple[datetime | None, Mapping[str, Any] | None]

#: The features that the price model reads: its service's without the price and its currency.
PRICE_FEATURES = tuple(
    f"{view}:{feature}"
    for view, features in schema.SERVICES[schema.PRICE_SERVICE].items()
    for feature in features
    if view != schema.PRICE_VIEW
)
#: Every feature that fits into a table: all but the vectors.
TABLE_FEATURES = tuple(
    f"{view}:{feature}"
    for view, features in schema.VIEWS.items()
    for feature, kind in features.items()
    if kind != "vector"
)

# A long table is read in parts, so that a prediction by id waits for a part and not for the whole.
_PART = 250
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class OnlineRow:
    """What the store has of one book: its values by feature, None where the shop says nothing.

    `event_times` are when the shop was seen to offer what each view says; `missing` are the features that
    the store does not have at all, as `view:feature`.
    """

    values: Mapping[str, Any]
    event_times: Mapping[str, datetime]
    missing: tuple[str, ...] = ()


class OnlineFeatures:
    """The online store, opened at the first read and opened again after a failure.

    Feast's stores keep one connection each, so that one reads at a time: a thread, where the store may be
    far away or has to be opened, or whoever asks for a few rows of a local file while that is free. Handing
    these to the thread and back takes longer than to read them.
    """

    def __init__(self, open_store: Callable[[], FeatureStore]) -> None:
        self._open_store = open_store
        self._store: FeatureStore | None = None
        self._views: dict[str, FeatureView] = {}
        self._reading = Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="online-store")

    async def rows(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, Mapping[str, Any]]:
        """Feature name -> value of each book that the store knows; ids it does not know are left out.

        `features` are spelled `view:feature`. Raises `ModelUnavailable` if the store cannot be read.
        """
        return {book_id: row.values for book_id, row in (await self.read(book_ids, features)).items()}

    async def read(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, OnlineRow]:
        """As `rows`, with what is needed to say how fresh they are."""
        loop = asyncio.get_running_loop()
        wanted = list(dict.fromkeys(book_ids))
        if len(wanted) <= _AT_ONCE and self._is_near() and self._reading.acquire(blocking=False):
            try:
                return self._read(wanted, features)
            finally:
                self._reading.release()
        found: dict[int, OnlineRow] = {}
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            found |= await loop.run_in_executor(self._thread, self._read_in_turn, part, features)
        return found

    def known_features(self) -> frozenset[str] | None:
        """Every feature that was published to the store, as `view:feature`; None if that cannot be told."""
        return self._thread.submit(self._known_features).result()

    def warm_up(self) -> None:
        """Open the store and read once. A store that cannot be read now is tried again when it is needed."""
        with suppress(ModelUnavailable):  # it is in the log
            self._thread.submit(self._read_in_turn, [1], PRICE_FEATURES).result()

    def _is_near(self) -> bool:
        """Whether the store is open and a file of this machine, of which a few rows are read in no time."""
        store = self._store
        return store is not None and store.config.online_store.type == "sqlite"

    def _read_in_turn(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, OnlineRow]:
        with self._reading:
            return self._read(book_ids, features)

    def _known_features(self) -> frozenset[str] | None:
        try:
            store = self._opened()
            store.refresh_registry()
            views = store.list_feature_views()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:  # noqa: BLE001
            self._store = None
            log.warning("the feature store's registry cannot be read: %s", error)
            return None
        self._views = {view.name: view for view in views}
        return frozenset(f"{view.name}:{field.name}" for view in views for field in view.features)

    def _read(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, OnlineRow]:
        wanted = _by_view(tuple(features))
        keys = [key_of(one) for one in book_ids]
        try:
            store = self._opened()
            # The store's own read, view by view: Feast's `get_online_features` looks every name up in the
            # registry, and puts the rows into a message to take them out of again, in three times the time.
            found = [
                store.provider.online_read(store.config, self._view(store, view), keys, list(names))
                for view, names in wanted.items()
            ]
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:
            self._store = None
            raise unreadable("online", error) from error
        rows = {book_id: _row(wanted, parts) for book_id, *parts in zip(book_ids, *found, strict=True)}
        # Of an unknown book there is a row of nothing, and no error.
        return {book_id: row for book_id, row in rows.items() if any(map(_is_told, row.values.values()))}

    def _opened(self) -> FeatureStore:
        if self._store is None:
            self._views = {}
            self._store = self._open_store()
        return self._store

    def _view(self, store: FeatureStore, name: str) -> FeatureView:
        """The view as the registry has it, asked once a store."""
        if name not in self._views:
            self._views[name] = store.get_feature_view(name)
        return self._views[name]


def unreadable(store: str, error: Exception) -> ModelUnavailable:
    """That the store of that name cannot be read, and in our words why.

    A driver's own words name hosts, users and folders: they are for the log, and callers are told the kind.
    """
    told = str(error) if isinstance(error, BookshelfError) else type(error).__name__
    log.warning("the %s feature store cannot be read: %s: %s", store, type(error).__name__, error)
    return ModelUnavailable(f"the {store} feature store cannot be read: {told}")


@lru_cache(maxsize=16)
def _by_view(features: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Names of features by view, from `view:feature`."""
    found: dict[str, list[str]] = {}
    for view, _, name in (one.partition(":") for one in features):
        found.setdefault(view, []).append(name)
    return found


def key_of(book_id: int) -> EntityKey:
    """What Feast finds a book's rows by."""
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    return EntityKey(join_keys=[schema.JOIN_KEY], entity_values=[Value(int64_val=book_id)])


def _row(wanted: Mapping[str, Sequence[str]], parts: Sequence[Part]) -> OnlineRow:
    """One book's row, of what each view has of it."""
    values: dict[str, Any] = {}
    event_times: dict[str, datetime] = {}
    missing: list[str] = []
    for (view, names), (event_time, told) in zip(wanted.items(), parts, strict=True):
        if event_time is not None:
            event_times[view] = event_time.astimezone(UTC)
        for name in names:
            value = None if told is None else told.get(name)
            if value is None:
                missing.append(f"{view}:{name}")
            values[name] = None if value is None else plain(value)
    return OnlineRow(values, event_times, tuple(missing))


def plain(value: Any) -> Any:
    """A text, a number or a list of numbers out of Feast's message; None out of an empty one."""
    kind = value.WhichOneof("val")
    if kind is None:
        return None
    told = getattr(value, kind)
    return list(told.val) if kind.endswith("_list_val") else told


def _is_told(value: Any) -> bool:
    return value is not None


def of_book(rows: Mapping[int, OnlineRow], book_id: int) -> Mapping[str, Any]:
    """The book's row, with None for a number that is not known.

    Raises `NotFound` if the store has no row, or lacks a text or a vector of it, which are named.
    """
    row = rows.get(book_id)
    if row is None:
        raise NotFound("book_id", f"the online feature store has no features of book {book_id}")
    lacking = [name for name, value in row.values.items() if value is None and name not in schema.NUMBERS]
    if lacking:
        told = ", ".join(lacking)
        raise NotFound(
            "book_id", f"features of book {book_id} are MISSING in the online feature store: {told}"
        )
    return row.values
