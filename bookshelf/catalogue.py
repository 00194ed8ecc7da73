"""The catalogue: every book on offer, replaced whole by each successful crawl and read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Row, Select, delete, func, insert, select, update

from bookshelf.book import Book, ListedBook
from bookshelf.database import open_database
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.tables import books, identities, snapshots

Order = Literal["id", "rating", "price"]
_ORDERS: dict[Order, tuple[ColumnElement[Any], ...]] = {
    "id": (books.c.id.asc(),),
    "rating": (books.c.rating.desc(), books.c.id.asc()),
    "price": (books.c.price_pence.asc(), books.c.id.asc()),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published crawl: where and when it was taken, and whether its features are in the store."""

    id: int
    source: str
    taken_at: datetime
    books: int
    features_published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFilter:
    """Which books: title and category match anywhere, whatever the case; prices are inclusive."""

    title: str | None = None
    category: str | None = None
    min_price_gbp: Decimal | None = None
    max_price_gbp: Decimal | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.title:
            found.append(books.c.title.icontains(self.title, autoescape=True))
        if self.category:
            found.append(books.c.category.icontains(self.category, autoescape=True))
        if self.min_price_gbp is not None:
            found.append(books.c.price_pence >= self.min_price_gbp * 100)
        if self.max_price_gbp is not None:
            found.append(books.c.price_pence <= self.max_price_gbp * 100)
        return found


@dataclass(frozen=True, slots=True)
class CategoryStatistics:
    """What one category holds; prices in pounds, ratings in stars."""

    name: str
    books: int
    average_price: float
    min_price: float
    max_price: float
    average_rating: float
    in_stock: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole catalogue in four numbers; the averages of an empty catalogue are None."""

    total_books: int
    average_price: float | None
    average_rating: float | None
    rating_distribution: dict[int, int]


class Catalogue:
    """The books of one database. Readers see one whole snapshot; `publish` is the only writer of books."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Catalogue:
        return cls(open_database(url))

    def publish(self, offered: Sequence[Book], source: str, at: datetime) -> Snapshot:
        """Replace the whole catalogue by `offered`, in listing order, in one transaction.

        New UPCs are given the next ids in that order; known ones keep theirs. Raises `BookshelfError`,
        and changes nothing, for an empty crawl or a UPC that occurs twice.
        """
        _check_offer(offered)
        with self.engine.begin() as connection:
            snapshot_id = connection.execute(
                insert(snapshots)
                .values(source=source, taken_at=at, books=len(offered))
                .returning(snapshots.c.id)
            ).scalar_one()
            known = {upc for (upc,) in connection.execute(select(identities.c.upc))}
            if new := [{"upc": book.upc} for book in offered if book.upc not in known]:
                connection.execute(insert(identities), new)
            ids = {row.upc: row.id for row in connection.execute(select(identities))}
            connection.execute(delete(books))
            connection.execute(insert(books), [_to_row(book, ids[book.upc], snapshot_id) for book in offered])
        return Snapshot(snapshot_id, source, at, len(offered), None)

    def snapshot(self) -> Snapshot | None:
        """The snapshot that readers see now; None before the first crawl."""
        with self.engine.connect() as connection:
            row = connection.execute(select(snapshots).order_by(snapshots.c.id.desc()).limit(1)).first()
        if row is None:
            return None
        return Snapshot(row.id, row.source, row.taken_at, row.books, row.features_published_at)

    def source_of(self, snapshot_id: int) -> str | None:
        """Where that snapshot was taken; None if there never was one."""
        with self.engine.connect() as connection:
            return connection.execute(
                select(snapshots.c.source).where(snapshots.c.id == snapshot_id)
            ).scalar()

    def mark_features_published(self, snapshot_id: int, at: datetime) -> None:
        """Remember that the feature store holds this snapshot's rows, checked."""
        with self.engine.begin() as connection:
            connection.execute(
                update(snapshots).where(snapshots.c.id == snapshot_id).values(features_published_at=at)
            )

    def book(self, book_id: int) -> ListedBook:
        """The book with that id. Raises `NotFound` if it is not on offer."""
        with self.engine.connect() as connection:
            row = connection.execute(select(books).where(books.c.id == book_id)).first()
        if row is None:
            raise NotFound("book_id", f"no book has the id {book_id}")
        return _to_listed(row)

    def page(
        self, wanted: BookFilter, *, number: int, size: int, order: Order = "id"
    ) -> tuple[list[ListedBook], int]:
        """Page `number` (from 1) of the books that match, and how many match in all."""
        matching = select(books).where(*wanted.conditions())
        with self.engine.connect() as connection:
            total = connection.execute(_count(matching)).scalar_one()
            rows = connection.execute(
                matching.order_by(*_ORDERS[order]).limit(size).offset((number - 1) * size)
            ).all()
        return [_to_listed(row) for row in rows], total

    def all_books(self) -> list[ListedBook]:
        """Every book on offer, by id."""
        with self.engine.connect() as connection:
            return [_to_listed(row) for row in connection.execute(select(books).order_by(books.c.id))]

    def categories(self) -> list[CategoryStatistics]:
        """Every category on offer, by name."""
        query = select(
            books.c.category,
            func.count().label("titles"),
            func.avg(books.c.price_pence).label("average"),
            func.min(books.c.price_pence).label("low"),
            func.max(books.c.price_pence).label("high"),
            func.avg(books.c.rating).label("rating"),
            func.count().filter(books.c.stock > 0).label("in_stock"),
        ).group_by(books.c.category)
        with self.engine.connect() as connection:
            found = [
                CategoryStatistics(
                    name=row.category,
                    books=row.titles,
                    average_price=round(float(row.average) / 100, 2),
                    min_price=row.low / 100,
                    max_price=row.high / 100,
                    average_rating=round(float(row.rating), 2),
                    in_stock=row.in_stock,
                )
                for row in connection.execute(query)
            ]
        # Not by the database, each of which has an alphabet of its own.
        return sorted(found, key=lambda category: category.name)

    def overview(self) -> Overview:
        """Counts and averages over all books; every rating from 1 to 5 has its entry."""
        with self.engine.connect() as connection:
            total, price, rating = connection.execute(
                select(func.count(books.c.id), func.avg(books.c.price_pence), func.avg(books.c.rating))
            ).one()
            counted = connection.execute(
                select(books.c.rating, func.count().label("copies")).group_by(books.c.rating)
            ).all()
        stars = {row.rating: row.copies for row in counted}
        return Overview(
            total_books=total,
            average_price=None if price is None else round(float(price) / 100, 2),
            average_rating=None if rating is None else round(float(rating), 2),
            rating_distribution={number: stars.get(number, 0) for number in range(1, 6)},
        )


def _check_offer(offered: Iterable[Book]) -> None:
    seen: set[str] = set()
    for book in offered:
        if book.upc in seen:
            raise BookshelfError(f"upc {book.upc} occurs twice in one crawl: {book.title!r} at {book.url}")
        seen.add(book.upc)
    if not seen:
        raise BookshelfError("a crawl without a single book is not published")


def _count(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(query.subquery())


def _to_row(book: Book, book_id: int, snapshot_id: int) -> dict[str, Any]:
    row = asdict(book)
    price = row.pop("price_gbp")
    return row | {"id": book_id, "snapshot_id": snapshot_id, "price_pence": int(price * 100)}


def _to_listed(row: Row[Any]) -> ListedBook:
    values = dict(row._mapping)
    book_id, pence = values.pop("id"), values.pop("price_pence")
    del values["snapshot_id"]
    return ListedBook(book_id, Book(**values, price_gbp=Decimal(pence) / 100))


def now() -> datetime:
    """This moment, in UTC and whole microseconds: the resolution of every store we write to."""
    return datetime.now(UTC)
