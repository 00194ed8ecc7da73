"""Files and options that no import can use: each is named in one error, and the catalogue stays as it was."""

from __future__ import annotations

import gzip
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import BookshelfError
from bookshelf.runs import Runs
from bookshelf.tables import runs, snapshots, staged_books
from tests.ingestion.imports.files import (
    WRITERS,
    Import,
    a_row,
    as_excel,
    books,
    counted,
    isbn,
    refused,
    write_csv,
)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--map", "title=Titel"],
            "title: there is no column 'Titel'; the file has 'ISBN', 'Title', 'Price'",
        ),
        (["--map", "titel=Title"], "a book has no field 'titel'; it has title, price,"),
        (["--map", "title"], "--map must be field=Column"),
        (["--map", "title=Title,title=ISBN"], "title is mapped twice"),
        (["--map", "price="], "no column gives the price"),
        (["--map", "isbn="], "no column tells books apart"),
        (["--key", "SKU"], "key: there is no column 'SKU'"),
        (["--source", "sample shop"], "stands in for a real one"),
        (["--source", " "], "--source must be a name"),
        (["--source", "B\udcfccher.csv"], "--source must be a name in UTF-8"),
        (["--encoding", "klingon"], "no encoding called 'klingon'"),
        (["--encoding", "rot13"], "no encoding called 'rot13'"),
        (["--encoding", "undefined"], "no encoding called 'undefined'"),
        (["--map", "title=Title,\nprice=Price"], "--map must be field=Column"),
        (["--refused", "."], "--refused must be a file"),
        (["--refused", "books.csv"], "--refused must be another file"),
        (["--refused", "no/such/folder.csv"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(
    catalogue: Catalogue, imported: Import, tmp_path: Path, arguments: list[str], words: str
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(1)])
    with pytest.raises(BookshelfError) as raised:
        imported(path, *arguments)
    assert words in str(raised.value)
    assert counted(catalogue, runs, snapshots) == [0, 0]
    assert path.read_text().startswith("ISBN,Title")


@pytest.mark.parametrize(
    "name", ["none.csv", "none.xlsx", "none.parquet", "none.ndjson", "none.csv.gz", "none.pdf"]
)
@pytest.mark.parametrize("content", [None, b"", b"\x00\x01rubbish"])
def test_a_file_that_is_none_of_its_kind_is_an_error_that_names_it(
    imported: Import, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    # A text file of rubbish has one column, of which the map says what it misses.
    with pytest.raises(BookshelfError, match=r"none\.|no column gives the title"):
        imported(tmp_path / name)


def test_a_value_that_python_has_not_is_an_error_that_names_the_file(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    late = pa.array([2**62], pa.timestamp("us"))
    table = pa.table({"isbn": [isbn(1)], "title": ["Emma"], "price": ["5.00"], "year": late})
    pq.write_table(table, tmp_path / "late.parquet")
    with pytest.raises(BookshelfError, match=r"late\.parquet to its end: date value out of range"):
        imported(tmp_path / "late.parquet")
    assert catalogue.all_books() == []


@pytest.mark.parametrize(
    ("part", "content"),
    [("xl/workbook.xml", b"<x/>"), ("xl/styles.xml", b"<x"), ("xl/worksheets/sheet1.xml", None)],
)
def test_a_workbook_with_a_part_that_is_missing_or_damaged_is_an_error_that_names_it(
    imported: Import, tmp_path: Path, part: str, content: bytes | None
) -> None:
    whole = as_excel(tmp_path / "whole.xlsx", [{"isbn": isbn(1), "title": "Emma", "price": "5.00"}])
    with ZipFile(whole) as parts, ZipFile(tmp_path / "books.xlsx", "w") as damaged:
        for name in parts.namelist():
            if name != part:
                damaged.writestr(name, parts.read(name))
        if content is not None:
            damaged.writestr(part, content)
    with pytest.raises(BookshelfError, match=r"books\.xlsx: "):
        imported(tmp_path / "books.xlsx")


@pytest.mark.parametrize("name", ["books.csv.gz", "books.xlsx", "books.parquet.gz"])
def test_a_file_that_was_cut_off_leaves_the_catalogue_as_it_was(
    catalogue: Catalogue, imported: Import, tmp_path: Path, name: str
) -> None:
    rows = [{"isbn": isbn(number), "title": f"Book {number}", "price": "5.00"} for number in range(3_000)]
    plain = name.removesuffix(".gz")
    content = WRITERS[plain](tmp_path / plain, rows).read_bytes()
    content = gzip.compress(content) if name.endswith(".gz") else content
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BookshelfError, match=name):
        imported(tmp_path / name)
    assert catalogue.all_books() == []
    assert counted(catalogue, staged_books) == [0]


def test_a_file_of_a_header_alone_does_not_empty_its_source(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(1)]))
    with pytest.raises(BookshelfError, match="the file has no rows"):
        imported(write_csv(path, []))
    assert list(books(catalogue)) == ["Book 1"]
    assert counted(catalogue, staged_books) == [0]
    assert Runs(catalogue.engine).page(number=1, size=1)[0][0].status == "failed"


def test_a_quote_left_open_costs_its_rows_and_is_told(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(number) for number in range(5)])
    with path.open("a") as file:
        file.write(f'{isbn(6)},"Left open,5\n{isbn(7)},Swallowed,5\n')
    imported(path)
    ((line, reason),) = refused(Path("books.csv.refused.csv"))
    assert line == "7"
    assert reason.endswith("the row cannot be read: a quote opened on line 7 is never closed")
    assert len(books(catalogue)) == 5
