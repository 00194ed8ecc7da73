"""Shops of any size to crawl, each in a process of its own: `python -m benchmarks.shops --books 20000`."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from benchmarks.installation import free_port
from bookshelf.arguments import number, whole_number
from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT
from ingestion.sample_shop import SampleBook, sample_books, serve_sample_shop

# The real shop's books are not ours to give away: they lie beside the repository or nowhere.
_BOOKSTORE = ROOT.parent / "shared" / "bookstore" / "bookstore.py"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop that serves, and does not compete with its crawler for one interpreter."""

    name: str
    url: str


@contextmanager
def open_shop(books: int = 1000, latency_ms: int = 0) -> Iterator[Shop]:
    """The real bookstore where it lies beside the repository, else the sample shop.

    Past a thousand, both sell their books again as further volumes.
    """
    real = _BOOKSTORE.exists()
    program = [str(_BOOKSTORE)] if real else ["-m", "benchmarks.shops"]
    options = {"--port": free_port(), "--books": books, "--latency-ms": latency_ms}
    command = [sys.executable, "-u", *program, *(str(word) for pair in options.items() for word in pair)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()  # `1000 books at http://127.0.0.1:40123/`
            if not announced:
                raise BookshelfError(f"the shop to crawl did not start: {' '.join(command)}")
            yield Shop("the real bookstore" if real else "the sample shop", announced.split()[-1])
        finally:
            process.terminate()


def many_sample_books(count: int) -> list[SampleBook]:
    """That many books of the sample shop: its own, then the same again under other numbers and UPCs."""
    own = sample_books()
    return [_volume(own[number % len(own)], number, number // len(own)) for number in range(count)]


def _volume(book: SampleBook, number: int, volume: int) -> SampleBook:
    if not volume:
        return book
    upc = hashlib.sha256(f"{book.upc} {volume}".encode()).hexdigest()[:16]
    return replace(book, number=number + 1, upc=upc, title=f"{book.title} (Volume {volume + 1})")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shops", description=__doc__)
    parser.add_argument("--port", type=whole_number(0, 65535), default=0)
    parser.add_argument("--books", type=whole_number(1), default=1000)
    parser.add_argument("--latency-ms", type=number(0), default=0)
    options = parser.parse_args()
    latency = timedelta(milliseconds=options.latency_ms)
    with (
        suppress(KeyboardInterrupt),
        serve_sample_shop(options.port, books=many_sample_books(options.books), latency=latency) as address,
    ):
        print(f"{options.books} books at {address}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
