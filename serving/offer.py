"""Which books are on offer now, as the catalogue says; asked of it at most once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.book import IN_STOCK
from bookshelf.catalogue import Catalogue, on_offer
from bookshelf.contracts import RecommendationFilters
from bookshelf.database import reading
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.snapshots import Snapshot
from bookshelf.tables import versions

log = logging.getLogger(__name__)

_ASK_AGAIN = 1.0  # seconds
_OFFERED = (
    versions.c.book_id,
    versions.c.price_hundredths,
    func.coalesce(or_(versions.c.stock > 0, versions.c.availability == IN_STOCK), False),
    versions.c.category,
    versions.c.source,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """The books on offer at one snapshot of the catalogue, by ascending id, and what may be filtered by.

    Names are numbered in the order of `category_names` and `source_names`; categories are folded in case.
    Prices are in each book's own currency.
    """

    snapshot_id: int
    revision: int
    book_ids: NDArray[np.int64]
    prices: NDArray[np.float64]
    in_stock: NDArray[np.bool_]
    categories: NDArray[np.int64]
    sources: NDArray[np.int64]
    category_names: Sequence[str]
    source_names: Sequence[str]

    @classmethod
    def of(cls, snapshot_id: int, revision: int, rows: Sequence[Row[Any]]) -> Offer:
        """Of rows as `_OFFERED` names them."""
        ids, hundredths, stock, categories, sources = zip(*rows, strict=True) if rows else [()] * 5
        category_names, category_codes = np.unique([_folded(one) for one in categories], return_inverse=True)
        source_names, source_codes = np.unique(sources, return_inverse=True)
        return cls(
            snapshot_id=snapshot_id,
            revision=revision,
            book_ids=np.array(ids, dtype=np.int64),
            prices=np.array(hundredths, dtype=np.float64) / 100,
            in_stock=np.array(stock, dtype=bool),
            categories=category_codes.astype(np.int64),
            sources=source_codes.astype(np.int64),
            category_names=[str(name) for name in category_names],
            source_names=[str(name) for name in source_names],
        )

    def check(self, filters: RecommendationFilters) -> None:
        """Raises `NotFound` for a category or a source of no book on offer: a slip, and no empty shelf."""
        category, source = filters.category, filters.source
        if category is not None and _number(self.category_names, _folded(category)) < 0:
            raise NotFound("filters.category", f"no book on offer is in the category {category!r}")
        if source is not None and _number(self.source_names, source) < 0:
            raise NotFound("filters.source", f"no book on offer is from the source {source!r}")

    def passing(self, filters: RecommendationFilters) -> NDArray[np.bool_]:
        """Which of the books (n,) get through; one whose stock is not known is not in stock."""
        passing = np.ones(len(self.book_ids), dtype=bool)
        if filters.category is not None:
            passing &= self.categories == _number(self.category_names, _folded(filters.category))
        if filters.source is not None:
            passing &= self.sources == _number(self.source_names, filters.source)
        if filters.min_price is not None:
            passing &= self.prices >= filters.min_price
        if filters.max_price is not None:
            passing &= self.prices <= filters.max_price
        if filters.in_stock is not None:
            passing &= self.in_stock == filters.in_stock
        return passing

    def places_of(self, book_ids: NDArray[np.int64]) -> Places:
        """Where books of an index stand in this offer."""
        places = np.searchsorted(self.book_ids, book_ids).clip(max=max(len(self.book_ids) - 1, 0))
        if not len(self.book_ids):
            return Places(self, places, np.zeros(len(book_ids), dtype=bool))
        return Places(self, places, self.book_ids[places] == book_ids)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the books of an index stand in an offer (n,), and which of them are on offer at all."""

    offer: Offer
    places: NDArray[np.int64]
    offered: NDArray[np.bool_]

    def passing(self, filters: RecommendationFilters) -> NDArray[np.bool_]:
        """Which rows (n,) of the index are on offer and get through the filters."""
        if not self.offered.any():
            return self.offered
        return self.offered & self.offer.passing(filters)[self.places]


class OnOffer:
    """The offer of the newest revision; of an earlier one for as long as the catalogue cannot be read."""

    def __init__(self, open_catalogue: Callable[[], Catalogue]) -> None:
        self._open_catalogue = open_catalogue
        self._known: Offer | None = None
        self._asked_at = -_ASK_AGAIN

    async def now(self) -> Offer | None:
        """What is on offer; None where that was never known, or nothing was ever published."""
        if time.monotonic() - self._asked_at >= _ASK_AGAIN:
            if self._known is not None:
                self._asked_at = time.monotonic()  # the others need not ask too, nor wait for the answer
            self._known = await asyncio.to_thread(self._read)
            self._asked_at = time.monotonic()
        return self._known

    def of_snapshot(self, snapshot_id: int) -> Offer:
        """What was on offer when that snapshot was the newest.

        Raises `ModelUnavailable` if the catalogue cannot be read, `NotFound` if it has no such snapshot.
        """
        try:
            catalogue = self._open_catalogue()
            return _offer_of(catalogue, catalogue.snapshots.get(snapshot_id))
        except SQLAlchemyError as error:
            raise ModelUnavailable(f"the catalogue cannot be read: {type(error).__name__}") from error

    def _read(self) -> Offer | None:
        try:
            catalogue = self._open_catalogue()
            snapshot = catalogue.snapshot()
            if snapshot is None or snapshot.revision is None:
                return None
            if self._known is not None and self._known.revision == snapshot.revision:
                return self._known
            return _offer_of(catalogue, snapshot)
        except SQLAlchemyError as error:
            log.warning("the catalogue cannot be read, books that left are not known: %s", error)
            return self._known


def _offer_of(catalogue: Catalogue, snapshot: Snapshot) -> Offer:
    assert snapshot.revision is not None  # it was published
    offered = select(*_OFFERED).where(on_offer(snapshot.published_at)).order_by(versions.c.book_id)
    with reading(catalogue.engine) as connection:
        rows = connection.execute(offered).all()
    return Offer.of(snapshot.id, snapshot.revision, rows)


def _folded(category: str) -> str:
    return category.strip().casefold()


def _number(names: Sequence[str], name: str) -> int:
    """The number of a name, -1 if no book has it."""
    return names.index(name) if name in names else -1
