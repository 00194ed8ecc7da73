"""A second crawl of a shop that has not changed against the first: what it still costs to make sure."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.one_crawl import WORKERS, Crawled, crawl_once
from benchmarks.shops import Shop, open_shop
from bookshelf.errors import BookshelfError

ROUNDS = 5
DURATION = Metric("whole crawl", "s", higher_is_better=False)
PARSED = Metric("pages parsed", "pages", higher_is_better=False)
BYTES = Metric("bytes of pages", "kB", higher_is_better=False)


def run(rounds: int, tell: Tell) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="bookshelf-bench-") as folder, open_shop() as shop:
        pair = _Pair(shop, Path(folder))
        comparisons = compare(
            Way("first crawl", lambda: _readings(pair.first())),
            [Way("unchanged, again", lambda: _readings(pair.again()))],
            rounds,
            tell,
        )
    setting = f"{pair.latest.books:,} books of {shop.name}, {WORKERS} workers, rounds: {rounds}"
    return Outcome("crawl_again", setting, comparisons)


class _Pair:
    """A first crawl into an empty database, then a second into the same."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self._shop = shop
        self._folder = folder
        self._round = 0
        self.latest: Crawled

    def first(self) -> Crawled:
        self._round += 1
        self.latest = self._crawl()
        return self.latest

    def again(self) -> Crawled:
        crawled = self._crawl()
        if crawled.books_sha256 != self.latest.books_sha256:
            raise BookshelfError("the second crawl of the unchanged shop found other books than the first")
        return crawled

    def _crawl(self) -> Crawled:
        return crawl_once(self._shop.url, f"sqlite:///{self._folder / f'{self._round}.db'}")


def _readings(crawled: Crawled) -> Mapping[Metric, float]:
    return {DURATION: crawled.seconds, PARSED: crawled.pages_parsed, BYTES: crawled.bytes / 1000}
