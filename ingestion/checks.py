"""The checks that a staged snapshot must pass before it is published: each with its limit and its reason.

A first snapshot, of a source that has nothing on offer, has nothing to be compared with: it is held against
the absolute limits alone. All of it is counted in the database, in memory that does not grow with the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select

from bookshelf.database import note_sizes, reading, writing
from bookshelf.errors import NotFound
from bookshelf.runs import Kind
from bookshelf.tables import snapshots, staged_books, staged_failures
from ingestion.breaches import (
    Find,
    Limit,
    categories,
    damaged,
    exploded,
    failures,
    far_prices,
    missing,
    near_prices,
    too_few,
    twice,
)
from ingestion.findings import Finding, as_text, report, summary
from ingestion.staged import OPTIONAL_FIELDS, Staged

__all__ = ["CHECKS", "Check", "Finding", "as_text", "judge", "report", "summary"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question to a snapshot with its limits, why it is asked, and of which kinds of run."""

    name: str
    find: Find
    reason: str
    kinds: tuple[Kind, ...] = ("scrape", "import")


#: How much a first crawl may lack of each field. Its parser finds all of these on every page but for the
#: description, which the live shop does not give for two books of a thousand. The other fields no parser
#: of ours reads as yet; and a file has the columns that it has, so a first import may lack any of them.
_LACKING_AT_FIRST: Final = {"description": 0.20} | dict.fromkeys(
    ("upc", "category", "rating", "image", "thumbnail", "availability", "stock", "url"), 0.05
)

#: Every check, in the order of a report.
CHECKS: Final = (
    Check(
        "number of books",
        # One book of a shop of three may leave, although it is a third.
        too_few(Limit(0.10, always=1)),
        "books leave a shop one by one: a tenth of them at once is a list that was cut short",
    ),
    *(
        Check(
            f"missing {field}",
            missing(field, Limit(0.05, always=1), _LACKING_AT_FIRST.get(field)),
            "a field that many books lose at once has moved on the page, or in the file",
        )
        for field in OPTIONAL_FIELDS
    ),
    Check(
        "duplicate identities",
        twice,
        "of two books under one UPC one would vanish, and nobody can say which is meant",
    ),
    Check(
        "prices far outside",
        # A lost decimal point makes a price a hundredfold; a shop's dearest book may be outdone twice over.
        far_prices(times=5),
        "even one price so far from all that the shop ever had is another number, or lacks its point",
    ),
    Check(
        "prices outside",
        near_prices(beyond=0.10, limit=Limit(0.02, always=1)),
        "a book may be dearer than all before it; many at once are in another currency, or no prices",
    ),
    Check(
        "exploding category",
        # Ten books, for in a small shop every new one moves the shares.
        exploded(gain=Limit(0.10, always=10), times=2),
        "books that all fall into one category were put there by a page or file that has changed",
    ),
    Check(
        "number of categories",
        categories(times=2, always=5, first=Limit(0.50, always=20)),
        "a shop rearranges its shelves seldom; as many categories as books are titles, or tags",
    ),
    Check(
        "encoding damage",
        # The live shop has one description that was damaged before it got there.
        damaged(Limit(0.01, always=1)),
        "text read with the wrong encoding stays wrong for good, and models learn from it",
    ),
    Check(
        "failing pages",
        failures(Limit(0.01)),
        "one page in a hundred may be broken; more are a shop that has changed, or shuts us out",
        kinds=("scrape",),
    ),
    Check(
        "refused rows",
        # Ten, for whoever imports a short file reads them; but not most of it, which is a wrong map.
        failures(Limit(0.10, always=10), most=0.50),
        "people's files have bad rows; a tenth of a file, or half of a short one, is read wrongly",
        kinds=("import",),
    ),
)


def judge(engine: Engine, snapshot_id: int, kind: Kind) -> list[Finding]:
    """What is wrong with a staged snapshot, check by check; empty if it may be published.

    Raises `NotFound` for a snapshot that is not there.
    """
    with writing(engine) as connection:
        note_sizes(connection, staged_books, staged_failures)
    with reading(engine) as connection:
        source = connection.execute(select(snapshots.c.source).where(snapshots.c.id == snapshot_id)).scalar()
        if source is None:
            raise NotFound("snapshot_id", f"no snapshot has the id {snapshot_id}")
        staged = Staged(connection, snapshot_id, source, kind)
        found = [(check, check.find(staged)) for check in CHECKS if kind in check.kinds]
    return [
        Finding(check.name, check.reason, breach.expected, breach.found, tuple(breach.examples))
        for check, breach in found
        if breach is not None
    ]
