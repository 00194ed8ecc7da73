"""Features of books by their id, from Feast's online store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bookshelf.errors import ModelUnavailable, NotFound
from features import schema

if TYPE_CHECKING:
    from feast import FeatureStore

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
        loop = asyncio.get_running_loop()
        wanted = list(dict.fromkeys(book_ids))
        found: dict[int, Mapping[str, Any]] = {}
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            found |= await loop.run_in_executor(self._thread, self._read, part, features)
        return found

    def warm_up(self) -> None:
        """Open the store and read once. A store that cannot be read now is tried again when it is needed."""
        try:
            self._thread.submit(self._read, [1], PRICE_FEATURES).result()
        except ModelUnavailable as error:
            log.warning("%s", error)

    def _read(self, book_ids: Sequence[int], features: Sequence[str]) -> dict[int, Mapping[str, Any]]:
        try:
            self._store = self._store or self._open_store()
            columns = self._store.get_online_features(
                features=list(features), entity_rows=[{schema.JOIN_KEY: one} for one in book_ids]
            ).to_dict()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:
            self._store = None
            reason = f"{type(error).__name__}: {error}"
            raise ModelUnavailable(f"the online feature store cannot be read: {reason}") from error
        keys = columns[schema.JOIN_KEY]
        names = [feature.partition(":")[2] for feature in features]
        rows = (
            dict(zip(names, values, strict=True))
            for values in zip(*(columns[name] for name in names), strict=True)
        )
        # An unknown book comes back as a row of nothing, not as an error.
        return {
            key: row
            for key, row in zip(keys, rows, strict=True)
            if any(value is not None for value in row.values())
        }


def of_book(rows: Mapping[int, Mapping[str, Any]], book_id: int) -> Mapping[str, Any]:
    """The book's row, with None for a number that is not known.

    Raises `NotFound` if the store has no row, or not all of it.
    """
    row = rows.get(book_id)
    if row is None or any(value is None for name, value in row.items() if name not in schema.NUMBERS):
        raise NotFound("book_id", f"the online feature store has no features of book {book_id}")
    return row
