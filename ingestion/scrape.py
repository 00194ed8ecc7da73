"""One scrape: from a shop to a staged snapshot, judged, then published whole or kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from urllib.parse import urlsplit

from bookshelf.catalogue import Catalogue, now
from bookshelf.publication import STAND_IN
from bookshelf.runs import Run, Runs
from bookshelf.settings import Settings
from bookshelf.snapshots import Failure, Snapshot
from ingestion.checks import judge
from ingestion.crawl import CrawlProgress, OnProgress, read_shop
from ingestion.fetch import FetchPolicy, Tell
from ingestion.findings import report, summary
from ingestion.follow_up import Publish, export_catalogue
from ingestion.lease import CarriedRun, Quarantined, carrying
from ingestion.source import Source, open_source

# Enough that a batch costs far more than its transaction, and little to hold in memory.
_BATCH = 500


@dataclass(frozen=True)
class Scraper:
    """Scrapes into one catalogue; `tell` hears what a user should know, `watch` how far it has come."""

    catalogue: Catalogue
    settings: Settings
    tell: Tell
    watch: OnProgress = lambda _: None

    def carry_out(self, run: Run, holder: str, publish: Publish | None = None) -> Snapshot:
        """Scrape for `run`, which `holder` holds, and publish the features if told how.

        A run that is resumed goes on where it stopped. Raises `CrawlError` with the catalogue as it was,
        `Quarantined` if what was read is not to be trusted, `RunCancelled`; all of it is on record.
        """
        with carrying(Runs(self.catalogue.engine, self.settings.run_lease), run, holder) as carried:
            snapshot = self._published_before(run) or self._scrape(carried)
            export_catalogue(self.catalogue, self.settings)
            if publish is not None:
                done = publish(self.catalogue, self.settings, now())
                carried.count(feature_rows=done.rows_written, texts_encoded=done.texts_encoded)
                carried.say("features published", rows=done.rows_written, encoded=done.texts_encoded)
        return snapshot

    def _published_before(self, run: Run) -> Snapshot | None:
        """The snapshot of a run that got as far as publishing it before it was interrupted."""
        snapshot = self._snapshot_of(run)
        return snapshot if snapshot and snapshot.status == "published" else None

    def _scrape(self, carried: CarriedRun) -> Snapshot:
        snapshots = self.catalogue.snapshots
        with self._open_source(carried.run) as source:
            snapshot_id = self._stage_of(carried, source)
            carried.say("crawl begins", source=source.name, snapshot=snapshot_id)
            self._stage(carried, source, snapshot_id)
        if findings := judge(self.catalogue.engine, snapshot_id, "scrape"):
            snapshots.quarantine(snapshot_id, report(findings), now())
            carried.say("quarantined", level="warning", snapshot=snapshot_id, report=report(findings))
            raise Quarantined(summary(findings))
        carried.renew()  # we may have been thought dead for a while
        snapshot = snapshots.publish(snapshot_id, now())
        carried.count(added=snapshot.added, changed=snapshot.changed, removed=snapshot.removed)
        carried.say("published", snapshot=snapshot.id, revision=snapshot.revision, books=snapshot.books)
        return snapshot

    def _stage(self, carried: CarriedRun, source: Source, snapshot_id: int) -> None:
        def note(progress: CrawlProgress) -> None:
            carried.check()
            counts = asdict(progress)
            del counts["pages_in_all"]
            carried.count(**counts)
            self.watch(progress)

        workers = FetchPolicy.of(self.settings).at_once
        with closing(read_shop(source, self.catalogue.engine, snapshot_id, workers, note)) as found:
            while batch := list(islice(found, _BATCH)):
                failures = [one for one in batch if isinstance(one, Failure)]
                books = [one for one in batch if not isinstance(one, Failure)]
                self.catalogue.snapshots.stage(snapshot_id, books, failures)
                for failure in failures:
                    carried.say("page failed", level="warning", page=failure.place, reason=failure.reason)

    def _stage_of(self, carried: CarriedRun, source: Source) -> int:
        """The snapshot to fill: the run's own, its list begun again, or a new one."""
        snapshots = self.catalogue.snapshots
        begun = self._snapshot_of(carried.run)
        snapshots.discard_stages(but=begun.id if begun else None)
        if begun is not None and begun.status == "staging" and begun.source == source.name:
            snapshots.clear_stage(begun.id)
            return begun.id
        snapshot_id = snapshots.begin(source.name, now())
        carried.fills(snapshot_id)
        return snapshot_id

    @contextmanager
    def _open_source(self, run: Run) -> Iterator[Source]:
        begun = self._snapshot_of(run)
        # A run goes on with the shop that it began with, even if that was the sample in place of another.
        named = run.source or (begun.source if begun else self._own_source())
        # Invented books stand in for none, and never beside real ones.
        may_stand_in = all(source == STAND_IN for source in self.catalogue.sources())
        policy = FetchPolicy.of(self.settings)
        with open_source(named, policy, self.tell, may_stand_in=may_stand_in) as source:
            yield source

    def _own_source(self) -> str:
        """The installation's shop: as it is set, else the one that was read last; empty before the first."""
        if self.settings.source:
            return self.settings.source
        shops = [
            source for source in self.catalogue.sources() if urlsplit(source).scheme in ("http", "https")
        ]
        newest = [snapshot for source in shops if (snapshot := self.catalogue.snapshot(source))]
        return max(newest, key=lambda snapshot: snapshot.revision or 0).source if newest else ""

    def _snapshot_of(self, run: Run) -> Snapshot | None:
        return None if run.snapshot_id is None else self.catalogue.snapshots.get(run.snapshot_id)
