"""Features of books by their id, from Feast's online store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bookshelf.errors import ModelUnavailable, NotFound
from features import schema

if TYPE_CHECKING:
    from feast import FeatureStore
    from feast.online_response import OnlineResponse

log = logging.getLogger(__name__)

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

    Feast's stores keep one connection each, so one thread does all the reading.
    """

    def __init__(self, open_store: Callable[[], FeatureStore]) -> None:
        self._open_store = open_store
        self._store: FeatureStore | None = None
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
        found: dict[int, OnlineRow] = {}
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            found |= await loop.run_in_executor(self._thread, self._read, part, features)
        return found

    def known_features(self) -> frozenset[str] | None:
        """Every feature that was published to the store, as `view:feature`; None if that cannot be told."""
        return self._thread.submit(self._known_features).result()

    def warm_up(self) -> None:
        """Open the store and read once. A store that cannot be read now is tried again when it is needed."""
        try:
            self._thread.submit(self._read, [1], PRICE_FEATURES).result()
        except ModelUnavailable as error:
            log.warning("%s", error)

    def _known_features(self) -> frozenset[str] | None:
        try:
            self._store = self._store or self._open_store()
            self._store.refresh_registry()
            views = self._store.list_feature_views()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:  # noqa: BLE001
            self._store = None
            log.warning("the feature store's registry cannot be read: %s", error)
            return None
        return frozenset(f"{view.name}:{field.name}" for view in views for field in view.features)

    def _read(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, OnlineRow]:
        try:
            self._store = self._store or self._open_store()
            response = self._store.get_online_features(
                features=list(features), entity_rows=[{schema.JOIN_KEY: one} for one in book_ids]
            )
            columns = response.to_dict()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:
            self._store = None
            reason = f"{type(error).__name__}: {error}"
            raise ModelUnavailable(f"the online feature store cannot be read: {reason}") from error
        names = [feature.partition(":")[2] for feature in features]
        read = zip(
            columns[schema.JOIN_KEY],
            zip(*(columns[name] for name in names), strict=True),
            _event_times(response, features),
            _missing(response, features),
            strict=True,
        )
        # An unknown book comes back as a row of nothing, not as an error.
        return {
            key: OnlineRow(dict(zip(names, values, strict=True)), event_times, missing)
            for key, values, event_times, missing in read
            if any(value is not None for value in values)
        }


def _event_times(response: OnlineResponse, features: Sequence[str]) -> list[dict[str, datetime]]:
    """For each book asked for, view -> event time of its row; a view without one is left out."""
    vectors = _vectors(response)
    first = {view: name for view, _, name in (one.partition(":") for one in reversed(features))}
    by_view = {view: vectors[name].event_timestamps for view, name in first.items()}
    return [
        {
            view: datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, UTC)
            for view, stamp in zip(by_view, stamps, strict=True)
            if stamp.seconds
        }
        for stamps in zip(*by_view.values(), strict=True)
    ]


def _missing(response: OnlineResponse, features: Sequence[str]) -> list[tuple[str, ...]]:
    """For each book asked for, the features that the store does not have."""
    from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

    vectors = _vectors(response)
    statuses = [vectors[feature.partition(":")[2]].statuses for feature in features]
    return [
        tuple(one for one, status in zip(features, row, strict=True) if status != FieldStatus.PRESENT)
        for row in zip(*statuses, strict=True)
    ]


def _vectors(response: OnlineResponse) -> dict[str, Any]:
    return dict(zip(response.proto.metadata.feature_names.val, response.proto.results, strict=True))


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
