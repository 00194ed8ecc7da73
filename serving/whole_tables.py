"""Whole tables of any length, a part of them in memory at a time: features, and what champions trained on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bookshelf.table_contracts import FileRequest, TrainingFileRequest
from features.schema import JOIN_KEY, VIEWS
from serving.online import TABLE_FEATURES, OnlineFeatures
from serving.past import PastFeatures
from serving.tables import SOURCE, OpenCatalogue, catalogue_at, columns_of, features_of

# A second of imports, for those who ask for a file.
if TYPE_CHECKING:
    import pyarrow as pa

#: Rows in memory at once. A vector is 1.5 kB: with vectors, 8 MB a copy.
PART = 5_000
# Fewer where each takes a read of its own, so that a busy machine still begins its answer in time.
_ONLINE_PART = 1_000
# Of each column; without it pyarrow reads all that a row group has of it.
_BUFFER_BYTES = 2**20


@dataclass(frozen=True)
class WholeTable:
    """The columns of a table, and its rows part by part; what cannot be read raises `ModelUnavailable`."""

    schema: pa.Schema
    parts: AsyncIterator[pa.Table]


async def all_features(
    open_catalogue: OpenCatalogue, online: OnlineFeatures, past: PastFeatures, request: FileRequest
) -> WholeTable:
    """What `features_table` tells, of all books: of those on offer at one moment, by id."""
    if request.as_of is not None:
        return await _past(open_catalogue, past, TABLE_FEATURES, request)
    ids = await asyncio.to_thread(_ids, open_catalogue, request)
    unpublished = dict.fromkeys(feature.partition(":")[2] for feature in TABLE_FEATURES)

    async def rows(part: Sequence[int]) -> list[Mapping[str, Any]]:
        found = await online.rows(part, TABLE_FEATURES)
        return [found.get(book_id, unpublished) for book_id in part]

    return _of_books(ids, TABLE_FEATURES, rows, _ONLINE_PART)


async def all_past_training_rows(
    open_catalogue: OpenCatalogue, past: PastFeatures, service: str, request: TrainingFileRequest
) -> WholeTable:
    """What `past_training_table` tells, of all books."""
    features = features_of(service, vectors=request.vectors)
    return await _past(open_catalogue, past, features, request)


async def all_training_rows(path: Path, request: TrainingFileRequest) -> WholeTable:
    """What `training_table` tells, all of it. Raises `NotFound` as it does."""
    import pyarrow.parquet as pq

    file = await asyncio.to_thread(pq.ParquetFile, path, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    columns = columns_of(file.schema_arrow, request, vectors=request.vectors)
    fields = [file.schema_arrow.field(name) for name in columns]

    async def parts() -> AsyncIterator[pa.Table]:
        batches = file.iter_batches(PART, columns=columns)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield _of_source(pa.Table.from_batches([batch]), request.source)

    import pyarrow as pa

    return WholeTable(pa.schema(fields), parts())


async def _past(
    open_catalogue: OpenCatalogue, past: PastFeatures, features: Sequence[str], request: FileRequest
) -> WholeTable:
    as_of = request.as_of
    assert as_of is not None
    ids = await asyncio.to_thread(_ids, open_catalogue, request)
    return _of_books(ids, features, lambda part: past.rows(part, features, as_of), PART)


def _of_books(
    ids: Sequence[int], features: Sequence[str], rows: Callable[[Sequence[int]], Any], at_once: int
) -> WholeTable:
    import pyarrow as pa

    schema = _schema(features)

    async def parts() -> AsyncIterator[pa.Table]:
        for start in range(0, len(ids), at_once):
            part = ids[start : start + at_once]
            found = await rows(part)
            told = [{JOIN_KEY: one, **row} for one, row in zip(part, found, strict=True)]
            yield await asyncio.to_thread(pa.Table.from_pylist, told, schema)

    return WholeTable(schema, parts())


def _schema(features: Sequence[str]) -> pa.Schema:
    """The columns of a table of features. Any may be null: a book's may not be published yet."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "count": pa.int64(),
        "number": pa.float64(),
        "amount": pa.float64(),
        "vector": pa.list_(pa.float32()),
    }
    named = [feature.partition(":")[::2] for feature in features]
    return pa.schema([(JOIN_KEY, pa.int64()), *((name, types[VIEWS[view][name]]) for view, name in named)])


def _of_source(table: pa.Table, source: str | None) -> pa.Table:
    import pyarrow.compute as pc

    return table if source is None else table.filter(pc.equal(table[SOURCE], source))


def _ids(open_catalogue: OpenCatalogue, request: FileRequest) -> list[int]:
    with catalogue_at(open_catalogue, request) as (catalogue, wanted):
        return catalogue.book_ids(wanted)
