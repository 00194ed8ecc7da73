"""Whole tables as files: the same rows as page by page, in parts, and broken off where they are not whole."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from bookshelf.table_contracts import FileFormat, FileRequest, TableRequest, TrainingFileRequest
from features import schema
from serving import whole_tables
from serving.files import file_response
from serving.online import OnlineFeatures
from serving.past import PastFeatures
from serving.tables import features_table
from serving.whole_tables import WholeTable, all_features, all_training_rows

SHOP = "https://shop.example/"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_tables, "PART", 7)
    monkeypatch.setattr(whole_tables, "_ONLINE_PART", 7)


@pytest.fixture
def features(home: Settings, online: OnlineFeatures) -> Callable[..., bytes]:
    """The file of features, as it is asked for."""

    def file(**wanted: Any) -> bytes:
        request = FileRequest(**wanted)
        past = PastFeatures(lambda: open_feature_store(home, mlflow=False))

        async def made() -> bytes:
            table = await all_features(lambda: Catalogue.open(home.catalogue_url), online, past, request)
            return await sent(table, request.format)

        return asyncio.run(made())

    return file


async def sent(table: WholeTable, format: FileFormat) -> bytes:
    answer = await file_response(table, format, "name")
    return b"".join([bytes(chunk) async for chunk in answer.body_iterator])


def records(file: bytes) -> list[dict[str, Any]]:
    if file.startswith(b"PAR1"):
        return pq.read_table(io.BytesIO(file)).to_pylist()  # type: ignore[no-any-return]
    return [json.loads(line) for line in file.splitlines()]


def test_a_file_has_the_rows_of_all_pages(
    home: Settings, online: OnlineFeatures, features: Callable[..., bytes]
) -> None:
    past = PastFeatures(lambda: open_feature_store(home, mlflow=False))
    catalogue = Catalogue.open(home.catalogue_url)
    paged = asyncio.run(features_table(lambda: catalogue, online, past, TableRequest()))
    rows = records(features(format="ndjson"))
    assert rows == list(paged.items) == records(features(format="parquet"))
    assert (len(rows), rows[-1]["title"]) == (61, None)  # not published yet
    assert rows == records(features(format="ndjson", source=SHOP))


def test_of_no_books_parquet_has_the_columns_and_ndjson_nothing(features: Callable[..., bytes]) -> None:
    assert features(format="ndjson", source="elsewhere") == b""
    frame = pl.read_parquet(io.BytesIO(features(format="parquet", source="elsewhere")))
    assert frame.height == 0
    assert {"book_id": pl.Int64, "title": pl.String, "price": pl.Float64}.items() <= frame.schema.items()


def a_training_set(folder: Path) -> Path:
    path = folder / "training_set.parquet"
    pd.DataFrame(
        {
            "book_id": range(20),
            "stock": [np.nan, *range(19)],
            "source": ["shop", "list"] * 10,
            "event_timestamp": datetime(2025, 3, 1, tzinfo=UTC),
            "embedding": list(np.eye(20, 4, dtype=np.float32)),
        },
        index=range(100, 120),
    ).to_parquet(path)
    return path


def training_file(path: Path, **wanted: Any) -> bytes:
    request = TrainingFileRequest(**wanted)

    async def made() -> bytes:
        return await sent(await all_training_rows(path, request), request.format)

    return asyncio.run(made())


def test_training_rows_are_those_of_the_file_and_vectors_come_when_they_are_wanted(tmp_path: Path) -> None:
    path = a_training_set(tmp_path)
    lines = training_file(path, format="ndjson", source="list").decode().splitlines()
    assert [json.loads(line)["book_id"] for line in lines] == list(range(1, 20, 2))
    first = training_file(path, format="ndjson").decode().splitlines()[0]
    assert json.loads(first) == {
        "book_id": 0,
        "stock": None,
        "source": "shop",
        "event_timestamp": "2025-03-01T00:00:00Z",
    }
    told = pd.read_parquet(io.BytesIO(training_file(path, format="parquet", vectors=True)))
    original = pd.read_parquet(path).reset_index(drop=True)
    pd.testing.assert_frame_equal(told.drop(columns="embedding"), original.drop(columns="embedding"))
    assert np.stack(list(told["embedding"])).tolist() == np.stack(list(original["embedding"])).tolist()


def test_rows_that_are_not_told_apart_by_source_are_not_found(tmp_path: Path) -> None:
    path = a_training_set(tmp_path)
    pd.read_parquet(path).drop(columns="source").to_parquet(path)
    with pytest.raises(NotFound, match="not told apart by source"):
        training_file(path, format="ndjson", source="list")


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
@pytest.mark.parametrize("good", [0, 1])
def test_a_part_that_fails_is_an_error_first_and_a_broken_transfer_later(
    format: FileFormat, good: int
) -> None:
    one = pa.table({schema.JOIN_KEY: [1, 2]})

    async def parts() -> AsyncIterator[pa.Table]:
        for _ in range(good):
            yield one
        raise ModelUnavailable("the store is gone")

    async def read(sent: list[bytes]) -> None:
        answer = await file_response(WholeTable(one.schema, parts()), format, "name")
        async for chunk in answer.body_iterator:
            sent.append(bytes(chunk))

    sent: list[bytes] = []
    with pytest.raises(ModelUnavailable, match="is gone"):
        asyncio.run(read(sent))
    assert len(sent) == good
    if good and format == "parquet":
        with pytest.raises(pa.ArrowInvalid):
            pq.read_table(io.BytesIO(sent[0]))
