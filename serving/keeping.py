"""Keeping the log: complete journals become Parquet by day, small files are merged, old days are deleted."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from uuid import UUID

from filelock import FileLock, Timeout

from bookshelf.contracts import MODEL_NAMES
from bookshelf.prediction import moment_of
from bookshelf.prediction_files import DAY, KINDS, Kind, PredictionFiles, read_journal, schema
from serving.journal import complete

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

#: So many small files of one day are merged while it lasts; once it is over, any two.
MOST_SMALL_FILES = 16
#: A larger one stays as it is.
SMALL_BYTES = 8 * 2**20

# A look-up by id reads one row group of a file.
_ROW_GROUP = 5_000
_SOURCES = b"merged_from"
_UNFINISHED = ".unfinished"
_UNREADABLE = ".unreadable"


def keep(files: PredictionFiles, retention: timedelta, today: date) -> None:
    """Bring the log into order, unless another process is at it. Raises `OSError` where it cannot."""
    for kind in KINDS:
        if not files.folder(kind).is_dir():
            continue
        try:
            with FileLock(files.folder(kind) / "lock", timeout=0):
                _delete_old(files, kind, today - retention)
                _fold(files, kind)
                _merge(files, kind, today)
        except Timeout:
            continue


def _fold(files: PredictionFiles, kind: Kind) -> None:
    """Move the records of every complete journal to the files of their days."""
    for journal in complete(files.journals(kind)):
        data = journal.read_bytes()
        table = read_journal(kind, data)
        if broken := data.count(b"\n") + (not data.endswith(b"\n") and bool(data)) - table.num_rows:
            log.warning("%d broken lines of the journal %s are left out", broken, journal.name)
        for model, day, rows in _by_day(table):
            # The journal's name: a process that is killed now leaves a file that the next one writes anew.
            _put(kind, [rows], files.day(kind, model, day) / f"{journal.stem}.parquet")
        journal.unlink()


def _by_day(table: pa.Table) -> Iterator[tuple[str, date, pa.Table]]:
    """The records of each model and day, in the order of their predictions' ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.array([_day_of(one) for one in table["prediction_id"].to_pylist()], pa.date32())
    table = table.append_column("day", days).sort_by("prediction_id")
    for model in MODEL_NAMES:
        of_model = table.filter(pc.equal(table["model"], model))
        for day in pc.unique(of_model["day"]).drop_null().to_pylist():
            yield model, day, of_model.filter(pc.equal(of_model["day"], day)).drop_columns("day")


def _day_of(prediction_id: str) -> date | None:
    try:
        moment = moment_of(UUID(prediction_id))
    except ValueError:
        return None
    return None if moment is None else moment.date()


def _merge(files: PredictionFiles, kind: Kind, today: date) -> None:
    journals = {path.stem for path in files.journals(kind)}
    for model in MODEL_NAMES:
        for folder in files.days(kind, model):
            # A file whose journal is still there is going to be written again.
            settled = [path for path in sorted(folder.glob("*.parquet")) if path.stem not in journals]
            small = [path for path in settled if path.stat().st_size <= SMALL_BYTES]
            over = folder.name < f"{DAY}{today}"
            if len(small) >= (2 if over else MOST_SMALL_FILES):
                sources = {path: _sources_of(path) for path in settled}
                merged = {name for told in sources.values() for name in told or ()}
                _merge_files(kind, folder, [path for path in small if sources[path] is not None], merged)


def _merge_files(kind: Kind, folder: Path, small: Sequence[Path], merged: Collection[str]) -> None:
    """One file in the place of many. It names them, so that being killed in between doubles no record.

    `merged` are the names of files that another has taken the place of already.
    """
    import pyarrow.parquet as pq

    for path in small:
        if path.name in merged:
            path.unlink()
    sources = [path for path in small if path.name not in merged]
    if len(sources) < 2:
        return
    parts = (batch for path in sources for batch in pq.ParquetFile(path).iter_batches(_ROW_GROUP))
    target = folder / f"{sources[0].stem.partition('~')[0]}~{token_hex(4)}.parquet"
    _put(kind, _tables(parts), target, [path.name for path in sources])
    for path in sources:
        path.unlink()


def _tables(batches: Iterator[Any]) -> Iterator[pa.Table]:
    import pyarrow as pa

    return (pa.Table.from_batches([batch]) for batch in batches)


def _sources_of(path: Path) -> list[str] | None:
    """The files that this one was merged from; None if it is no Parquet, and then it is set aside.

    Nobody could read its day as a whole, and it would be in the way of every merge.
    """
    import pyarrow.parquet as pq

    try:
        told: list[str] = json.loads((pq.read_schema(path).metadata or {}).get(_SOURCES, b"[]"))
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) is not None:  # the system's: the file may be whole
            raise
        aside = path.rename(path.with_suffix(_UNREADABLE))
        log.error("%s is set aside as %s: it cannot be read: %s", path.name, aside, error)
        return None
    return told


def _put(kind: Kind, parts: Any, target: Path, sources: Sequence[str] = ()) -> None:
    """Write the rows under that name, whole or not at all; what is there already is replaced."""
    import pyarrow.parquet as pq

    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(_UNFINISHED)
    told = schema(kind).with_metadata({_SOURCES: json.dumps(sources).encode()})
    try:
        with unfinished.open("wb") as file:
            with pq.ParquetWriter(file, told, compression="zstd") as writer:
                for part in parts:
                    writer.write_table(part.cast(told), row_group_size=_ROW_GROUP)
            file.flush()
            os.fsync(file.fileno())  # what it was made from is deleted next
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _delete_old(files: PredictionFiles, kind: Kind, last_deleted: date) -> None:
    """Delete whole days up to that one."""
    for model in MODEL_NAMES:
        for folder in files.days(kind, model):
            if folder.name <= f"{DAY}{last_deleted}":
                shutil.rmtree(folder)
                log.info("%s of %s are deleted: they were kept as long as they may be", kind, folder.name)
