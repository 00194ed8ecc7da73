"""How a run of benchmarks is told: as a table and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.measure import Comparison, Metric, Outcome, Series
from benchmarks.report import Machine, as_json, as_text, read, write
from bookshelf.errors import BookshelfError

SPEED = Metric("books read", "books/s", higher_is_better=True)
OUTCOME = Outcome(
    "crawl",
    "20 books of a shop",
    (Comparison(SPEED, Series("one at a time", (10, 20, 30)), Series("eight", (60, 60, 90))),),
    ("A note.",),
)
MACHINE = Machine(cores=2, python="3.11.7", system="Linux x86_64", load=0.25)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_table_shows_medians_spread_ratio_and_which_way_is_better() -> None:
    title, head, row, note = as_text(OUTCOME).splitlines()
    assert title == "crawl: 20 books of a shop"
    assert head.split() == ["measure", "baseline", "ours", "ours", "/", "baseline", "better"]
    assert "one at a time: 20 (10–30)" in row
    assert "eight: 60 (60–90)" in row
    assert "3.00× (3.00–6.00)" in row
    assert row.endswith("higher")
    assert note.strip() == "A note."


def test_the_json_holds_machine_unit_medians_ratio_and_rounds() -> None:
    found = as_json(OUTCOME, MACHINE, AT)
    assert found["machine"] == {"cores": 2, "python": "3.11.7", "system": "Linux x86_64", "load_before": 0.25}
    assert found["measured_at"] == "2026-03-01T12:00:00+00:00"
    [comparison] = found["comparisons"]
    assert comparison["unit"] == "books/s"
    assert comparison["baseline"] == {
        "way": "one at a time",
        "median": 20,
        "min": 10,
        "max": 30,
        "values": [10, 20, 30],
    }
    assert comparison["ours"]["median"] == 60
    assert comparison["ratio"] == 3.0
    assert comparison["ratios"] == [6.0, 3.0, 3.0]
    assert comparison["rounds"] == 3


def test_what_was_measured_before_stays_with_its_own_time(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert read(results) == {}
    before = {"swaps": as_json(OUTCOME, MACHINE, AT.replace(year=2025))}
    write(results, before)
    write(results, read(results) | {"crawl": as_json(OUTCOME, MACHINE, AT)})
    kept = read(results)
    assert [kept[name]["measured_at"][:4] for name in ("swaps", "crawl")] == ["2025", "2026"]
    assert list(tmp_path.iterdir()) == [results]


@pytest.mark.parametrize("damaged", ["", "{", "[1]"])
def test_another_kind_of_file_is_refused_and_not_replaced(tmp_path: Path, damaged: str) -> None:
    results = tmp_path / "results.json"
    results.write_text(damaged)
    with pytest.raises(BookshelfError, match="holds no results"):
        read(results)
    assert results.read_text() == damaged
