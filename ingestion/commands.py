"""The commands of `python -m ingestion`: what each does, and the line it ends with."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import NoReturn

from tqdm import tqdm

from bookshelf.catalogue import Catalogue, Snapshot, now
from bookshelf.runs import ScrapeRuns
from bookshelf.settings import Settings
from ingestion.crawl import CrawlProgress, OnProgress
from ingestion.export import export_books
from ingestion.scrape import Publish, Scraper, only_scraper
from ingestion.source import SAMPLE_SHOP, source_name


def publish_features(catalogue: Catalogue, settings: Settings, at: datetime) -> object:
    """Bring the current snapshot's features into the feature store."""
    from ingestion.publish import publish_features as publish  # Feast and torch, which no scrape needs

    return publish(catalogue, settings, at)


def scrape(catalogue: Catalogue, settings: Settings, named: str) -> None:
    """Scrape now, whatever the catalogue holds."""
    with only_scraper(settings, tell):
        _scrape(catalogue, settings, named)


def publish(catalogue: Catalogue, settings: Settings) -> None:
    """Publish the features of the current snapshot."""
    print(publish_features(catalogue, settings, now()))


def ensure(catalogue: Catalogue, settings: Settings, named: str, publish: Publish = publish_features) -> None:
    """Scrape and publish as far as that has not been done yet; of several at once only one does it."""
    named = named or settings.source
    with only_scraper(settings, tell):
        snapshot = catalogue.snapshot()
        if snapshot is None or (named and source_name(named) != snapshot.source):
            snapshot = _scrape(catalogue, settings, named)
        elif not settings.export_csv.exists():
            export_books(catalogue.all_books(), settings.export_csv)
        # Whether they are up to date is for the publisher to know: the encoder or the definitions may
        # have changed, or the store be gone, since it marked the snapshot as published.
        print(publish(catalogue, settings, now()))
    held = f"{snapshot.books:,} books from {_called(snapshot)}"
    print(f"catalogue and feature store hold {held}; snapshot {snapshot.id}")


def tell(line: str) -> None:
    """Say something to the user, beside the results and above a progress bar."""
    tqdm.write(line, file=sys.stderr)


def _scrape(catalogue: Catalogue, settings: Settings, named: str) -> Snapshot:
    started = time.monotonic()
    runs = ScrapeRuns(catalogue.engine)
    runs.fail_abandoned(now())  # we hold the lock, so whatever is still marked as running has died
    run = runs.begin(named, "cli", now())
    with _progress_bar() as watch:
        snapshot = Scraper(catalogue, settings, tell, watch).carry_out(run)
    print(
        f"{snapshot.books:,} books in {len(catalogue.categories())} categories from {_called(snapshot)} "
        f"in {time.monotonic() - started:.1f} s; snapshot {snapshot.id}"
    )
    return snapshot


@contextmanager
def _progress_bar() -> Iterator[OnProgress]:
    """A bar on stderr, drawn once there is progress to show."""
    # A log that nobody watches needs a line now and then, not ten a second.
    seldom = 0.1 if sys.stderr.isatty() else 5.0
    with ExitStack() as drawn:
        bar: tqdm[NoReturn] | None = None

        def show(progress: CrawlProgress) -> None:
            nonlocal bar
            if bar is None:
                bar = tqdm(desc="crawl", unit="page", file=sys.stderr, mininterval=seldom)
                drawn.callback(bar.close)
            bar.total = progress.pages_in_all
            bar.update(progress.pages - bar.n)

        yield show


def _called(snapshot: Snapshot) -> str:
    return f"the {SAMPLE_SHOP}" if snapshot.source == SAMPLE_SHOP else snapshot.source
