"""Tables for people who work with data: features, now or at a time, and what a champion was trained on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from bookshelf.book import ListedBook
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.snapshots import Snapshot
from bookshelf.table_contracts import TableOfBooks, TableReply, TableRequest, TrainingDataRequest
from features.schema import JOIN_KEY, SERVICES, VIEWS
from serving.online import TABLE_FEATURES, OnlineFeatures
from serving.past import PastFeatures

if TYPE_CHECKING:
    import pyarrow as pa

OpenCatalogue = Callable[[], Catalogue]

#: Column of a training set with the source of each row's book.
SOURCE = "source"


async def features_table(
    open_catalogue: OpenCatalogue, online: OnlineFeatures, past: PastFeatures, request: TableRequest
) -> TableReply:
    """Every feature but the vectors of the books on offer, now or at `as_of`, by id.

    A book whose features are not published yet has nulls. Raises `ModelUnavailable` if the catalogue or
    the store cannot be read, or if what the catalogue said at `as_of` is not published yet.
    """
    if request.as_of is not None:
        return await _past_table(open_catalogue, past, TABLE_FEATURES, request, request.as_of)
    listed, total = await asyncio.to_thread(_listed, open_catalogue, request)
    ids = [one.id for one in listed]
    found = await online.rows(ids, TABLE_FEATURES)
    unpublished = dict.fromkeys(feature.partition(":")[2] for feature in TABLE_FEATURES)
    rows: Iterable[Mapping[str, Any]] = (found.get(book_id, unpublished) for book_id in ids)
    items = tuple({JOIN_KEY: book_id, **row} for book_id, row in zip(ids, rows, strict=True))
    return _page(items, total, request)


async def past_training_table(
    open_catalogue: OpenCatalogue, past: PastFeatures, service: str, request: TrainingDataRequest
) -> TableReply:
    """What a model of that feature service would have been given at `request.as_of`; vectors are left out.

    Raises `ModelUnavailable` as `features_table` does.
    """
    assert request.as_of is not None
    return await _past_table(open_catalogue, past, features_of(service), request, request.as_of)


def features_of(service: str, *, vectors: bool = False) -> tuple[str, ...]:
    """The features of a service as `view:feature`, without its vectors unless they are wanted."""
    return tuple(
        f"{view}:{feature}"
        for view, names in SERVICES[service].items()
        for feature in names
        if vectors or VIEWS[view][feature] != "vector"
    )


def training_table(path: Path, request: TableRequest) -> TableReply:
    """Rows of a training set in the order they were trained on; vectors are left out.

    Raises `NotFound` for a source where the rows do not tell of which source they are.
    """
    import pyarrow.parquet as pq

    columns = columns_of(pq.read_schema(path), request)
    chosen = None if request.source is None else [(SOURCE, "=", request.source)]
    table = pq.read_table(path, columns=columns, filters=chosen)
    rows = table.slice((request.page - 1) * request.page_size, request.page_size).to_pylist()
    return _page(tuple(rows), table.num_rows, request)


def columns_of(schema: pa.Schema, request: TableOfBooks, *, vectors: bool = False) -> list[str]:
    """The columns of a training set that are told, vectors only if they are wanted.

    Raises `NotFound` for a source where the rows do not tell of which source they are.
    """
    import pyarrow as pa

    columns = [
        field.name
        for field in schema
        if (vectors or not pa.types.is_nested(field.type)) and not field.name.startswith("__index_level_")
    ]
    if request.source is not None and SOURCE not in columns:
        raise NotFound("source", "the rows that this model was trained on are not told apart by source")
    return columns


async def _past_table(
    open_catalogue: OpenCatalogue,
    past: PastFeatures,
    features: Sequence[str],
    request: TableRequest,
    as_of: datetime,
) -> TableReply:
    listed, total = await asyncio.to_thread(_listed, open_catalogue, request)
    ids = [one.id for one in listed]
    rows = await past.rows(ids, features, as_of)
    return _page(tuple({JOIN_KEY: one, **row} for one, row in zip(ids, rows, strict=True)), total, request)


def _listed(open_catalogue: OpenCatalogue, request: TableRequest) -> tuple[list[ListedBook], int]:
    with catalogue_at(open_catalogue, request) as (catalogue, wanted):
        return catalogue.page(wanted, number=request.page, size=request.page_size)


@contextmanager
def catalogue_at(
    open_catalogue: OpenCatalogue, request: TableOfBooks
) -> Iterator[tuple[Catalogue, BookFilter]]:
    """The catalogue, and which of its books the table is of.

    Raises `ModelUnavailable` if it cannot be read, or if the features of that moment are not published yet.
    """
    try:
        catalogue = open_catalogue()
        if request.as_of is not None:
            _check_published(catalogue.snapshot(as_of=request.as_of))
        yield catalogue, BookFilter(as_of=request.as_of, source=request.source)
    except SQLAlchemyError as error:
        raise ModelUnavailable(f"the catalogue cannot be read: {type(error).__name__}") from error


def _check_published(snapshot: Snapshot | None) -> None:
    """Raises `ModelUnavailable` if the feature store does not hold yet what that snapshot says."""
    if snapshot is not None and snapshot.features_published_at is None:
        raise ModelUnavailable(f"the features of snapshot {snapshot.id} are not published yet")


def _page(items: tuple[dict[str, Any], ...], total: int, request: TableRequest) -> TableReply:
    return TableReply(
        items=items,
        page=request.page,
        page_size=request.page_size,
        total=total,
        pages=-(-total // request.page_size),
    )
