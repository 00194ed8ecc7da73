"""One scrape: from a shop to a new snapshot and its export, one at a time, on record however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from filelock import FileLock, Timeout

from bookshelf.catalogue import Catalogue, Snapshot, now
from bookshelf.errors import BookshelfError
from bookshelf.runs import ScrapeRun, ScrapeRuns
from bookshelf.settings import Settings
from ingestion.crawl import CrawlProgress, OnProgress, crawl
from ingestion.export import export_books
from ingestion.fetch import FetchPolicy
from ingestion.source import Tell, open_source

#: What brings the features of the current snapshot into the feature store.
Publish = Callable[[Catalogue, Settings, datetime], object]

_REPORT_EVERY = timedelta(seconds=0.5)


@dataclass(frozen=True)
class Scraper:
    """Scrapes into one catalogue; `tell` hears what a user should know, `watch` how far it has come.

    Its methods are for the holder of `scrape_lock`.
    """

    catalogue: Catalogue
    settings: Settings
    tell: Tell
    watch: OnProgress = lambda _: None

    def scrape(self, named: str, watch: OnProgress) -> Snapshot:
        """Put the books of the shop at `named`, or of the installation's own, in place of those on offer.

        Raises `CrawlError` with books, ids and export as they were.
        """
        policy = FetchPolicy.of(self.settings)
        with open_source(named or self.settings.source, policy, self.tell) as source:
            books = list(crawl(source.fetch, source.start_url, policy.at_once, watch))
        snapshot = self.catalogue.publish(books, source.name, now())
        export_books(self.catalogue.all_books(), self.settings.export_csv)
        return snapshot

    def carry_out(self, run: ScrapeRun, publish: Publish | None = None) -> Snapshot:
        """Scrape for `run`, and publish the features if told how; whatever is raised is recorded first."""
        runs = ScrapeRuns(self.catalogue.engine)
        counts = _Counts(runs, run.id)

        def note(progress: CrawlProgress) -> None:
            counts.note(progress)
            self.watch(progress)

        snapshot = None
        try:
            snapshot = self.scrape(run.source, note)
            counts.write()
            if publish is not None:
                publish(self.catalogue, self.settings, now())
        except BaseException as error:  # an interrupt too must not leave the run "running"
            counts.write()
            runs.finish(run.id, now(), snapshot_id=snapshot.id if snapshot else None, error=_in_words(error))
            raise
        runs.finish(run.id, now(), snapshot_id=snapshot.id)
        return snapshot


@contextmanager
def only_scraper(settings: Settings, tell: Tell) -> Iterator[None]:
    """Our turn to scrape, waited for if need be, which is then told."""
    lock = scrape_lock(settings)
    try:
        held = lock.acquire(timeout=1)
    except Timeout:
        tell("Another scrape is going on; waiting for it to end.")
        held = lock.acquire()
    with held:
        yield


def scrape_lock(settings: Settings) -> FileLock:
    """The lock of one home: who holds it is the only one who scrapes, and finds no run truly running."""
    settings.home.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.home / "scrape.lock")


class _Counts:
    """A run's counts, written now and then: a write for each page would cost more than the page."""

    def __init__(self, runs: ScrapeRuns, run_id: str) -> None:
        self._runs = runs
        self._run_id = run_id
        self._latest: CrawlProgress | None = None
        self._written_at = time.monotonic()

    def note(self, progress: CrawlProgress) -> None:
        self._latest = progress
        if time.monotonic() - self._written_at >= _REPORT_EVERY.total_seconds():
            self.write()

    def write(self) -> None:
        if self._latest is not None:
            self._runs.report(self._run_id, pages=self._latest.pages, books=self._latest.books)
        self._written_at = time.monotonic()


def _in_words(error: BaseException) -> str:
    if isinstance(error, BookshelfError):
        return str(error)
    if isinstance(error, Exception):
        return f"an error nobody expected ({type(error).__name__}); the log has its trace"
    return "it was stopped before it was done"
