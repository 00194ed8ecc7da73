"""One import: a file's rows staged, judged, and published as all that its source offers; or rehearsed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from bookshelf.catalogue import Catalogue, now
from bookshelf.runs import Runs
from bookshelf.settings import Settings
from bookshelf.snapshots import Snapshot
from ingestion.checks import as_text, judge, report, summary
from ingestion.follow_up import export_catalogue
from ingestion.imports.refused import RefusedRows
from ingestion.imports.rehearsal import rehearsing, what_would_change
from ingestion.imports.rows import RowReader
from ingestion.imports.staging import Staging, Watch, stage_anew
from ingestion.imports.tables import Table
from ingestion.lease import CarriedRun, Quarantined, a_holder, carrying

#: The exit status of an import that the checks have refused.
QUARANTINED = 3


@dataclass(frozen=True, slots=True)
class Import:
    """One file on its way into one source; its table can be read once."""

    file: Path
    source: str
    table: Table
    reader: RowReader
    refused: RefusedRows

    def carry_out(self, catalogue: Catalogue, settings: Settings) -> int:
        """Stage, judge and publish, on record. Raises `RunInProgress`, `RunCancelled`, `BookshelfError`."""
        started = time.monotonic()
        runs, holder = Runs(catalogue.engine, settings.run_lease), a_holder()
        run = runs.begin("import", self.source, "cli", holder, now())
        try:
            with carrying(runs, run, holder) as carried:
                snapshot = self._publish(catalogue, carried)
                export_catalogue(catalogue, settings)
        except Quarantined:
            kept = catalogue.snapshots.get(runs.get(run.id).snapshot_id or 0)
            self._say_refused()
            print(
                f"quarantined: snapshot {kept.id} of {self.source} is kept apart, the catalogue is as it was"
            )
            print(as_text(kept.report or {}))
            print(f"to publish it all the same: python -m ingestion release {run.id}")
            return QUARANTINED
        self._say_refused()
        print(f"{_held(snapshot)}, in {time.monotonic() - started:.1f} s; snapshot {snapshot.id}")
        return 0

    def rehearse(self, catalogue: Catalogue) -> int:
        """Say what would change and which rows are refused; exit status as it would be."""
        with rehearsing(catalogue.engine, self.source) as copy:
            snapshot_id = stage_anew(copy.engine, self.source)
            books = self._stage(copy, snapshot_id, lambda *_: None)
            findings = judge(copy.engine, snapshot_id, "import")
            self._say_refused()
            if findings:
                print("dry run: this would be quarantined")
                print(as_text(report(findings)))
            if not books:
                return QUARANTINED  # there is nothing that could be released either
            snapshot = copy.snapshots.publish(snapshot_id, now())
            print(f"dry run, nothing is changed: {_held(snapshot)}")
            for line in what_would_change(copy, snapshot_id):
                print(line)
        return QUARANTINED if findings else 0

    def _publish(self, catalogue: Catalogue, carried: CarriedRun) -> Snapshot:
        snapshots = catalogue.snapshots
        snapshot_id = stage_anew(catalogue.engine, self.source)
        try:
            carried.fills(snapshot_id)
            carried.say("import begins", file=str(self.file), columns=dict(self.reader.columns.columns))
            carried.count(bytes=self.file.stat().st_size)

            def note(read: int, refused: int) -> None:
                carried.count(books=read - refused, failures=refused)
                carried.check()

            self._stage(catalogue, snapshot_id, note)
            taken_at = now()
            carried.say("file read", refused=self.refused.number, first=self.refused.first[:10])
            if findings := judge(catalogue.engine, snapshot_id, "import"):
                snapshots.quarantine(snapshot_id, report(findings), taken_at)
                carried.say("quarantined", level="warning", snapshot=snapshot_id, report=report(findings))
                raise Quarantined(summary(findings))
            carried.renew()  # we may have been thought dead for a while
            snapshot = snapshots.publish(snapshot_id, now(), taken_at=taken_at)
        except Quarantined:
            raise
        except BaseException:  # nobody can go on with half a file
            snapshots.discard(snapshot_id)
            raise
        carried.count(added=snapshot.added, changed=snapshot.changed, removed=snapshot.removed)
        carried.say("published", snapshot=snapshot.id, revision=snapshot.revision, books=snapshot.books)
        return snapshot

    def _stage(self, catalogue: Catalogue, snapshot_id: int, watch: Watch) -> int:
        """Returns how many books are staged."""
        with _progress(watch) as shown:
            staging = Staging(catalogue.engine, snapshot_id, self.reader, self.refused)
            return staging.stage(self.table.rows, shown) - self.refused.number

    def _say_refused(self) -> None:
        number, shown = self.refused.number, self.refused.first
        if not number:
            return
        where = f"; all of them in {self.refused.path}" if self.refused.path else ""
        print(f"{number:,} row{'' if number == 1 else 's'} refused{where}:")
        for line in shown:
            print(f"  {line}")
        if number > len(shown):
            print(f"  … and {number - len(shown):,} more")


def _held(snapshot: Snapshot) -> str:
    changes = f"{snapshot.added:,} added, {snapshot.changed:,} changed, {snapshot.removed:,} removed"
    return f"{snapshot.books:,} books from {snapshot.source} ({changes})"


@contextmanager
def _progress(watch: Watch) -> Iterator[Watch]:
    """A bar on stderr with the rate of rows, beside `watch`."""
    with tqdm(
        desc="import", unit="row", file=sys.stderr, mininterval=0.1 if sys.stderr.isatty() else 5
    ) as bar:

        def show(read: int, refused: int) -> None:
            bar.set_postfix(refused=refused, refresh=False)
            bar.update(read - bar.n)
            watch(read, refused)

        yield show
