"""Hands in the stores: one value changed behind everybody's back, and put back after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bookshelf.settings import Settings

#: The lowest price of all takes the place of the highest.
ANOTHER_PRICE = """
UPDATE bookshelf_book_price SET value = (
    SELECT min(value) FROM bookshelf_book_price WHERE feature_name = 'price'
) WHERE feature_name = 'price' AND value = (
    SELECT max(value) FROM bookshelf_book_price WHERE feature_name = 'price'
)
"""


@contextmanager
def restored(*files: Path) -> Iterator[None]:
    """Puts the files back as they were, whatever the body does to them."""
    before = {file: file.read_bytes() for file in files}
    try:
        yield
    finally:
        for file, content in before.items():
            file.write_bytes(content)


@contextmanager
def online_prices(settings: Settings, sql: str) -> Iterator[None]:
    """Changes the online prices by hand, and puts them back."""
    with closing(sqlite3.connect(settings.home / "feast" / "online.db", isolation_level=None)) as online:
        rows = online.execute("SELECT * FROM bookshelf_book_price").fetchall()
        try:
            online.execute(sql)
            yield
        finally:
            online.execute("DELETE FROM bookshelf_book_price")
            marks = ",".join("?" * len(rows[0]))
            online.executemany(f"INSERT INTO bookshelf_book_price VALUES ({marks})", rows)


def change_first(file: Path, feature: str, value: object) -> int:
    """Gives the first row of a file of offline rows another value; the id of its book."""
    table = pq.read_table(file)
    cells = [value, *table[feature].to_pylist()[1:]]
    column = table.schema.field(feature)
    place = table.schema.get_field_index(feature)
    pq.write_table(table.set_column(place, column, pa.array(cells, type=column.type)), file)
    book_id: int = table["book_id"][0].as_py()
    return book_id
