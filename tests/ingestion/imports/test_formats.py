"""The same books, whatever the format of their file, its delimiter and its encoding."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from bookshelf.catalogue import Catalogue
from bookshelf.errors import BookshelfError
from tests.ingestion.imports.files import WRITERS, Import, a_row, as_excel, books, isbn, refused, write_csv


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_books(
    catalogue: Catalogue, imported: Import, tmp_path: Path, name: str, packed: bool
) -> None:
    rows = [
        {
            "isbn": isbn(1),
            "title": "Émile, ou De l’éducation",
            "price": 12.5,
            "stock": 3,
            "binding": "Broché",
        },
        {
            "isbn": isbn(2),
            "title": 'A "quoted"\nbook; in two lines',
            "price": 51.77,
            "stock": 0,
            "binding": "x",
        },
    ]
    path = WRITERS[name](tmp_path / name, rows)
    if packed:
        with path.open("rb") as plain, gzip.open(tmp_path / f"{name}.gz", "wb") as file:
            shutil.copyfileobj(plain, file)
        path = tmp_path / f"{name}.gz"
    assert imported(path) == 0
    found = books(catalogue)
    assert sorted(found) == sorted(str(row["title"]) for row in rows)
    assert {(book.isbn, f"{book.price:.2f}", book.stock, book.binding) for book in found.values()} == {
        (isbn(1), "12.50", 3, "Broché"),
        (isbn(2), "51.77", 0, "x"),
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("windows.csv", "not UTF-8 (line 2): read as Windows-1252"),
        ("semicolons.csv", "columns parted by semicolons"),
        ("utf16.csv", "read as UTF-16"),
    ],
)
def test_what_was_found_out_about_a_file_is_said(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    path = WRITERS[name](tmp_path / name, [{"isbn": isbn(1), "title": "Émile", "price": "12.50", "x": "y"}])
    imported(path)
    said = capsys.readouterr().err
    assert told in said
    assert "title ← title" in said
    assert "not used: x" in said


@pytest.mark.parametrize("name", ["books.csv", "books.tsv", "books.ndjson"])
def test_a_file_that_is_no_text_is_refused_as_that(imported: Import, tmp_path: Path, name: str) -> None:
    path = as_excel(tmp_path / "really.xlsx", [{"isbn": isbn(1), "title": "Émile", "price": 5}])
    with pytest.raises(BookshelfError, match=rf"{name}: the file is no text: its first line has zero bytes"):
        imported(path.rename(tmp_path / name))


def test_utf_16_without_its_mark_is_read_as_the_error_says(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = tmp_path / "books.csv"
    path.write_bytes(f"isbn,title,price\n{isbn(1)},Émile,5\n".encode("utf-16-le"))
    with pytest.raises(BookshelfError, match="say so by --encoding utf-16-le"):
        imported(path)
    with pytest.raises(BookshelfError, match=r"cannot read .*books\.csv: UTF-16 stream does not start"):
        imported(path, "--encoding", "utf-16")
    assert imported(path, "--encoding", "utf-16-le") == 0
    assert list(books(catalogue)) == ["Émile"]


def test_bytes_that_windows_does_not_know_are_latin_1(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "books.csv"
    path.write_bytes(f"isbn,title,price\n{isbn(1)},".encode() + b"\xc9mile \x81,5\n")
    imported(path)
    assert "read as Latin-1" in capsys.readouterr().err


def test_a_damaged_line_that_is_no_object_is_refused_like_any_other(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    rows = [{"isbn": isbn(number), "title": f"Café {number}", "price": "5.00"} for number in range(4)]
    path = WRITERS["books.ndjson"](tmp_path / "books.ndjson", rows)
    with path.open("ab") as file:
        file.write(b'["\xff"]\n')
    assert imported(path) == 0
    assert len(books(catalogue)) == 4


def test_a_few_damaged_bytes_do_not_make_a_file_windows(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(number, title=f"Café {number}") for number in range(9)])
    with path.open("ab") as file:
        file.write(f"{isbn(10)},".encode() + b"Caf\xe9,5\n")
    assert imported(path) == 0
    assert "Café 8" in books(catalogue)
    ((line, reason),) = refused(Path("books.csv.refused.csv"))
    assert line == "11"
    assert "not valid UTF-8" in reason
