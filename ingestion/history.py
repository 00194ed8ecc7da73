"""The catalogue's history as the feature store needs it: what each revision said of which books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Select, func, select

from bookshelf.book import ListedBook
from bookshelf.database import reading
from bookshelf.rows import to_listed
from bookshelf.tables import snapshots, versions

_PART = 250  # also how often a bar moves while texts are encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One published snapshot.

    `event_time` is when it was taken. Where clocks were put back, it is moved so that it never lies after
    `published_at` nor before that of an earlier revision of the source: the catalogue's order decides.
    """

    number: int
    snapshot_id: int
    event_time: datetime
    published_at: datetime
    features_published: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What a revision began to say of a book, and what was said before; None of a book never seen."""

    now: ListedBook
    before: ListedBook | None


def revisions(engine: Engine) -> list[Revision]:
    """Every revision of every source, in order."""
    wanted = select(snapshots).where(snapshots.c.revision.is_not(None)).order_by(snapshots.c.revision)
    with reading(engine) as connection:
        rows = connection.execute(wanted).all()
    found = []
    latest: dict[str, datetime] = {}
    for row in rows:
        taken = max(row.taken_at, latest.get(row.source, row.taken_at))
        event_time = latest[row.source] = min(taken, row.published_at)
        found.append(
            Revision(
                number=row.revision,
                snapshot_id=row.id,
                event_time=event_time,
                published_at=row.published_at,
                features_published=row.features_published_at is not None,
            )
        )
    return found


def count_steps(engine: Engine, after: int, to: int) -> int:
    """How many steps the revisions above `after` and up to `to` have, all together."""
    wanted = select(func.count()).where(versions.c.from_snapshot.in_(_snapshots(after, to)))
    with reading(engine) as connection:
        return int(connection.execute(wanted).scalar_one())


def steps(engine: Engine, revision: Revision) -> Iterator[list[Step]]:
    """What that revision began to say, in parts, in the order of its list.

    Versions are never rewritten, so that each part may have a transaction of its own, and a reader who
    takes hours holds up nobody.
    """
    last = 0
    while True:
        wanted = (
            select(versions)
            .where(versions.c.from_snapshot == revision.snapshot_id, versions.c.id > last)
            .order_by(versions.c.id)
            .limit(_PART)
        )
        with reading(engine) as connection:
            rows = connection.execute(wanted).all()
            if not rows:
                return
            earlier = (
                select(func.max(versions.c.id))
                .where(versions.c.book_id.in_([row.book_id for row in rows]), versions.c.id < rows[0].id)
                .group_by(versions.c.book_id)
            )
            found = connection.execute(select(versions).where(versions.c.id.in_(earlier)))
            before = {row.book_id: to_listed(row) for row in found}
        yield [Step(to_listed(row), before.get(row.book_id)) for row in rows]
        last = rows[-1].id


def books_of(engine: Engine, after: int, to: int) -> Iterator[list[tuple[int, ListedBook]]]:
    """Every book that the revisions above `after` and up to `to` say something of, in parts, by id.

    Each with what was said last, and with the id of the snapshot that said it.
    """
    newest = (
        select(func.max(versions.c.id))
        .where(versions.c.from_snapshot.in_(_snapshots(after, to)))
        .group_by(versions.c.book_id)
        .order_by(versions.c.book_id)
    )
    with reading(engine) as connection:
        found = connection.execute(newest).scalars().all()
    for start in range(0, len(found), _PART):
        part = found[start : start + _PART]
        wanted = select(versions).where(versions.c.id.in_(part)).order_by(versions.c.book_id)
        with reading(engine) as connection:
            rows = connection.execute(wanted).all()
        yield [(row.from_snapshot, to_listed(row)) for row in rows]


def _snapshots(after: int, to: int) -> Select[tuple[int]]:
    return select(snapshots.c.id).where(snapshots.c.revision > after, snapshots.c.revision <= to)
