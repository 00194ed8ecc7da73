"""`python -m benchmarks [name ...]`: what `make bench` runs. With no name, all but the longest."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.one import alone, run, say
from benchmarks.report import Machine, as_json, as_text, read, write
from bookshelf.arguments import whole_number
from bookshelf.errors import BookshelfError

#: Each is a module here with `ROUNDS` and `run(rounds, tell) -> Outcome`.
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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES + LONGEST)}")
    parser.add_argument("--rounds", type=whole_number(1), help="of turns; each benchmark has its own default")
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="where the numbers are put with the others"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES + LONGEST]:
        parser.error(f"no benchmark is called {unknown[0]!r}: there are {', '.join(NAMES + LONGEST)}")
    return options


def main() -> int:
    options = _parse()
    try:
        results = read(options.output)
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    failed = False
    for name in options.names or NAMES:
        machine = Machine.this_one()
        say(f"{name} on {machine} ...")
        try:
            outcome = alone(run, name, options.rounds)
        except BookshelfError as error:  # what the others measure is no worse for it
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True
        else:
            results[name] = as_json(outcome, machine, datetime.now(UTC))
            write(options.output, results)  # after each: the next may take minutes
            say(f"\n{as_text(outcome)}\n\nWritten to {options.output}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
