"""How fresh online values are: the time since the shop last said what the store says, against a limit.

A row is written only when a book changes, so that its own age says nothing: a book that never changes is as
fresh as the last scrape that found it unchanged. See docs/decisions/0005-freshness.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import FeatureFreshness
from bookshelf.database import reading
from bookshelf.tables import pages, snapshots, versions
from serving import metrics
from serving.online import OnlineRow

log = logging.getLogger(__name__)

_ASK_AGAIN = 1.0  # seconds
_PART = 500
# So many take less time than handing them to a thread and back.
_AT_ONCE = 8


class LastRead:
    """When the shop last confirmed each book, as far as the feature store has heard of it.

    Read from the catalogue once a book and publication; whether there is a new one is asked once a second.
    """

    def __init__(self, open_catalogue: Callable[[], Catalogue]) -> None:
        self._open_catalogue = open_catalogue
        # The publication and what was known by it, put in place at once: several threads may read.
        self._known: tuple[object, dict[int, datetime]] = (None, {})
        self._asked_at = -_ASK_AGAIN

    async def of(self, book_ids: Iterable[int]) -> Mapping[int, datetime]:
        """The moment for each book; a book of which none is known is left out.

        While the catalogue cannot be read, what was known before is given.
        """
        wanted = set(book_ids)
        _, known = self._known
        if time.monotonic() - self._asked_at >= _ASK_AGAIN or not wanted <= known.keys():
            # What was read for these books, whatever others have put in its place meanwhile.
            known = await asyncio.to_thread(self._read, wanted)
        return {one: known[one] for one in wanted if one in known}

    def _read(self, wanted: set[int]) -> dict[int, datetime]:
        self._asked_at = time.monotonic()
        try:
            engine = self._open_catalogue().engine
            publication = _last_publication(engine)
            before, known = self._known
            if publication != before:
                known = {}
            known = known | confirmed(engine, wanted - known.keys())
            self._known = publication, known
        except SQLAlchemyError as error:
            log.warning("the catalogue cannot be read, features are as old as they were: %s", error)
            _, known = self._known
        return known


class Freshness:
    """Judges online rows that answers are made from, by the limit of one feature service, and counts them."""

    def __init__(
        self,
        last_read: LastRead,
        service: str,
        limit: timedelta,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._last_read = last_read
        self._service = service
        self._limit = limit
        self._clock = clock

    async def of(self, rows: Mapping[int, OnlineRow]) -> dict[int, FeatureFreshness]:
        """How fresh each book's row is."""
        confirmed_at = await self._last_read.of(rows)
        moment = self._clock()

        def judge() -> dict[int, FeatureFreshness]:
            return {one: self._judged(row, confirmed_at.get(one), moment) for one, row in rows.items()}

        return judge() if len(rows) <= _AT_ONCE else await asyncio.to_thread(judge)

    def _judged(self, row: OnlineRow, confirmed_at: datetime | None, moment: datetime) -> FeatureFreshness:
        ages = {
            view: max((moment - max(written, confirmed_at or written)).total_seconds(), 0.0)
            for view, written in row.event_times.items()
        }
        lacking = {feature.partition(":")[0] for feature in row.missing}
        for view in sorted(lacking | ages.keys()):
            status = self._status(view in lacking, ages.get(view))
            metrics.observe_age(self._service, view, status, ages.get(view))
        oldest = max(ages, key=ages.__getitem__, default=None)
        age = None if oldest is None else ages[oldest]
        return FeatureFreshness(
            service=self._service,
            status=self._status(bool(lacking), age),
            age_seconds=None if age is None else round(age, 3),
            limit_seconds=self._limit.total_seconds(),
            oldest=oldest,
            missing=row.missing,
        )

    def _status(self, lacking: bool, age: float | None) -> Literal["PRESENT", "STALE", "MISSING"]:
        if lacking or age is None:
            return "MISSING"
        return "STALE" if age > self._limit.total_seconds() else "PRESENT"


def confirmed(engine: Engine, book_ids: Iterable[int]) -> dict[int, datetime]:
    """When the shop was last read and still offered each book; ids that were never given are left out.

    That is the last crawl or import of its source whose rows the feature store holds, or the last before the
    book left. A book that stayed as it was because its page failed counts by the last time that it was read.
    """
    wanted = sorted(book_ids)
    found: dict[int, datetime] = {}
    for start in range(0, len(wanted), _PART):
        found |= _confirmed(engine, wanted[start : start + _PART])
    return found


def _confirmed(engine: Engine, book_ids: list[int]) -> dict[int, datetime]:
    newest = (
        select(func.max(versions.c.id)).where(versions.c.book_id.in_(book_ids)).group_by(versions.c.book_id)
    )
    earlier = snapshots.alias()
    last = (
        select(earlier.c.id)
        .where(
            earlier.c.source == versions.c.source,
            earlier.c.revision.is_not(None),
            earlier.c.features_published_at.is_not(None),
            or_(versions.c.valid_to.is_(None), earlier.c.published_at < versions.c.valid_to),
        )
        .order_by(earlier.c.revision.desc())
        .limit(1)
        .scalar_subquery()
    )
    page_of = snapshots.alias()
    query = (
        select(
            versions.c.book_id,
            snapshots.c.id,
            snapshots.c.taken_at,
            pages.c.snapshot_id,
            func.coalesce(page_of.c.taken_at, page_of.c.started_at).label("page_taken_at"),
        )
        .select_from(versions)
        .join(snapshots, snapshots.c.id == last)
        .outerjoin(pages, and_(pages.c.source == versions.c.source, pages.c.url == versions.c.url))
        .outerjoin(page_of, page_of.c.id == pages.c.snapshot_id)
        .where(versions.c.id.in_(newest))
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    return {
        row.book_id: row.page_taken_at
        if row.page_taken_at is not None and row.snapshot_id < row.id
        else row.taken_at
        for row in rows
    }


def _last_publication(engine: Engine) -> object:
    """Changes whenever the feature store has heard of another snapshot."""
    heard = snapshots.c.features_published_at
    with reading(engine) as connection:
        return tuple(connection.execute(select(func.count(heard), func.max(heard))).one())
