"""A crawl of 20,000 books against one of 1,000: a book must not cost more where there are more of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.one_crawl import WORKERS, crawl_once
from benchmarks.shops import Shop, open_shop
from bookshelf.errors import BookshelfError

ROUNDS = 3
SMALL = 1_000
LARGE = 20_000
PER_BOOK = Metric("time per book", "ms", higher_is_better=False)
PEAK = Metric("peak memory of the crawling process", "MB", higher_is_better=False)


def run(rounds: int, tell: Tell) -> Outcome:
    with open_shop(SMALL) as small, open_shop(LARGE) as large:
        comparisons = compare(
            Way(f"{SMALL:,} books", lambda: _measure(small, SMALL)),
            [Way(f"{LARGE:,} books", lambda: _measure(large, LARGE))],
            rounds,
            tell,
        )
    setting = f"first crawls of {small.name} into staging, {WORKERS} workers, rounds: {rounds}"
    return Outcome("crawl_size", setting, comparisons)


def _measure(shop: Shop, books: int) -> Mapping[Metric, float]:
    with tempfile.TemporaryDirectory(prefix="bookshelf-bench-") as folder:
        crawled = crawl_once(shop.url, f"sqlite:///{folder}/catalogue.db")
    if crawled.books != books:
        raise BookshelfError(f"the crawl found {crawled.books:,} books where there are {books:,}")
    return {PER_BOOK: crawled.seconds / books * 1000, PEAK: crawled.peak_mb}
