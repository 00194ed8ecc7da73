"""A second opinion on what Feast gave: each value against the Parquet rows written by its moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from features import schema
from training.entity_rows import EntityRows

_ROW, _MOMENT = "asked_row", "asked_moment"
_ARROW = {
    "text": pa.string(),
    "count": pa.int64(),
    "number": pa.float64(),
    "amount": pa.float64(),
    "vector": pa.list_(pa.float32()),
}
# What a book's newest row says, of those that had happened and were known by the moment that is asked for.
_DIFFERING = """
WITH said AS (
    SELECT asked.{row} AS place, written.* FROM asked JOIN read_parquet(?) AS written
        ON written.{book} = asked.{book} AND written.{event} <= asked.{moment}
        AND written.{created} <= asked.{moment}
    QUALIFY row_number() OVER (
        PARTITION BY asked.{row} ORDER BY written.{event} DESC, written.{created} DESC
    ) = 1
)
SELECT asked.{row} AS place, {columns} FROM asked LEFT JOIN said ON said.place = asked.{row}
WHERE {differs} ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A value that was given for the row at `place`, and what was written of it by then; None is nothing."""

    place: int
    feature: str
    given: Any
    written: Any


def contradictions(offline: Path, service: str, rows: EntityRows, frame: pd.DataFrame) -> list[Contradiction]:
    """Every value of `frame`, a row for each of `rows`, that is not what the offline rows say, by place.

    An offline row counts if neither its event nor its `created` is later than the moment asked for; of
    those the one of the latest event, and of equal ones the one that was created last. This reads the
    files itself, and so it finds a value from the future, an outdated one and one that was lost alike.
    """
    found: list[Contradiction] = []
    with duckdb.connect() as connection:
        for view, features in schema.SERVICES[service].items():
            connection.register("asked", _asked(view, features, rows, frame))
            query, files = _query(features), str(offline / view / "*.parquet")
            for place, *values in connection.execute(query, [files]).fetchall():
                pairs = zip(features, values[: len(features)], values[len(features) :], strict=True)
                found += [
                    Contradiction(place, feature, given, written)
                    for feature, given, written in pairs
                    if given != written
                ]
    return sorted(found, key=lambda one: one.place)


def _asked(view: str, features: Sequence[str], rows: EntityRows, frame: pd.DataFrame) -> pa.Table:
    columns = {
        _ROW: pa.array(np.arange(len(rows))),
        schema.JOIN_KEY: pa.array(rows.book_ids),
        _MOMENT: pa.array(rows.moments, type=pa.timestamp("us", tz="UTC")),
    }
    kinds = schema.VIEWS[view]
    given = {name: pa.array(frame[name], type=_ARROW[kinds[name]], from_pandas=True) for name in features}
    return pa.table(columns | given)


def _query(features: Sequence[str]) -> str:
    columns = [f'{table}."{name}"' for table in ("asked", "said") for name in features]
    return _DIFFERING.format(
        row=_ROW,
        moment=_MOMENT,
        book=schema.JOIN_KEY,
        event=schema.EVENT_TIMESTAMP,
        created=schema.CREATED_TIMESTAMP,
        columns=", ".join(f'{column} AS "{place}"' for place, column in enumerate(columns)),
        differs=" OR ".join(f'asked."{name}" IS DISTINCT FROM said."{name}"' for name in features),
    )
