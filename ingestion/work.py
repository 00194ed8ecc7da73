"""The worker: carries out queued runs, keeps the schedule and sends the notices, until stopped."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError
from bookshelf.runs import Runs
from bookshelf.settings import Settings
from bookshelf.stopping import Stopped, stopped_by_signals
from ingestion.deliver import delivering
from ingestion.follow_up import Publish, export_catalogue, features_are_due
from ingestion.lease import a_holder
from ingestion.schedule import scheduling
from ingestion.scrape import Scraper

log = logging.getLogger(__name__)

_LOOK_EVERY = timedelta(seconds=1)
_AFTER_TROUBLE = timedelta(seconds=5)
# What fails to be followed up would fail again at once.
_AFTER_FAILED_FEATURES = timedelta(seconds=60)


def work(catalogue: Catalogue, settings: Settings, publish: Publish) -> None:
    """Carry out queued runs until SIGTERM or SIGINT; a run that fails is recorded and the next one taken."""
    worker = Worker(catalogue, settings, publish)
    with stopped_by_signals():
        try:
            with scheduling(catalogue, settings), delivering(catalogue.engine):
                log.info("waiting for scrape runs")
                while True:
                    time.sleep(worker.look().total_seconds())
        except Stopped:
            log.info("stopped")


class Worker:
    """Looks for work, a piece at a time."""

    def __init__(self, catalogue: Catalogue, settings: Settings, publish: Publish) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._publish = publish
        self._runs = Runs(catalogue.engine, settings.run_lease)
        self._holder = a_holder()
        self._features_after = time.monotonic()

    def look(self) -> timedelta:
        """Do one piece of work if there is one; returns how long to rest before the next look."""
        try:
            worked = self.carry_out_next() or self.follow_up()
        except BookshelfError as error:
            log.warning("%s", error)
            return timedelta(0)
        except Exception:  # whatever a run or the database does, the next run deserves its turn
            log.exception("the work failed unexpectedly")
            return _AFTER_TROUBLE
        return timedelta(0) if worked else _LOOK_EVERY

    def carry_out_next(self) -> bool:
        """Carry out the queued run; False if none waits. Raises what the run raised, once it is recorded."""
        run = self._runs.claim(self._holder, now())
        if run is None:
            return False
        log.info("run %s, asked for by %s, begins", run.id, run.requested_by)
        scraper = Scraper(self._catalogue, self._settings, log.warning)
        snapshot = scraper.carry_out(run, self._holder, self._publish)
        log.info(
            "run %s: %d books from %s, snapshot %d", run.id, snapshot.books, snapshot.source, snapshot.id
        )
        return True

    def follow_up(self) -> bool:
        """Publish the features of what was released by hand, or whose process died before it came to them."""
        if time.monotonic() < self._features_after or self._runs.active() is not None:
            return False
        if not features_are_due(self._catalogue):
            return False
        self._features_after = time.monotonic() + _AFTER_FAILED_FEATURES.total_seconds()
        export_catalogue(self._catalogue, self._settings)
        log.info("%s", self._publish(self._catalogue, self._settings, now()))
        self._features_after = time.monotonic()
        return True
