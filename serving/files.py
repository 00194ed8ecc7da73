"""Whole tables over HTTP as NDJSON or Parquet, each part sent when it is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import RawIOBase
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import to_json
from starlette.responses import StreamingResponse

from bookshelf.table_contracts import MEDIA_TYPES, FileFormat
from serving.whole_tables import PART, WholeTable

# A second of imports, for those who ask for a file.
if TYPE_CHECKING:
    import pyarrow as pa


class Writer(Protocol):
    """Makes a file of a table: what there is to send after each part of at most `rows`, and at the end."""

    @property
    def rows(self) -> int: ...

    def add(self, part: pa.Table) -> bytes: ...

    def end(self) -> bytes: ...


class NdjsonWriter:
    """A line of JSON a row; what is not known is null."""

    rows = 500  # as Python's objects, vectors are twenty times as large

    def add(self, part: pa.Table) -> bytes:
        return b"".join(to_json(row, inf_nan_mode="null") + b"\n" for row in part.to_pylist())

    def end(self) -> bytes:
        return b""


class ParquetWriter:
    """A row group a part. Without its last bytes nobody can take it for a whole file."""

    rows = PART

    def __init__(self, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._sent = _Sent()
        self._writer = pq.ParquetWriter(self._sent, schema)

    def add(self, part: pa.Table) -> bytes:
        self._writer.write_table(part)
        return self._sent.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._sent.take()


async def file_response(table: WholeTable, format: FileFormat, name: str) -> StreamingResponse:
    """The table as a file of that name, to which the format's own ending is put.

    The first part is made before the answer begins: what fails there is still answered as an error. What
    fails later breaks the transfer off, which the client sees.
    """
    chunks = _chunks(table, format)
    first = await anext(chunks)
    return StreamingResponse(
        _after(first, chunks),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}.{format}"'},
    )


async def _chunks(table: WholeTable, format: FileFormat) -> AsyncIterator[bytes]:
    writer: Writer = NdjsonWriter() if format == "ndjson" else ParquetWriter(table.schema)
    async for part in table.parts:
        for start in range(0, part.num_rows, writer.rows):
            yield await asyncio.to_thread(writer.add, part.slice(start, writer.rows))
    yield await asyncio.to_thread(writer.end)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


class _Sent(RawIOBase):
    """A file that is written on one side and taken away on the other."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
