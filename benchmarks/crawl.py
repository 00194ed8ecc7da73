"""The crawl with eight workers against the same crawl with one request at a time, on a slow shop."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.installation import free_port
from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from bookshelf.book import Book
from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT
from ingestion.crawl import crawl
from ingestion.fetch import FetchPolicy, PoliteFetcher

ROUNDS = 3
WORKERS = 8
LATENCY_MS = 20
SPEED = Metric("books read", "books/s", higher_is_better=True)
DURATION = Metric("whole crawl", "s", higher_is_better=False)

# The real shop's books are not ours to give away: they lie beside the repository or nowhere.
_BOOKSTORE = ROOT.parent / "shared" / "bookstore" / "bookstore.py"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop in a process of its own, so that it does not compete with the crawler for one interpreter."""

    name: str
    url: str


def run(rounds: int, tell: Tell) -> Outcome:
    with open_shop() as shop:
        expected = _crawl(shop, WORKERS)
        comparisons = compare(
            Way("one at a time", lambda: _measure(shop, 1, expected)),
            [Way(f"{WORKERS} workers", lambda: _measure(shop, WORKERS, expected))],
            rounds,
            tell,
        )
    setting = f"{len(expected):,} books of {shop.name}, {LATENCY_MS} ms before each answer, rounds: {rounds}"
    return Outcome("crawl", setting, comparisons)


@contextmanager
def open_shop() -> Iterator[Shop]:
    """The real bookstore where it lies beside the repository, else the sample shop; slow by `LATENCY_MS`."""
    real = _BOOKSTORE.exists()
    program = [str(_BOOKSTORE)] if real else ["-m", "ingestion.sample_shop"]
    options = ["--port", str(free_port()), "--latency-ms", str(LATENCY_MS)]
    command = [sys.executable, "-u", *program, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()  # `1000 books at http://127.0.0.1:40123/`
            if not announced:
                raise BookshelfError(f"the shop to crawl did not start: {' '.join(command)}")
            yield Shop("the real bookstore" if real else "the sample shop", announced.split()[-1])
        finally:
            process.terminate()


def _measure(shop: Shop, workers: int, expected: list[Book]) -> Mapping[Metric, float]:
    started = time.perf_counter()
    books = _crawl(shop, workers)
    seconds = time.perf_counter() - started
    if books != expected:
        raise BookshelfError(f"the crawl with {workers} workers found other books than the first crawl")
    return {SPEED: len(books) / seconds, DURATION: seconds}


def _crawl(shop: Shop, workers: int) -> list[Book]:
    """Every book, read as `python -m ingestion scrape` reads them."""
    with PoliteFetcher(urlsplit(shop.url).hostname or "", FetchPolicy(at_once=workers)) as fetcher:
        return list(crawl(fetcher, fetcher.locate(shop.url), workers, lambda _progress: None))
