"""A staged snapshot as the checks see it: what it holds, beside what its source has on offer and ever had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, case, func, or_, select

from bookshelf.publication import carried_over
from bookshelf.runs import Kind
from bookshelf.tables import identities, staged_books, staged_failures, versions
from ingestion.findings import MOST_EXAMPLES

#: The fields that a book may lack. Title, price and identity are not among them: there is no book without.
OPTIONAL_FIELDS: Final = (
    *("upc", "isbn", "rating", "availability", "stock", "category", "image", "thumbnail", "description"),
    *("url", "author", "publisher", "year", "binding", "language", "reviews", "genre"),
)
_NUMBERS = ("rating", "stock", "year", "reviews")

# What the reason of a page or row says whose text was decoded wrongly; a test holds it to what is raised.
_DAMAGE = ("decoded as UTF-8", "cannot read charset", "is not valid UTF-8")


@dataclass(frozen=True)
class Staged:
    """One staged snapshot, asked on one connection; no answer grows with the number of books."""

    connection: Connection
    snapshot_id: int
    source: str
    kind: Kind

    @cached_property
    def books(self) -> int:
        """How many books are staged, one that occurs twice counted twice."""
        return self._number(select(func.count()).where(self.here))

    @cached_property
    def before(self) -> int:
        """How many books the source has on offer."""
        return self._number(select(func.count()).where(self.on_offer))

    @cached_property
    def after(self) -> int:
        """How many it would have, with those kept whose pages or rows failed."""
        distinct = select(func.count(staged_books.c.identity.distinct())).where(self.here)
        kept = select(func.count()).select_from(_known_books()).where(self._kept)
        return self._number(distinct) + self._number(kept)

    @property
    def here(self) -> ColumnElement[bool]:
        return staged_books.c.snapshot_id == self.snapshot_id

    @property
    def on_offer(self) -> ColumnElement[bool]:
        return and_(versions.c.source == self.source, versions.c.valid_to.is_(None))

    @property
    def _kept(self) -> ColumnElement[bool]:
        return carried_over(self.snapshot_id, self.source)

    def leaving(self) -> list[str]:
        """The first books on offer that would leave."""
        staged = select(staged_books.c.identity).where(self.here)
        wanted = (
            select(versions.c.title, identities.c.identity)
            .select_from(_known_books())
            .where(self.on_offer, identities.c.identity.not_in(staged), ~self._kept)
            .order_by(versions.c.book_id)
        )
        return [_named(row) for row in self._first(wanted)]

    @cached_property
    def missing(self) -> dict[str, tuple[int, int]]:
        """How many books lack each optional field: those staged, and those on offer."""
        now = self._lacking(staged_books, self.here)
        then = self._lacking(versions, self.on_offer)
        return {field: (now[field], then[field]) for field in OPTIONAL_FIELDS}

    def without(self, field: str) -> list[str]:
        """The first staged books that lack the field."""
        return self.named(_lacks(staged_books, field))

    def twice(self) -> tuple[int, list[str]]:
        """How many identities stand for different books or different pages, and the first of them."""
        wanted = (
            select(
                staged_books.c.identity,
                func.min(staged_books.c.title).label("one"),
                func.max(staged_books.c.title).label("other"),
                func.count().label("times"),
            )
            .where(self.here)
            .group_by(staged_books.c.identity)
            # A page that was read twice, since the list moved on under the crawl, says the same twice.
            .having(func.count(staged_books.c.content_hash.distinct()) > 1)
        )
        number = self._number(select(func.count()).select_from(wanted.subquery()))
        first = self._first(wanted.order_by(func.min(staged_books.c.position)))
        return number, [f"{row.identity}, {row.times} times: {row.one!r} and {row.other!r}" for row in first]

    def price_ranges(self) -> dict[str, tuple[int, int]]:
        """Lowest and highest price that the source ever had, in hundredths, by currency."""
        price = versions.c.price_hundredths
        wanted = (
            select(versions.c.currency, func.min(price), func.max(price))
            .where(versions.c.source == self.source)
            .group_by(versions.c.currency)
        )
        return {currency: (low, high) for currency, low, high in self.connection.execute(wanted)}

    def count(self, condition: ColumnElement[bool]) -> int:
        """How many staged books are so."""
        return self._number(select(func.count()).where(self.here, condition))

    def named(
        self,
        condition: ColumnElement[bool],
        say: Callable[[Row[Any]], str] = lambda row: _named(row),
    ) -> list[str]:
        """The first staged books that are so, by `say`."""
        wanted = select(staged_books).where(self.here, condition).order_by(staged_books.c.position)
        return [say(row) for row in self._first(wanted)]

    def number_of_categories(self) -> tuple[int, int]:
        """How many categories there are, among the books staged and among those on offer."""
        now = select(func.count(staged_books.c.category.distinct())).where(self.here)
        then = select(func.count(versions.c.category.distinct())).where(self.on_offer)
        return (
            self._number(now.where(staged_books.c.category != "")),
            self._number(then.where(versions.c.category != "")),
        )

    def large_categories(self, least: float) -> dict[str, tuple[int, int]]:
        """The categories of at least so many staged books: how many it is, and how many are on offer."""
        counted = (
            select(staged_books.c.category, func.count())
            .where(self.here, staged_books.c.category != "")
            .group_by(staged_books.c.category)
            .having(func.count() >= least)
        )
        large = self._counted(counted)
        before = (
            select(versions.c.category, func.count())
            .where(self.on_offer, versions.c.category.in_(large))
            .group_by(versions.c.category)
        )
        then = self._counted(before)
        return {name: (number, then.get(name, 0)) for name, number in sorted(large.items())}

    def newly_damaged(self) -> ColumnElement[bool]:
        """Which staged books have a damaged description other than the one that is on offer."""
        same = (
            select(versions.c.id)
            .join(identities, identities.c.id == versions.c.book_id)
            .where(
                self.on_offer,
                identities.c.source == self.source,
                identities.c.identity == staged_books.c.identity,
                versions.c.description == staged_books.c.description,
            )
            .correlate(staged_books)
        )
        return and_(staged_books.c.damaged.is_(True), ~same.exists())

    def failures(self, *, damaged: bool = False) -> int:
        """How many pages or rows failed, those that are gone left out; of all, or for their encoding."""
        return self._number(select(func.count()).where(*self._failed(damaged=damaged)))

    def failed(self, *, damaged: bool = False) -> list[str]:
        """The first of them, with their reasons."""
        wanted = select(staged_failures).where(*self._failed(damaged=damaged))
        rows = self._first(wanted.order_by(staged_failures.c.position))
        return [f"{row.place}: {row.reason}"[:300] for row in rows]

    def _failed(self, *, damaged: bool) -> list[ColumnElement[bool]]:
        found = [staged_failures.c.snapshot_id == self.snapshot_id, staged_failures.c.gone.is_(False)]
        if damaged:
            found.append(or_(*(staged_failures.c.reason.contains(words) for words in _DAMAGE)))
        return found

    def _lacking(self, table: FromClause, which: ColumnElement[bool]) -> dict[str, int]:
        counts = [
            func.coalesce(func.sum(case((_lacks(table, name), 1), else_=0)), 0) for name in OPTIONAL_FIELDS
        ]
        return dict(
            zip(OPTIONAL_FIELDS, self.connection.execute(select(*counts).where(which)).one(), strict=True)
        )

    def _counted(self, wanted: Select[Any]) -> dict[str, int]:
        return {row[0]: row[1] for row in self.connection.execute(wanted)}

    def _number(self, wanted: Select[Any]) -> int:
        return int(self.connection.execute(wanted).scalar_one())

    def _first(self, wanted: Select[Any]) -> Sequence[Row[Any]]:
        return self.connection.execute(wanted.limit(MOST_EXAMPLES)).all()


def _known_books() -> FromClause:
    return versions.join(identities, identities.c.id == versions.c.book_id)


def _lacks(table: FromClause, field: str) -> ColumnElement[bool]:
    column = table.c[field]
    return column.is_(None) if field in _NUMBERS else column == ""


def _named(row: Row[Any]) -> str:
    return f"{row.title} ({row.identity})"
