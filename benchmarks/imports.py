"""`python -m ingestion import` of a CSV against pandas reading the same rows and writing them to a table."""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pandas as pd
from sqlalchemy import create_engine, func, select

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from bookshelf.catalogue import Catalogue
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from bookshelf.tables import versions
from ingestion.imports.command import add_arguments, run_import

ROUNDS = 3
ROWS = 20_000
#: One row in so many has a price that is none.
BAD = 100
DURATION = Metric("whole import", "s", higher_is_better=False)
SPEED = Metric("rows read", "rows/s", higher_is_better=True)

_GOOD = ROWS - ROWS // BAD


def run(rounds: int, tell: Tell) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="bookshelf-benchmark-") as folder:
        path = write_rows(Path(folder) / "books.csv", ROWS)
        comparisons = compare(
            Way("read_csv and to_sql", lambda: _measure(_by_pandas, path)),
            [
                Way("import", lambda: _measure(_by_import, path)),
                Way("repeated import", lambda: _measure_repeated(path)),
            ],
            rounds,
            tell,
        )
    setting = f"{ROWS:,} rows, one in {BAD} without a price, into SQLite, rounds: {rounds}"
    note = "pandas keeps every row as it is: no checks, no history, no refused rows"
    return Outcome("imports", setting, comparisons, (note,))


def write_rows(path: Path, rows: int) -> Path:
    """A file of that many rows, the same each time."""
    words = "It is hard to imagine a world without it. " * 20
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["upc", "title", "author", "price", "rating", "category", "stock", "description"])
        for number in range(rows):
            price = "no price" if number % BAD == BAD // 2 else f"£{10 + number % 5000 / 100:.2f}"
            about = (f"{number:016x}", f"Book {number}", f"Author {number % 900}", price)
            table.writerow([*about, 1 + number % 5, f"Shelf {number % 40}", number % 23, words])
    return path


def _measure(way: Callable[[Settings, Path], None], path: Path) -> Mapping[Metric, float]:
    with _home() as settings:
        started = time.perf_counter()
        way(settings, path)
        return _readings(started)


def _measure_repeated(path: Path) -> Mapping[Metric, float]:
    with _home() as settings:
        _by_import(settings, path)
        started = time.perf_counter()
        _by_import(settings, path)
        return _readings(started)


def _readings(started: float) -> Mapping[Metric, float]:
    seconds = time.perf_counter() - started
    return {DURATION: seconds, SPEED: ROWS / seconds}


def _by_pandas(settings: Settings, path: Path) -> None:
    engine = create_engine(settings.catalogue_url)
    try:
        pd.read_csv(path).to_sql("books", engine, index=False)
        with engine.connect() as connection:
            _check(connection.exec_driver_sql("SELECT count(*) FROM books").scalar_one(), ROWS)
    finally:
        engine.dispose()


def _by_import(settings: Settings, path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args([str(path), "--refused", str(settings.home / "refused.csv")])
    catalogue = Catalogue.open(settings.catalogue_url)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            run_import(options, catalogue, settings)
        with catalogue.engine.connect() as connection:
            _check(connection.execute(select(func.count()).select_from(versions)).scalar_one(), _GOOD)
    finally:
        catalogue.engine.dispose()


def _check(found: int, expected: int) -> None:
    if found != expected:
        raise BookshelfError(f"{found:,} rows are in the database, where {expected:,} should be")


@contextmanager
def _home() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="bookshelf-benchmark-") as folder:
        home = Path(folder)
        yield Settings(home=home, export_csv=home / "books.csv", database_url="")
