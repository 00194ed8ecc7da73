"""Files of books as people have them, and what an import made of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import func, select

from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue

Import = Callable[..., int]
HEADER = ("ISBN", "Title", "Price")


def isbn(number: int) -> str:
    body = f"978{number:09d}"
    return body + str(-sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10)


def a_row(number: int, **said: str) -> tuple[str, ...]:
    usual = {"isbn": isbn(number), "title": f"Book {number}", "price": f"£{10 + number % 40}.50"} | said
    return usual["isbn"], usual["title"], usual["price"]


def write_csv(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, **how: Any) -> Path:
    with path.open("w", encoding=how.pop("encoding", "utf-8"), newline="") as file:
        csv.writer(file, **how).writerows([header, *rows])
    return path


def books(catalogue: Catalogue, source: str | None = None) -> dict[str, Book]:
    return {one.book.title: one.book for one in catalogue.all_books(BookFilter(source=source))}


def counted(catalogue: Catalogue, *tables: Any) -> list[int]:
    with catalogue.engine.connect() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def refused(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["line"], row["reason"]) for row in csv.DictReader(file)]


def as_latin(path: Path, rows: list[dict[str, Any]]) -> Path:
    return write_csv(path, [tuple(map(str, row.values())) for row in rows], list(rows[0]), encoding="cp1252")


def as_excel(path: Path, rows: list[dict[str, Any]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in [list(rows[0]), *(list(row.values()) for row in rows)]:
        book.active.append(row)
    book.save(path)
    return path


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def as_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def as_text(path: Path, rows: list[dict[str, Any]], **how: Any) -> Path:
    return write_csv(path, [tuple(map(str, row.values())) for row in rows], list(rows[0]), **how)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], Path]] = {
    "books.csv": as_text,
    "bom.csv": lambda path, rows: as_text(path, rows, encoding="utf-8-sig"),
    "utf16.csv": lambda path, rows: as_text(path, rows, encoding="utf-16"),
    "semicolons.csv": lambda path, rows: as_text(path, rows, delimiter=";"),
    "windows.csv": as_latin,
    "books.tsv": lambda path, rows: as_text(path, rows, delimiter="\t"),
    "books.xlsx": as_excel,
    "books.parquet": as_parquet,
    "books.ndjson": as_lines,
}
