"""What each page of a source said when it was last read, kept so that it need not be read again."""

from __future__ import annotations

import hashlib
import inspect
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bookshelf import book
from bookshelf.database import reading, writing
from bookshelf.tables import pages
from ingestion import pages as parser
from ingestion.fetched import Stamp

# What a kill -9 may lose: so many pages, or those of so many seconds, whichever is less.
_BATCH_PAGES = 100
_BATCH_SECONDS = 0.5
_MARKED_AT_ONCE = 500
# PostgreSQL indexes no more than about 2,700 bytes, and source and address are one key.
_LONGEST_KEY_BYTES = 2000
_NO_SNAPSHOT = 0  # snapshots are numbered from 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as it was read: what it said, as JSON, and `body_hash`, by which its bytes are known again.

    `current` if it was read, or found unchanged, for the snapshot that is being made now.
    """

    content: Any
    body_hash: str
    stamp: Stamp
    current: bool = True


@cache
def parser_fingerprint() -> str:
    """Changes whenever the same page might be read another way: hex SHA-256 of what reads and checks it."""
    sources = (inspect.getsource(module) for module in (parser, book))
    return hashlib.sha256(
        "\0".join([*sources, version("beautifulsoup4"), version("lxml")]).encode()
    ).hexdigest()


class PageStore:
    """The pages of one source in the catalogue database, as the crawl of one snapshot finds them.

    May be used from any number of threads; one of its own writes, in batches, and the last when it is
    closed. Whatever the database refuses is raised by the next `keep` or `mark`, or by closing.
    """

    def __init__(self, engine: Engine, source: str, snapshot_id: int) -> None:
        self._engine = engine
        self._source = source
        self._snapshot_id = snapshot_id
        self._before = self._newest_before()
        self._read: dict[str, Kept] = {}
        self._unchanged: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._trouble: BaseException | None = None
        self._writer = threading.Thread(target=self._write_until_closed, name="page store", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left. What comes after is let go: it is asked for again another time."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join()
        self._check()

    def look_up(self, urls: Sequence[str]) -> dict[str, Kept]:
        """Those of the pages that are known, as this parser read them, in one query."""
        wanted = select(pages).where(
            pages.c.source == self._source, pages.c.url.in_(urls), pages.c.parser == parser_fingerprint()
        )
        with reading(self._engine) as connection:
            rows = connection.execute(wanted).all()
        return {
            row.url: Kept(
                row.content["said"],
                row.content["body"],
                Stamp(row.etag, row.last_modified),
                row.snapshot_id == self._snapshot_id,
            )
            for row in rows
        }

    def keep(self, url: str, page: Kept) -> None:
        """Remember what the page says from now on."""
        if len(f"{self._source}{url}".encode()) > _LONGEST_KEY_BYTES:
            return  # it is asked for each time
        with self._changed:
            if not self._closed:
                self._read[url] = page
                self._wake_writer()
        self._check()

    def mark(self, url: str) -> None:
        """Remember that the page is what it was."""
        with self._changed:
            if not self._closed:
                self._unchanged.add(url)
                self._wake_writer()
        self._check()

    def unmark(self) -> None:
        """Have a crawl that goes on with this snapshot ask for every page again, if it has changed.

        To be called when the pages read do not fit together: those of the store are no exception.
        """
        self.close()
        of_this = (pages.c.source == self._source, pages.c.snapshot_id == self._snapshot_id)
        with writing(self._engine) as connection:
            connection.execute(update(pages).where(*of_this).values(snapshot_id=_NO_SNAPSHOT))

    def forget_unseen(self) -> None:
        """Let go of pages that neither this crawl, which is over, nor the one before it has seen."""
        self.close()
        unseen = (pages.c.source == self._source, pages.c.snapshot_id < self._before)
        with writing(self._engine) as connection:
            connection.execute(delete(pages).where(*unseen))

    def _newest_before(self) -> int:
        newest = select(func.max(pages.c.snapshot_id)).where(
            pages.c.source == self._source, pages.c.snapshot_id < self._snapshot_id
        )
        with reading(self._engine) as connection:
            return connection.execute(newest).scalar() or _NO_SNAPSHOT

    def _has_batch(self) -> bool:
        return len(self._read) + len(self._unchanged) >= _BATCH_PAGES

    def _wake_writer(self) -> None:
        if self._has_batch():
            self._changed.notify()

    def _check(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _write_until_closed(self) -> None:
        try:
            closed = False
            while not closed:
                with self._changed:
                    # A batch may have come while we wrote the one before, when nobody heard of it.
                    self._changed.wait_for(lambda: self._closed or self._has_batch(), _BATCH_SECONDS)
                    closed = self._closed
                    read, self._read = self._read, {}
                    unchanged, self._unchanged = self._unchanged, set()
                if read or unchanged:
                    with writing(self._engine) as connection:
                        self._upsert(connection, read)
                        self._mark(connection, sorted(unchanged))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the threads that use the store
            self._trouble = error

    def _upsert(self, connection: Connection, read: dict[str, Kept]) -> None:
        if not read:
            return
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        rows = [
            {
                "source": self._source,
                "url": url,
                "snapshot_id": self._snapshot_id,
                "parser": parser_fingerprint(),
                "etag": page.stamp.etag,
                "last_modified": page.stamp.last_modified,
                "content": {"body": page.body_hash, "said": page.content},
            }
            for url, page in read.items()
        ]
        statement = dialect.insert(pages)
        new = {name: statement.excluded[name] for name in rows[0] if name not in ("source", "url")}
        connection.execute(statement.on_conflict_do_update(index_elements=["source", "url"], set_=new), rows)

    def _mark(self, connection: Connection, unchanged: Sequence[str]) -> None:
        for start in range(0, len(unchanged), _MARKED_AT_ONCE):
            these = unchanged[start : start + _MARKED_AT_ONCE]
            connection.execute(
                update(pages)
                .where(pages.c.source == self._source, pages.c.url.in_(these))
                .values(snapshot_id=self._snapshot_id)
            )
