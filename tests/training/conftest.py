"""Training sets of invented books, whose prices follow a pattern or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features.schema import PRICE_SERVICE, SERVICES
from training.dataset import TrainingSet, content_hash

#: `books_on_sale(n, seed, patterned)`: with a pattern, category, stars and the word `leather` make the price.
BooksOnSale = Callable[[int, int, bool], TrainingSet]

_WORDS = ("dragon", "castle", "river", "night", "love", "murder", "garden", "ocean", "stone", "letter")


@pytest.fixture
def books_on_sale() -> BooksOnSale:
    return _books_on_sale


def _books_on_sale(n: int, seed: int, patterned: bool) -> TrainingSet:
    chance = np.random.default_rng(seed)
    category, rating = chance.integers(8, size=n), chance.integers(1, 6, size=n)
    leather, stock = chance.random(n) < 0.3, chance.integers(0, 20, size=n)
    patterned_price = 12 + 3.0 * category + 2.0 * rating + 9.0 * leather + chance.normal(0, 2, size=n)
    price = patterned_price if patterned else chance.uniform(10, 60, size=n)
    frame = pd.DataFrame(
        {
            "title": [f"Book {seed} {place}" for place in range(n)],
            "category": [f"Category {place}" for place in category],
            "rating": rating.astype("float64"),
            "stock": stock.astype("float64"),
            "availability": np.where(stock > 0, "In stock", "Out of stock").astype(object),
            "description": [
                " ".join(chance.choice(_WORDS, size=30)) + " leather" * int(bound) for bound in leather
            ],
            "title_words": np.full(n, 3, dtype="int64"),
            "description_words": 30 + leather.astype("int64"),
            **dict.fromkeys(("author", "publisher", "binding", "language", "genre"), ""),
            **dict.fromkeys(("year", "reviews"), np.nan),
            "embedding": list(_vectors(leather, seed)),
            "price": price.round(2).clip(0.01),
            "currency": np.full(n, "GBP", dtype=object),
        }
    )
    columns = [name for view in SERVICES[PRICE_SERVICE].values() for name in view]
    frame, book_ids = frame[columns], tuple(range(1, n + 1))
    return TrainingSet(
        frame=frame,
        book_ids=book_ids,
        sha256=content_hash(frame, book_ids),
        service=PRICE_SERVICE,
        as_of=datetime(2026, 3, 2, tzinfo=UTC),
        snapshot_id=7,
        sources=("shop",) * n,
    )


def _vectors(leather: NDArray[np.bool_], seed: int) -> NDArray[np.float32]:
    """Unit vectors that tell no more than the texts do."""
    drawn = np.random.default_rng(seed).normal(size=(len(leather), 8))
    drawn[:, 0] += 2.0 * leather
    unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit.astype(np.float32)
