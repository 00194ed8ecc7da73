"""The commands of `python -m ingestion`: what each does, and the line it ends with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from filelock import FileLock

from bookshelf.catalogue import BookFilter, Catalogue, now
from bookshelf.errors import BookshelfError, RunInProgress
from bookshelf.release import release as release_snapshot
from bookshelf.runs import Run, Runs
from bookshelf.settings import Settings
from bookshelf.snapshots import Snapshot
from ingestion.follow_up import FeatureReport, Publish, export_catalogue
from ingestion.lease import a_holder
from ingestion.progress import progress_bar, tell
from ingestion.scrape import Scraper
from ingestion.source import SAMPLE_SHOP, source_name

_LOOK_AGAIN = timedelta(seconds=1)


def publish_features(catalogue: Catalogue, settings: Settings, at: datetime) -> FeatureReport:
    """Bring the features of all that is published into the feature store."""
    from ingestion.publish import publish_features as publish  # Feast and torch, which no scrape needs

    return publish(catalogue, settings, at)


def scrape(catalogue: Catalogue, settings: Settings, named: str) -> None:
    """Scrape now, whatever the catalogue holds."""
    holder = a_holder()
    _carry_out(catalogue, settings, _begin(catalogue, settings, named, holder), holder)


def resume(catalogue: Catalogue, settings: Settings, run_id: str) -> None:
    """Go on with a run that did not come to its end. Raises `NotFound`, `Conflict`."""
    runs, holder = Runs(catalogue.engine, settings.run_lease), a_holder()
    runs.resume(run_id, now())
    run = runs.claim(holder, now())
    if run is None or run.id != run_id:
        raise BookshelfError(f"run {run_id} is being carried out by a worker")
    _carry_out(catalogue, settings, run, holder)


def release(
    catalogue: Catalogue, settings: Settings, run_id: str, publish: Publish = publish_features
) -> None:
    """Publish what a run found, although the checks refused it. Raises `NotFound`, `Conflict`."""
    snapshot = release_snapshot(catalogue.engine, run_id, now())
    export_catalogue(catalogue, settings)
    print(f"released {_what(catalogue, snapshot)}")
    print(publish(catalogue, settings, now()))


def publish(catalogue: Catalogue, settings: Settings) -> None:
    """Publish the features of all that is published."""
    print(publish_features(catalogue, settings, now()))


def ensure(catalogue: Catalogue, settings: Settings, named: str, publish: Publish = publish_features) -> None:
    """Scrape and publish as far as that has not been done yet; of several at once only one does it."""
    named = named or settings.source
    with _only_one(settings):
        snapshot = catalogue.snapshot(source=source_name(named) if named else None)
        if snapshot is None:
            scrape(catalogue, settings, named)
            snapshot = catalogue.snapshot()
        elif not settings.export_csv.exists():
            export_catalogue(catalogue, settings)
        # Whether they are up to date is for the publisher to know: the encoder or the definitions may
        # have changed, or the store be gone, since it marked the snapshot as published.
        print(publish(catalogue, settings, now()))
    assert snapshot is not None
    print(f"catalogue and feature store hold {_held(snapshot)}; snapshot {snapshot.id}")


def _begin(catalogue: Catalogue, settings: Settings, named: str, holder: str) -> Run:
    """A run of our own, once the run in progress has ended; one that only waits is carried out first."""
    runs, told = Runs(catalogue.engine, settings.run_lease), False
    while True:
        try:
            return runs.begin("scrape", named, "cli", holder, now())
        except RunInProgress as error:
            if not told:
                tell(f"Another run is in progress ({error.run_id}); ours follows it.")
            told = True
        if waiting := runs.claim(holder, now()):  # there may be no worker now to carry it out
            try:
                _carry_out(catalogue, settings, waiting, holder)
            except BookshelfError as error:
                tell(f"Run {waiting.id} ended badly: {error}")
        else:
            time.sleep(_LOOK_AGAIN.total_seconds())


def _carry_out(catalogue: Catalogue, settings: Settings, run: Run, holder: str) -> None:
    started = time.monotonic()
    with progress_bar() as watch:
        snapshot = Scraper(catalogue, settings, tell, watch).carry_out(run, holder)
    print(f"{_what(catalogue, snapshot)}, in {time.monotonic() - started:.1f} s")


def _what(catalogue: Catalogue, snapshot: Snapshot) -> str:
    categories = len(catalogue.categories(BookFilter(source=snapshot.source)))
    changes = f"{snapshot.added:,} added, {snapshot.changed:,} changed, {snapshot.removed:,} removed"
    return f"snapshot {snapshot.id}: {_held(snapshot)} in {categories} categories ({changes})"


def _held(snapshot: Snapshot) -> str:
    return f"{snapshot.books:,} books from {_called(snapshot)}"


def _called(snapshot: Snapshot) -> str:
    return f"the {SAMPLE_SHOP}" if snapshot.source == SAMPLE_SHOP else snapshot.source


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / "ensure.lock"):
        yield
