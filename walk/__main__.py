"""`python -m walk up` and `python -m walk stop`: what `make run` and `make stop` call."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Exit status: 0 done, 1 an error that is said on stderr, 130 interrupted before there was anything."""
    parser = argparse.ArgumentParser(prog="python -m walk", description=__doc__)
    parser.add_argument("command", choices=("up", "stop"))
    command = parser.parse_args().command
    try:
        from walk.up import carry_out  # takes a second, in which somebody may think better of it

        return carry_out(command)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
