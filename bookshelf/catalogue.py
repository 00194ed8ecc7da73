"""The catalogue as readers see it: what is on offer, now or as of any moment since the first crawl."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, or_, select

from bookshelf.book import IN_STOCK, Book, ListedBook
from bookshelf.database import open_database, reading
from bookshelf.errors import NotFound
from bookshelf.rows import to_book, to_listed
from bookshelf.snapshots import Snapshot, Snapshots
from bookshelf.tables import identities, versions

Order = Literal["id", "rating", "price"]
_ORDERS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    "id": (versions.c.book_id.asc(),),
    "rating": (versions.c.rating.desc().nulls_last(), versions.c.book_id.asc()),
    "price": (versions.c.price_hundredths.asc(), versions.c.book_id.asc()),
}
_STREAMED_ROWS = 1_000
# Not every shop counts its copies, nor says in words whether it has any.
_IN_STOCK = or_(versions.c.stock > 0, versions.c.availability == IN_STOCK)
# Pounds and euros have no average: the currency if it is one, else NULL.
_ONE_CURRENCY = case(
    (func.min(versions.c.currency) == func.max(versions.c.currency), func.min(versions.c.currency))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFilter:
    """Which books: title and category match anywhere, whatever the case; prices are inclusive.

    `source` is the whole name of one. `as_of` asks for what the catalogue said then; None is now.
    """

    title: str | None = None
    category: str | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    source: str | None = None
    as_of: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [on_offer(self.as_of)]
        if self.title:
            found.append(versions.c.title.icontains(self.title, autoescape=True))
        if self.category:
            found.append(versions.c.category.icontains(self.category, autoescape=True))
        if self.min_price is not None:
            found.append(versions.c.price_hundredths >= self.min_price * 100)
        if self.max_price is not None:
            found.append(versions.c.price_hundredths <= self.max_price * 100)
        if self.source is not None:
            found.append(versions.c.source == self.source)
        return found


EVERYTHING = BookFilter()


@dataclass(frozen=True, slots=True)
class CategoryStatistics:
    """What one category holds; ratings in stars, None where none is known, `in_stock` in titles.

    Prices are in `currency`; where the books' currencies differ, it and they are None.
    """

    name: str
    books: int
    average_price: float | None
    min_price: float | None
    max_price: float | None
    average_rating: float | None
    in_stock: int
    currency: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The books in four numbers; the averages of none are None. Ratings are counted by whole stars.

    `average_price` is in `currency`; where the books' currencies differ, both are None.
    """

    total_books: int
    average_price: float | None
    average_rating: float | None
    rating_distribution: dict[int, int]
    currency: str | None


@dataclass(frozen=True, slots=True)
class BookVersion:
    """What the catalogue said of a book from one moment to another, or to now if `valid_to` is None."""

    id: int
    source: str
    book: Book
    valid_from: datetime
    valid_to: datetime | None
    from_snapshot: int
    to_snapshot: int | None


class Catalogue:
    """The books of one database. Every read sees one whole state of it; `Snapshots` is the only writer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.snapshots = Snapshots(engine)

    @classmethod
    def open(cls, url: str) -> Catalogue:
        return cls(open_database(url))

    def publish(self, offered: Sequence[Book], source: str, at: datetime) -> Snapshot:
        """Stage `offered`, in listing order, and publish it as all that `source` has on offer.

        Raises `BookshelfError`, and changes nothing, for no books at all or an identity that occurs twice.
        """
        return self.snapshots.publish_books(offered, source, at)

    def snapshot(self, source: str | None = None, as_of: datetime | None = None) -> Snapshot | None:
        """The snapshot published last, of that source or of any; None before the first."""
        return self.snapshots.latest(source, as_of)

    def book(self, book_id: int, as_of: datetime | None = None) -> ListedBook:
        """The book with that id. Raises `NotFound` if it is not on offer."""
        wanted = select(versions).where(versions.c.book_id == book_id, on_offer(as_of))
        with reading(self.engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            when = f" on offer at {as_of.isoformat()}" if as_of else ""
            raise NotFound("book_id", f"no book{when} has the id {book_id}")
        return to_listed(row)

    def history(self, book_id: int) -> list[BookVersion]:
        """Every version of the book, the oldest first; a gap is a time when it was not on offer.

        Raises `NotFound` for an id that was never given.
        """
        wanted = select(versions).where(versions.c.book_id == book_id).order_by(versions.c.id)
        with reading(self.engine) as connection:
            rows = connection.execute(wanted).all()
        if not rows:
            raise NotFound("book_id", f"no book has the id {book_id}")
        return [
            BookVersion(
                id=row.book_id,
                source=row.source,
                book=to_book(row),
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                from_snapshot=row.from_snapshot,
                to_snapshot=row.to_snapshot,
            )
            for row in rows
        ]

    def page(
        self, wanted: BookFilter, *, number: int, size: int, order: Order = "id"
    ) -> tuple[list[ListedBook], int]:
        """Page `number` (from 1) of the books that match, and how many match in all."""
        matching = select(versions).where(*wanted.conditions())
        with reading(self.engine) as connection:
            total = connection.execute(_count(matching)).scalar_one()
            rows = connection.execute(
                matching.order_by(*_ORDERS[order]).limit(size).offset((number - 1) * size)
            ).all()
        return [to_listed(row) for row in rows], total

    def all_books(self, wanted: BookFilter = EVERYTHING) -> list[ListedBook]:
        """Every book that matches, by id."""
        return list(self.stream_books(wanted))

    def stream_books(self, wanted: BookFilter = EVERYTHING) -> Iterator[ListedBook]:
        """Every book that matches, by id, held in memory a few at a time; all of one moment."""
        query = select(versions).where(*wanted.conditions()).order_by(versions.c.book_id)
        with reading(self.engine) as connection:
            streamed = connection.execution_options(yield_per=_STREAMED_ROWS).execute(query)
            yield from map(to_listed, streamed)

    def sources(self, as_of: datetime | None = None) -> list[str]:
        """Every source that has books on offer, by name."""
        wanted = select(versions.c.source).where(on_offer(as_of)).distinct()
        with reading(self.engine) as connection:
            return sorted(connection.execute(wanted).scalars())

    def sources_of(self, book_ids: Sequence[int]) -> dict[int, str]:
        """The source of each of these books, on offer or not; ids that were never given are left out."""
        found: dict[int, str] = {}
        with reading(self.engine) as connection:
            for start in range(0, len(book_ids), _STREAMED_ROWS):
                part = set(book_ids[start : start + _STREAMED_ROWS])
                wanted = select(identities.c.id, identities.c.source).where(identities.c.id.in_(part))
                found |= {row.id: row.source for row in connection.execute(wanted)}
        return found

    def categories(self, wanted: BookFilter = EVERYTHING) -> list[CategoryStatistics]:
        """Every category of the books that match, by name."""
        query = (
            select(
                versions.c.category,
                func.count().label("titles"),
                func.avg(versions.c.price_hundredths).label("average"),
                func.min(versions.c.price_hundredths).label("low"),
                func.max(versions.c.price_hundredths).label("high"),
                func.avg(versions.c.rating).label("rating"),
                func.count().filter(_IN_STOCK).label("in_stock"),
                _ONE_CURRENCY.label("currency"),
            )
            .where(*wanted.conditions())
            .group_by(versions.c.category)
        )
        with reading(self.engine) as connection:
            found = [
                CategoryStatistics(
                    name=row.category,
                    books=row.titles,
                    average_price=_in(row.currency, row.average),
                    min_price=_in(row.currency, row.low),
                    max_price=_in(row.currency, row.high),
                    average_rating=_rounded(row.rating),
                    in_stock=row.in_stock,
                    currency=row.currency,
                )
                for row in connection.execute(query)
            ]
        # Not by the database, each of which has an alphabet of its own.
        return sorted(found, key=lambda category: category.name)

    def overview(self, wanted: BookFilter = EVERYTHING) -> Overview:
        """Counts and averages over the books that match; every rating from 1 to 5 has its entry."""
        matching = wanted.conditions()
        totals = select(
            func.count(), func.avg(versions.c.price_hundredths), func.avg(versions.c.rating), _ONE_CURRENCY
        ).where(*matching)
        by_rating = (
            select(versions.c.rating, func.count().label("titles"))
            .where(*matching, versions.c.rating.is_not(None))
            .group_by(versions.c.rating)
        )
        with reading(self.engine) as connection:
            total, price, rating, currency = connection.execute(totals).one()
            counted = connection.execute(by_rating).all()
        stars = dict.fromkeys(range(1, 6), 0)
        for row in counted:
            stars[int(row.rating + 0.5)] += row.titles
        return Overview(total, _in(currency, price), _rounded(rating), stars, currency)


def on_offer(as_of: datetime | None) -> ColumnElement[bool]:
    """Which versions hold at that moment, or now."""
    if as_of is None:
        return versions.c.valid_to.is_(None)
    return and_(
        versions.c.valid_from <= as_of, or_(versions.c.valid_to.is_(None), versions.c.valid_to > as_of)
    )


def _count(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(query.subquery())


def _in(currency: str | None, hundredths: Any) -> float | None:
    """A price in the one currency there is."""
    return None if currency is None else round(float(hundredths) / 100, 2)


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)


def now() -> datetime:
    """This moment, in UTC and whole microseconds: the resolution of every store we write to."""
    return datetime.now(UTC)
