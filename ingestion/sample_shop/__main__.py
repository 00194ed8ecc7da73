"""`python -m ingestion.sample_shop`: the sample shop in the foreground, until it is interrupted."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import suppress
from datetime import timedelta

from ingestion.sample_shop.server import serve_sample_shop

_HIGHEST_PORT = 65535


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ingestion.sample_shop", description=__doc__)
    parser.add_argument(
        "--port", type=_port, default=8900, help="port on 127.0.0.1; 0 takes a free one (8900)"
    )
    parser.add_argument(
        "--latency-ms", type=_milliseconds, default=timedelta(0), help="wait before each answer (0)"
    )
    options = parser.parse_args(arguments)
    try:
        with (
            suppress(KeyboardInterrupt),
            serve_sample_shop(options.port, latency=options.latency_ms) as address,
        ):
            print(f"1,000 invented books at {address}", flush=True)
            threading.Event().wait()
    except OSError as error:
        print(f"cannot serve on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is 0 to {_HIGHEST_PORT}, got {port}")
    return port


def _milliseconds(text: str) -> timedelta:
    wait = timedelta(milliseconds=float(text))
    if wait < timedelta(0):
        raise argparse.ArgumentTypeError(f"a wait is 0 or more, got {text}")
    return wait


if __name__ == "__main__":
    sys.exit(main())
