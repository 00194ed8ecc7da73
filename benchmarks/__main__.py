"""`python -m benchmarks [name ...]`: what `make bench` runs. With no name, all but the longest."""

from __future__ import annotations

import argparse
import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Outcome
from benchmarks.report import Machine, as_json, as_text, write
from bookshelf.errors import BookshelfError

#: Each is a module here with `ROUNDS` and `run(rounds, tell) -> Outcome`; imported only when it is its
#: turn, so that what one brings along is not in memory while another is measured before it.
NAMES = (
    "crawl",
    "crawl_size",
    "crawl_again",
    "books",
    "price",
    "shadow",
    "online_read",
    "embedding",
    "texts",
    "imports",
    "neighbours",
    "sentiment",
    "start",
    "swaps",
)
#: Those that take minutes and gigabytes: only when they are named.
LONGEST = ("neighbours_million",)
RESULTS = Path(__file__).parent / "results.json"


def run(name: str, rounds: int | None) -> Outcome:
    benchmark = importlib.import_module(f"benchmarks.{name}")
    outcome: Outcome = benchmark.run(rounds or benchmark.ROUNDS, _say)
    return outcome


def _say(line: str) -> None:
    print(line, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES + LONGEST)}")
    parser.add_argument("--rounds", type=int, help="rounds of turns; each benchmark has its own default")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where this run's numbers are written")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES + LONGEST]:
        parser.error(f"no benchmark is called {unknown[0]!r}: there are {', '.join(NAMES + LONGEST)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be 1 or more, got {options.rounds}")
    return options


def main() -> int:
    options = _parse()
    machine = Machine.this_one()
    _say(f"{machine}\n")
    outcomes, failed = [], False
    for name in options.names or NAMES:
        _say(f"{name} ...")
        try:
            outcomes.append(run(name, options.rounds))
        except BookshelfError as error:  # what the others measure is no worse for it
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True
        else:
            _say(f"\n{as_text(outcomes[-1])}\n")
    if outcomes:
        write(options.output, as_json(outcomes, machine, datetime.now(UTC)))
        _say(f"Written to {options.output}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
