"""`python -m ingestion.sample_shop`: the sample shop in the foreground, until it is interrupted."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import suppress
from datetime import timedelta

from bookshelf.arguments import number, whole_number
from ingestion.sample_shop.server import serve_sample_shop

_HIGHEST_PORT = 65535
_LONGEST_WAIT = 3_600_000  # an hour


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ingestion.sample_shop", description=__doc__)
    parser.add_argument(
        "--port",
        type=whole_number(0, _HIGHEST_PORT),
        default=8900,
        help="port on 127.0.0.1; 0 takes a free one (8900)",
    )
    parser.add_argument(
        "--latency-ms", type=number(0, _LONGEST_WAIT), default=0, help="wait before each answer (0)"
    )
    options = parser.parse_args(arguments)
    latency = timedelta(milliseconds=options.latency_ms)
    try:
        with (
            suppress(KeyboardInterrupt),
            serve_sample_shop(options.port, latency=latency) as address,
        ):
            print(f"1,000 invented books at {address}", flush=True)
            threading.Event().wait()
    except OSError as error:
        print(f"cannot serve on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
