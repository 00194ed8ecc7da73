"""The worker: carries out the scrape runs that others have asked for, one after the other, until stopped."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from filelock import Timeout

from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError
from bookshelf.runs import ScrapeRuns
from bookshelf.settings import Settings
from ingestion.scrape import Publish, Scraper, scrape_lock

log = logging.getLogger(__name__)

_LOOK_EVERY = timedelta(seconds=1)
_AFTER_TROUBLE = timedelta(seconds=5)


class Stopped(BaseException):
    """SIGTERM or SIGINT came; like KeyboardInterrupt it is no error that anyone should handle."""


def work(catalogue: Catalogue, settings: Settings, publish: Publish) -> None:
    """Carry out queued runs until SIGTERM or SIGINT; a run that fails is recorded and the next one taken."""
    with _stopped_by_signals():
        try:
            log.info("waiting for scrape runs")
            while True:
                wait = _one_look(catalogue, settings, publish)
                time.sleep(wait.total_seconds())
        except Stopped:
            log.info("stopped")


def carry_out_next(catalogue: Catalogue, settings: Settings, publish: Publish) -> bool:
    """Carry out the oldest queued run; False if none waits or somebody else is scraping.

    Raises what the run raised, once it is recorded.
    """
    try:
        held = scrape_lock(settings).acquire(blocking=False)
    except Timeout:
        return False
    with held:
        runs = ScrapeRuns(catalogue.engine)
        # Whoever was running lost the lock by dying.
        runs.fail_abandoned(now())
        run = runs.claim(now())
        if run is None:
            return False
        log.info("run %s, asked for by %s, begins", run.id, run.requested_by)
        snapshot = Scraper(catalogue, settings, log.warning).carry_out(run, publish)
        log.info(
            "run %s: %d books from %s, snapshot %d", run.id, snapshot.books, snapshot.source, snapshot.id
        )
    return True


def _one_look(catalogue: Catalogue, settings: Settings, publish: Publish) -> timedelta:
    """Carry out a run if one waits; returns how long to rest before the next look."""
    try:
        worked = carry_out_next(catalogue, settings, publish)
    except BookshelfError as error:
        log.warning("the run failed: %s", error)
        return timedelta(0)
    except Exception:  # whatever a run or the database does, the next run deserves its turn
        log.exception("the run failed unexpectedly")
        return _AFTER_TROUBLE
    return timedelta(0) if worked else _LOOK_EVERY


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):  # one is enough; what ends now must not be cut short
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
