"""Tables in Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bookshelf.errors import BookshelfError
from ingestion.imports.tables import Row, Table

_BATCH = 1_000


@contextmanager
def open_parquet(path: Path) -> Iterator[Table]:
    """Its rows, a batch at a time, numbered from 1."""
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise BookshelfError(f"it is no Parquet file: {error}") from error
    with file:
        yield Table(file.schema_arrow.names, _rows(file))


def _rows(file: pq.ParquetFile) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH):
        for cells in batch.to_pylist():
            number += 1
            yield Row(number, cells)
