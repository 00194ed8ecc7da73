"""A dry run: the whole import, on a copy of its source's history, so that the catalogue stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, insert, select

from bookshelf.catalogue import Catalogue
from bookshelf.changes import Change, Changes, Kind
from bookshelf.database import reading, writing
from bookshelf.tables import identities, snapshots, versions

_ROWS = 1_000
_SHOWN = 5


@contextmanager
def rehearsing(engine: Engine, source: str) -> Iterator[Catalogue]:
    """A catalogue of its own in a temporary file, with every version of that source, their ids included."""
    with tempfile.TemporaryDirectory(prefix="bookshelf-dry-run-") as folder:
        copy = Catalogue.open(f"sqlite:///{Path(folder) / 'catalogue.db'}")
        try:
            with reading(engine) as original, writing(copy.engine) as connection:
                # In the order of their references; the history too, for prices are held against all of it.
                for table in (snapshots, identities, versions):
                    _copy(original, connection, select(table).where(table.c.source == source), table)
            yield copy
        finally:
            copy.engine.dispose()


def what_would_change(copy: Catalogue, snapshot_id: int) -> list[str]:
    """The first few changes of each kind that the rehearsed snapshot has made, in words."""
    lines: list[str] = []
    kinds: tuple[Kind, ...] = ("added", "changed", "removed")
    for kind in kinds:
        changes, number = Changes(copy.engine, snapshot_id).page(number=1, size=_SHOWN, kind=kind)
        lines += [f"  {_in_words(change)}" for change in changes]
        if number > len(changes):
            lines.append(f"  … and {number - len(changes):,} more {kind}")
    return lines


def _copy(original: Connection, copy: Connection, wanted: Select[Any], table: Any) -> None:
    streamed = original.execution_options(yield_per=_ROWS).execute(wanted)
    for part in streamed.mappings().partitions():
        copy.execute(insert(table), [dict(row) for row in part])


def _in_words(change: Change) -> str:
    book = change.after or change.before
    assert book is not None
    told = [f"{name} {old!s:.60} → {new!s:.60}" for name, (old, new) in change.fields.items()]
    return f"{change.kind:8}{book.title} ({book.identity}){': ' if told else ''}{', '.join(told)}"
