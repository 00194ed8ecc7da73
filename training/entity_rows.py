"""What a training set is asked for: books and moments, row by row, in the caller's order and by its names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import FeatureStoreError
from features import schema

#: Column that names a caller's rows.
ROW_ID = "row_id"

RowId = int | str

_NAMED = 5  # rows named in an error


@dataclass(frozen=True)
class EntityRows:
    """n rows, at least one: their ids, all different, their books, and the moment that each is of.

    A book may have several rows, at different moments or at the same one. `moments` is datetime64[us, UTC].
    """

    row_ids: tuple[RowId, ...]
    book_ids: NDArray[np.int64]
    moments: pd.Series[Any]

    @classmethod
    def at(cls, book_ids: Iterable[int], moment: datetime) -> EntityRows:
        """A row for each of these books, all of one moment, known by their places."""
        ids = np.array(list(book_ids), dtype=np.int64)
        return cls(tuple(range(len(ids))), ids, _in_utc([moment] * len(ids)))

    @classmethod
    def of(cls, given: pd.DataFrame) -> EntityRows:
        """The rows of a frame with `book_id`, `event_timestamp` and, or else rows go by place, `row_id`.

        Other columns are left aside. Raises `FeatureStoreError` naming the column and the first row that
        cannot be used, rows counted from 0.
        """
        for column in (schema.JOIN_KEY, schema.EVENT_TIMESTAMP):
            if column not in given:
                raise FeatureStoreError(f"{column} must be a column of the rows, got {list(given)}")
        if given.empty:
            raise FeatureStoreError("a training set must have one row at least, got none")
        row_ids = list(given[ROW_ID]) if ROW_ID in given else list(range(len(given)))
        book_ids, moments = list(given[schema.JOIN_KEY]), list(given[schema.EVENT_TIMESTAMP])
        _check(ROW_ID, "a whole number or a text", row_ids, map(_is_row_id, row_ids))
        _check(ROW_ID, "another in each row", row_ids, ~pd.Series(row_ids, dtype=object).duplicated())
        _check(schema.JOIN_KEY, "a whole number", book_ids, map(_is_whole, book_ids))
        _check(schema.EVENT_TIMESTAMP, "a time with a time zone", moments, map(_has_zone, moments))
        names = tuple(int(one) if _is_whole(one) else str(one) for one in row_ids)
        return cls(names, np.array(book_ids, dtype=np.int64), _in_utc(moments))

    def __len__(self) -> int:
        return len(self.row_ids)

    def named(self, places: Sequence[int]) -> str:
        """The rows at these places, in words: the first few, and how many more there are."""
        told = [
            f"row {self.row_ids[place]!r} (book {self.book_ids[place]} at {self.moments[place].isoformat()})"
            for place in places[:_NAMED]
        ]
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        return f"{', '.join(told)}{more}"


def _check(column: str, wanted: str, values: Sequence[object], sound: Iterable[bool]) -> None:
    for place, (value, is_sound) in enumerate(zip(values, sound, strict=True)):
        if not is_sound:
            raise FeatureStoreError(f"{column} of row {place} must be {wanted}, got {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_row_id(value: object) -> bool:
    return _is_whole(value) or isinstance(value, str)


def _has_zone(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None  # pandas' "not a time" has none


def _in_utc(moments: Sequence[datetime]) -> pd.Series[Any]:
    """Without what is below a microsecond, which no store reads back: a moment only gets earlier by it."""
    plain = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    return pd.Series(np.array(plain, dtype="datetime64[us]")).dt.tz_localize(UTC)
