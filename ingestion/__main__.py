"""`python -m ingestion scrape|import|release|…`: the command line, and an interrupt whenever it comes."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 an error that is said on stderr, 3 quarantined, 130 interrupted."""
    try:
        from ingestion.command_line import run  # takes a second, in which somebody may think better of it

        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
