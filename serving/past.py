"""Features as they were known at a past moment, from Feast's offline store."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bookshelf.errors import ModelUnavailable
from features import schema
from serving.online import unreadable

if TYPE_CHECKING:
    from feast import FeatureStore

_ROW = "row"


class PastFeatures:
    """The offline store, opened at the first question and again for each that finds it changed or broken.

    DuckDB, through which Feast reads, has one connection in a process, so one thread does all the reading.
    """

    def __init__(self, open_store: Callable[[], FeatureStore]) -> None:
        self._open_store = open_store
        self._store: FeatureStore | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="offline-store")

    async def rows(
        self, book_ids: Sequence[int], features: Sequence[str], as_of: datetime
    ) -> list[dict[str, Any]]:
        """Feature name -> value of each book, in their order, as was known at `as_of`; None is not known.

        `features` are spelled `view:feature`. Raises `ModelUnavailable` if the store cannot be read.
        """
        if not book_ids:
            return []
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read, book_ids, features, as_of)

    def _read(
        self, book_ids: Sequence[int], features: Sequence[str], as_of: datetime
    ) -> list[dict[str, Any]]:
        import pandas as pd

        asked = pd.DataFrame({schema.JOIN_KEY: book_ids, _ROW: range(len(book_ids))})
        asked[schema.EVENT_TIMESTAMP] = pd.Series([as_of] * len(asked)).astype("datetime64[us, UTC]")
        try:
            self._store = self._store or self._open_store()
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
                found = self._store.get_historical_features(
                    asked, features=list(features), filter_by_created_timestamp=True
                ).to_df()
        # Each kind of store and its driver raise errors of their own.
        except Exception as error:
            self._store = None
            raise unreadable("offline", error) from error
        if sorted(found[_ROW]) != list(range(len(book_ids))):
            raise ModelUnavailable("the offline feature store lost or doubled rows")
        names = [feature.partition(":")[2] for feature in features]
        told = found.sort_values(_ROW)[names].astype(object)
        rows: list[dict[str, Any]] = told.where(told.notna(), None).to_dict("records")
        return rows
