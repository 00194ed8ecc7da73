"""One crawl from a shop into staging, in a process of its own, and what it took: `crawl_once`."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from bookshelf.arguments import whole_number
from bookshelf.catalogue import now
from bookshelf.database import open_database
from bookshelf.errors import BookshelfError
from bookshelf.settings import ROOT
from bookshelf.snapshots import Failure, Snapshots
from ingestion.crawl import CrawlProgress, Found, read_shop
from ingestion.fetch import FetchPolicy
from ingestion.source import open_source

WORKERS = 8
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Crawled:
    """What one crawl found and took: `books_sha256` is over all books in order, `peak_mb` of its process."""

    books: int
    books_sha256: str
    seconds: float
    peak_mb: float
    pages_parsed: int
    bytes: int


def crawl_once(url: str, database_url: str, workers: int = WORKERS) -> Crawled:
    """A crawl of that shop as a new snapshot, staged as `python -m ingestion scrape` stages it.

    In a process of its own: a peak of memory cannot be measured twice in one. Raises `BookshelfError`
    if it failed, or any of its pages did.
    """
    command = [sys.executable, "-m", "benchmarks.one_crawl", url, database_url, "--workers", str(workers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BookshelfError(f"the crawl failed: {done.stderr.strip().splitlines()[-1]}")
    return Crawled(**json.loads(done.stdout))


def _crawl(url: str, database_url: str, workers: int) -> Crawled:
    snapshots = Snapshots(open_database(database_url))
    last = CrawlProgress()

    def note(progress: CrawlProgress) -> None:
        nonlocal last
        last = progress

    started = time.perf_counter()
    with open_source(url, FetchPolicy(at_once=workers), lambda _: None) as source:
        snapshot_id = snapshots.begin(source.name, now())
        with closing(read_shop(source, snapshots.engine, snapshot_id, workers, note)) as found:
            books_sha256 = _stage(snapshots, snapshot_id, found)
    return Crawled(
        books=last.books,
        books_sha256=books_sha256,
        seconds=time.perf_counter() - started,
        peak_mb=_peak_mb(),
        pages_parsed=last.pages_parsed,
        bytes=last.bytes,
    )


def _peak_mb() -> float:
    """The most memory this process has held; `getrusage` would count that of the one it was forked from."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) / 1024  # in KiB


def _stage(snapshots: Snapshots, snapshot_id: int, found: Iterator[Found]) -> str:
    hashes = hashlib.sha256()
    while batch := list(islice(found, _BATCH)):
        books = []
        for one in batch:
            if isinstance(one, Failure):
                raise BookshelfError(one.reason)
            hashes.update(one[1].content_hash.encode())
            books.append(one)
        snapshots.stage(snapshot_id, books)
    return hashes.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_crawl", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("database_url")
    parser.add_argument("--workers", type=whole_number(1), default=WORKERS)
    options = parser.parse_args()
    print(json.dumps(asdict(_crawl(options.url, options.database_url, options.workers))))


if __name__ == "__main__":
    main()
