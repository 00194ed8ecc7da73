"""Tables for people who work with data: the features now online, and what a champion was trained on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bookshelf.book import ListedBook
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.contracts import TableReply, TableRequest
from bookshelf.errors import ModelUnavailable
from features.schema import JOIN_KEY
from serving.online import TABLE_FEATURES, OnlineFeatures


async def features_table(
    open_catalogue: Callable[[], Catalogue], online: OnlineFeatures, request: TableRequest
) -> TableReply:
    """Every feature but the vectors of the books on offer, by id.

    A book whose features are not published yet has nulls. Raises `ModelUnavailable` if the catalogue or
    the store cannot be read.
    """
    listed, total = await asyncio.to_thread(_listed, open_catalogue, request)
    ids = [one.id for one in listed]
    found = await online.rows(ids, TABLE_FEATURES)
    unpublished = dict.fromkeys(feature.partition(":")[2] for feature in TABLE_FEATURES)
    rows: Iterable[Mapping[str, Any]] = (found.get(book_id, unpublished) for book_id in ids)
    items = tuple({JOIN_KEY: book_id, **row} for book_id, row in zip(ids, rows, strict=True))
    return _page(items, total, request)


def training_table(path: Path, request: TableRequest) -> TableReply:
    """Rows of a training set in the order they were trained on; vectors are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    columns = [
        field.name
        for field in schema
        if not pa.types.is_nested(field.type) and not field.name.startswith("__index_level_")
    ]
    table = pq.read_table(path, columns=columns)
    rows = table.slice((request.page - 1) * request.page_size, request.page_size).to_pylist()
    return _page(tuple(rows), table.num_rows, request)


def _listed(open_catalogue: Callable[[], Catalogue], request: TableRequest) -> tuple[list[ListedBook], int]:
    try:
        return open_catalogue().page(BookFilter(), number=request.page, size=request.page_size)
    except SQLAlchemyError as error:
        raise ModelUnavailable(f"the catalogue cannot be read: {type(error).__name__}") from error


def _page(items: tuple[dict[str, Any], ...], total: int, request: TableRequest) -> TableReply:
    return TableReply(
        items=items,
        page=request.page,
        page_size=request.page_size,
        total=total,
        pages=-(-total // request.page_size),
    )
