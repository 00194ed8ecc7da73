"""The crawl with eight workers against the same crawl with one request at a time, on a slow shop."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.one_crawl import WORKERS, Crawled, crawl_once
from benchmarks.shops import Shop, open_shop
from bookshelf.errors import BookshelfError

ROUNDS = 3
LATENCY_MS = 20
SPEED = Metric("books read", "books/s", higher_is_better=True)
DURATION = Metric("whole crawl", "s", higher_is_better=False)


def run(rounds: int, tell: Tell) -> Outcome:
    with open_shop(latency_ms=LATENCY_MS) as shop:
        expected = _crawl(shop, WORKERS)
        comparisons = compare(
            Way("one at a time", lambda: _measure(shop, 1, expected)),
            [Way(f"{WORKERS} workers", lambda: _measure(shop, WORKERS, expected))],
            rounds,
            tell,
        )
    setting = f"{expected.books:,} books of {shop.name}, {LATENCY_MS} ms before each answer, rounds: {rounds}"
    return Outcome("crawl", setting, comparisons)


def _measure(shop: Shop, workers: int, expected: Crawled) -> Mapping[Metric, float]:
    crawled = _crawl(shop, workers)
    if crawled.books_sha256 != expected.books_sha256:
        raise BookshelfError(f"the crawl with {workers} workers found other books than the first crawl")
    return {SPEED: crawled.books / crawled.seconds, DURATION: crawled.seconds}


def _crawl(shop: Shop, workers: int) -> Crawled:
    """A first crawl: nothing is known of any page."""
    with tempfile.TemporaryDirectory(prefix="bookshelf-bench-") as folder:
        return crawl_once(shop.url, f"sqlite:///{folder}/catalogue.db", workers)
