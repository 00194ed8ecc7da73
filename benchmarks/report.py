"""What was measured, as text for people and as JSON for whoever draws or compares it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison, Outcome, Series
from bookshelf.errors import BookshelfError


@dataclass(frozen=True, slots=True)
class Machine:
    """What it was measured on; `load` is how many processes wanted a core in the minute before."""

    cores: int
    python: str
    system: str
    load: float

    @classmethod
    def this_one(cls) -> Machine:
        system = f"{platform.system()} {platform.machine()}"
        return cls(os.cpu_count() or 1, platform.python_version(), system, round(os.getloadavg()[0], 2))

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.system}, Python {self.python}, load {self.load:.1f} before"


def as_text(outcome: Outcome) -> str:
    """One table a benchmark: medians with their spread, and the ratio ours / baseline with its own."""
    head = ("measure", "baseline", "ours", "ours / baseline", "better")
    rows = [head, *(_row(comparison) for comparison in outcome.comparisons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines = [*("  ".join(cells).rstrip() for cells in padded), *outcome.notes]
    return "\n".join([f"{outcome.name}: {outcome.setting}", *(f"  {line}" for line in lines)])


def as_json(outcome: Outcome, machine: Machine, at: datetime) -> dict[str, Any]:
    """One benchmark. `ratio` is ours / baseline of the medians, `ratios` those of the single rounds."""
    return {
        "measured_at": at.isoformat(timespec="seconds"),
        "machine": {
            "cores": machine.cores,
            "python": machine.python,
            "system": machine.system,
            "load_before": machine.load,
        },
        "setting": outcome.setting,
        "notes": list(outcome.notes),
        "comparisons": [_comparison(comparison) for comparison in outcome.comparisons],
    }


def read(path: Path) -> dict[str, Any]:
    """What was measured before, by name of the benchmark. Raises `BookshelfError` for other files."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BookshelfError(f"{path} holds no results of benchmarks: {error}") from error
    if not isinstance(found, dict):
        raise BookshelfError(f"{path} holds no results of benchmarks: expected an object of them by name")
    return found


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Put these results in place of the file, whole or not at all."""
    growing = path.with_name(f".{path.name}.{os.getpid()}")
    growing.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    growing.replace(path)


def _row(comparison: Comparison) -> tuple[str, ...]:
    metric = comparison.metric
    spread = f"{min(comparison.ratios):.2f}–{max(comparison.ratios):.2f}"
    return (
        f"{metric.name} [{metric.unit}]",
        f"{comparison.baseline.way}: {_in_words(comparison.baseline)}",
        f"{comparison.ours.way}: {_in_words(comparison.ours)}",
        f"{comparison.ratio:.2f}× ({spread})",
        "higher" if metric.higher_is_better else "lower",
    )


def _in_words(series: Series) -> str:
    return f"{_number(series.median)} ({_number(series.low)}–{_number(series.high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "metric": comparison.metric.name,
        "unit": comparison.metric.unit,
        "better": "higher" if comparison.metric.higher_is_better else "lower",
        "rounds": comparison.rounds,
        "baseline": _series(comparison.baseline),
        "ours": _series(comparison.ours),
        "ratio": comparison.ratio,
        "ratios": list(comparison.ratios),
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "way": series.way,
        "median": series.median,
        "min": series.low,
        "max": series.high,
        "values": list(series.values),
    }
