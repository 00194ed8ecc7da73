"""Catalogues from files that people have: written here, imported by the command, read from the catalogue."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError, RunInProgress
from bookshelf.release import release
from bookshelf.run_log import RunLog
from bookshelf.runs import Runs
from bookshelf.settings import Settings
from bookshelf.tables import identities, runs, snapshots, staged_books, versions
from ingestion import lease
from ingestion.__main__ import main
from ingestion.findings import Finding
from ingestion.imports.command import add_arguments, run_import
from ingestion.imports.staging import Staging, Watch
from ingestion.imports.tables import Row
from ingestion.lease import RunCancelled
from tests.conftest import wait_until
from tests.ingestion.imports.files import (
    HEADER,
    Import,
    a_row,
    books,
    counted,
    isbn,
    refused,
    write_csv,
)


def test_a_file_becomes_what_its_source_has_on_offer(
    catalogue: Catalogue, imported: Import, tmp_path: Path, settings: Settings
) -> None:
    header = ("SKU", "Name", "Cost", "Stars", "stock", "AUTHOR", "Year", "Number of reviews", "Shelf mark")
    row = ("a-1", "Emma", "12,50 €", "4.5 out of 5", "3", "Jane Austen", "1815", "1,234", "x")
    path = write_csv(tmp_path / "books.csv", [row], header)
    assert imported(path, "--map", "title=Name,price=Cost", "--key", "SKU", "--source", "My shop") == 0
    (listed,) = catalogue.all_books()
    assert listed.source == "My shop"
    assert listed.book == Book(
        key="a-1",
        title="Emma",
        price=Decimal("12.50"),
        currency="EUR",
        rating=4.5,
        stock=3,
        availability="In stock",
        author="Jane Austen",
        year=1815,
        reviews=1234,
    )
    assert "Emma" in settings.export_csv.read_text()


def test_a_scraped_catalogue_is_understood_by_what_its_columns_say(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    header = ("Title", "Author", "Edition", "Reviews", "Ratings", "Genre", "BookCategory", "Price")
    rows = [
        ("Sea", "A. Bell", "Paperback,– 10 Mar 2016", "4.0 out of 5 stars", "8 customer reviews", "220"),
        (
            "Sea",
            "A. Bell",
            "Hardcover,– Import, 2012",
            "3.9 out of 5 stars",
            "1,234 customer reviews",
            "820.5",
        ),
        ("Sky", "C. Day", "Sheet music", "5.0 out of 5 stars", "1 customer review", "1,204.00"),
    ]
    path = write_csv(
        tmp_path / "shop.csv", [(*row[:5], "Tales (Books)", "Crime", row[5]) for row in rows], header
    )
    assert imported(path, "--key", "title+Author+Edition", "--currency", "INR") == 0
    found = sorted((listed.book for listed in catalogue.all_books()), key=lambda book: book.price)
    assert [(one.binding, one.year) for one in found] == [
        ("Paperback", 2016),
        ("Hardcover,– Import", 2012),
        ("Sheet music", None),
    ]
    assert [(one.rating, one.reviews) for one in found] == [(4, 8), (3.9, 1234), (5, 1)]
    assert {(one.category, one.genre, one.currency) for one in found} == {("Crime", "Tales (Books)", "INR")}
    assert found[0].key == "Sea | A. Bell | Paperback,– 10 Mar 2016"


def test_columns_of_mere_numbers_are_what_they_are_called(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "shop.csv", [(*a_row(1), "4.5", "12")], (*HEADER, "Rating", "Reviews"))
    imported(path)
    (listed,) = catalogue.all_books()
    assert (listed.book.rating, listed.book.reviews) == (4.5, 12)


def test_a_long_key_of_several_columns_is_kept_short_and_still_tells_apart(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    rows = [("long " * 60 + ending, "A. Bell", "10") for ending in ("one", "two")]
    imported(write_csv(tmp_path / "shop.csv", rows, ("Title", "Author", "Price")), "--key", "Title+Author")
    keys = {listed.book.key for listed in catalogue.all_books()}
    assert len(keys) == 2
    assert max(map(len, keys)) <= 200
    with pytest.raises(BookshelfError, match="--key: there is no column 'Editor'; the file has 'Title'"):
        imported(tmp_path / "shop.csv", "--key", "Title+Editor")


def test_the_source_is_called_after_the_file_unless_told(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    imported(write_csv(tmp_path / "north.csv", [a_row(1)]))
    imported(write_csv(tmp_path / "south.csv", [a_row(1)]))
    assert catalogue.sources() == ["north.csv", "south.csv"]
    assert catalogue.overview().total_books == 2


def test_a_file_is_the_whole_of_its_source(catalogue: Catalogue, imported: Import, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(1), a_row(2), a_row(3)]))
    imported(write_csv(path, [a_row(1), a_row(2, price="£9.99"), a_row(4)]))
    snapshot = catalogue.snapshot("books.csv")
    assert snapshot is not None
    assert (snapshot.added, snapshot.changed, snapshot.removed) == (1, 1, 1)
    assert sorted(books(catalogue)) == ["Book 1", "Book 2", "Book 4"]


def test_a_repeated_import_changes_nothing(
    catalogue: Catalogue, imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(number) for number in range(30)] + [a_row(99, price="?")])
    imported(path)
    before = counted(catalogue, versions, identities)
    imported(path)
    assert counted(catalogue, versions, identities) == before
    assert "(0 added, 0 changed, 0 removed)" in capsys.readouterr().out


def test_refused_rows_go_to_a_file_with_line_reason_and_what_they_said(
    catalogue: Catalogue, imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [a_row(number, title=f"Two\nlines {number}") for number in range(20)]
    bad = [
        a_row(21, price="1,299"),
        a_row(22, isbn="123"),
        a_row(3),
        a_row(24, isbn=""),
        a_row(25, title=""),
        (*a_row(26), "one more"),
    ]
    assert imported(write_csv(tmp_path / "books.csv", [*good, *bad])) == 0
    found = refused(tmp_path / "books.csv.refused.csv")
    assert [line for line, _ in found] == ["42", "43", "44", "45", "46", "47"]
    for (_, reason), words in zip(
        found,
        [
            "price is ambiguous",
            "isbn must be",
            f"isbn {isbn(3)} occurred before, on line 8",
            "no upc, isbn or key",
            "title must be",
            "4 cells, where the header has 3",
        ],
        strict=True,
    ):
        assert words in reason
    with Path("books.csv.refused.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["Price"] == "1,299"
    assert len(books(catalogue)) == 20
    said = capsys.readouterr().out
    assert "6 rows refused; all of them in" in said
    assert "line 42: price is ambiguous" in said


def test_a_row_whose_key_no_database_takes_is_refused_like_any_other(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    rows = [*((f"a-{number}", f"Book {number}", "£5") for number in range(3)), ("a\0b", "Emma", "£5")]
    path = write_csv(tmp_path / "books.csv", rows, ("SKU", "Title", "Price"))
    assert imported(path, "--key", "SKU") == 0
    assert len(books(catalogue)) == 3


def test_a_file_without_refused_rows_leaves_none_of_an_earlier_one(imported: Import, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(1), a_row(2), a_row(3, price="?")]))
    assert len(refused(Path("books.csv.refused.csv"))) == 1
    imported(write_csv(path, [a_row(1), a_row(2), a_row(3)]))
    assert refused(Path("books.csv.refused.csv")) == []
    imported(write_csv(tmp_path / "other.csv", [a_row(1)]))
    assert not Path("other.csv.refused.csv").exists()


def test_a_known_book_whose_row_is_refused_stays_as_it_was(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(number) for number in range(4)]))
    imported(write_csv(path, [a_row(0), a_row(1), a_row(2, price="?")]))
    assert sorted(books(catalogue)) == ["Book 0", "Book 1", "Book 2"]  # and 3 has left
    assert f"{books(catalogue)['Book 2'].price:.2f}" == "12.50"


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    catalogue: Catalogue, imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(1), a_row(2), a_row(3)]))
    before = counted(catalogue, versions, identities, snapshots, runs, staged_books)
    write_csv(path, [a_row(1), a_row(2, price="£9.99"), a_row(4), a_row(5, price="free")])
    capsys.readouterr()
    assert imported(path, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "1 added, 1 changed, 1 removed" in said
    assert f"added   Book 4 (isbn {isbn(4)})" in said
    assert f"changed Book 2 (isbn {isbn(2)}): price 12.50 → 9.99" in said
    assert f"removed Book 3 (isbn {isbn(3)})" in said
    assert "line 5: price must be an amount" in said
    assert counted(catalogue, versions, identities, snapshots, runs, staged_books) == before
    assert f"{books(catalogue)['Book 2'].price:.2f}" == "12.50"
    assert not Path("books.csv.refused.csv").exists()


def test_a_dry_run_of_a_new_source_stands_alone(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(number) for number in range(8)])
    assert imported(path, "--dry-run", "--refused", str(tmp_path / "bad.csv")) == 0
    said = capsys.readouterr().out
    assert "8 books from books.csv (8 added, 0 changed, 0 removed)" in said
    assert "… and 3 more added" in said


def test_a_suspicious_file_is_kept_apart_with_its_report_on_screen(
    catalogue: Catalogue, imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "books.csv"
    imported(write_csv(path, [a_row(number) for number in range(20)]))
    write_csv(path, [a_row(number) for number in range(10)])
    assert imported(path, "--dry-run") == 3
    assert "this would be quarantined" in capsys.readouterr().out
    assert imported(path) == 3
    said = capsys.readouterr().out
    assert "✗ number of books" in said
    assert "Book 10" in said
    assert len(books(catalogue)) == 20
    (run, *_), total = Runs(catalogue.engine).page(number=1, size=10)
    assert (run.kind, run.status, run.source, total) == ("import", "quarantined", "books.csv", 2)
    assert f"python -m ingestion release {run.id}" in said
    assert run.snapshot_id is not None
    assert catalogue.snapshots.get(run.snapshot_id).status == "quarantined"


def test_a_file_whose_every_row_is_refused_is_quarantined(imported: Import, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(1, price="?"), a_row(2, price="?")])
    assert imported(path, "--dry-run") == 3
    assert imported(path) == 3


def test_an_import_is_on_record(catalogue: Catalogue, imported: Import, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(1), a_row(2), a_row(3, price="?")])
    imported(path)
    ((run,), _) = Runs(catalogue.engine).page(number=1, size=10)
    assert (run.kind, run.status, run.requested_by) == ("import", "succeeded", "cli")
    assert run.counts == {
        "bytes": path.stat().st_size,
        "books": 2,
        "failures": 1,
        "added": 2,
        "changed": 0,
        "removed": 0,
    }
    lines, _ = RunLog(catalogue.engine).page(run.id, number=1, size=10)
    assert [line.event for line in lines] == ["import begins", "file read", "published", "ended"]


def test_there_is_one_run_at_a_time(catalogue: Catalogue, imported: Import, tmp_path: Path) -> None:
    Runs(catalogue.engine).request("https://shop.test/", "api", now())
    with pytest.raises(RunInProgress):
        imported(write_csv(tmp_path / "books.csv", [a_row(1)]))
    assert imported(tmp_path / "books.csv", "--dry-run") == 0


def test_a_cancelled_import_leaves_the_catalogue_as_it_was(
    catalogue: Catalogue, imported: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "books.csv", [a_row(number) for number in range(5)])
    known = Runs(catalogue.engine)
    stage = Staging.stage

    def stage_and_be_cancelled(staging: Staging, rows: Iterator[Row], watch: Watch) -> int:
        def cancel(read: int, refused: int) -> None:
            run = known.active()
            assert run is not None
            known.cancel(run.id, now())
            wait_for_a_beat(known, run.id)
            wait_for_a_beat(known, run.id)  # the one before has been heard to its end
            watch(read, refused)

        return stage(staging, rows, cancel)

    monkeypatch.setattr(lease, "_LONGEST_BEAT", timedelta(milliseconds=20))
    monkeypatch.setattr(Staging, "stage", stage_and_be_cancelled)
    with pytest.raises(RunCancelled):
        imported(path)
    [run], _ = known.page(number=1, size=1)
    lines, _ = RunLog(catalogue.engine).page(run.id, number=1, size=10)
    assert [line.event for line in lines] == ["import begins", "ended"]
    assert run.status == "cancelled"
    assert catalogue.all_books() == []
    assert counted(catalogue, staged_books) == [0]


def wait_for_a_beat(known: Runs, run_id: str) -> None:
    before = known.get(run_id).lease_until
    wait_until(lambda: known.get(run_id).lease_until != before)


def test_the_command_ends_with_3_and_its_run_can_be_released(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main(["import", str(write_csv(tmp_path / "books.csv", [a_row(number) for number in range(20)]))]) == 0
    )
    assert main(["import", str(write_csv(tmp_path / "books.csv", [a_row(1), a_row(2)]))]) == 3
    run_id = capsys.readouterr().out.split("release ")[1].split()[0]
    own = Catalogue.open(settings.catalogue_url)
    assert len(books(own)) == 20
    release(own.engine, run_id, now())
    assert sorted(books(own)) == ["Book 1", "Book 2"]
    assert Runs(own.engine).get(run_id).status == "succeeded"
    assert main(["import", str(tmp_path / "none.csv")]) == 1
    assert "error: cannot read" in capsys.readouterr().err


def test_what_an_earlier_import_left_staged_when_it_was_killed_is_given_up(
    catalogue: Catalogue, imported: Import, tmp_path: Path, a_book: Callable[..., Book]
) -> None:
    left = catalogue.snapshots.begin("books.csv", now())
    catalogue.snapshots.stage(left, [(1, a_book())])
    imported(write_csv(tmp_path / "books.csv", [a_row(1)]))
    assert catalogue.snapshots.get(left).status == "discarded"
    assert counted(catalogue, staged_books) == [0]


def test_a_file_of_thousands_is_imported_but_for_its_bad_rows_and_then_unchanged(
    catalogue: Catalogue, imported: Import, tmp_path: Path
) -> None:
    bad = {"price": "oops"}
    rows = [a_row(number, **(bad if number % 100 == 50 else {})) for number in range(5_000)]
    path = write_csv(tmp_path / "books.csv", rows)
    assert imported(path) == 0
    found = refused(Path("books.csv.refused.csv"))
    assert [int(line) for line, _ in found] == [number + 2 for number in range(5_000) if number % 100 == 50]
    assert all("price must be an amount" in reason for _, reason in found)
    assert catalogue.overview().total_books == 4_950
    before = counted(catalogue, versions, identities)
    assert imported(path) == 0
    snapshot = catalogue.snapshot("books.csv")
    assert snapshot is not None
    assert (snapshot.added, snapshot.changed, snapshot.removed) == (0, 0, 0)
    assert counted(catalogue, versions, identities) == before


def test_an_import_is_held_for_as_long_as_the_setting_says(
    catalogue: Catalogue, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    def judged(*_: object) -> list[Finding]:
        run = Runs(catalogue.engine).active()
        assert run is not None
        assert run.lease_until is not None
        held.append(run.lease_until - now())
        return []

    monkeypatch.setattr("ingestion.imports.importer.judge", judged)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    path = write_csv(tmp_path / "books.csv", [a_row(1)])
    options = parser.parse_args([str(path), "--refused", str(tmp_path / "refused.csv")])
    run_import(options, catalogue, settings.model_copy(update={"run_lease": timedelta(hours=1)}))
    assert held[0] > timedelta(minutes=59)
