"""Generated books, as many as wanted, that lie in clumps as books do: in vectors, words, authors, shelves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.recommender import BookRecommender
from features.respects import Vectors, unit

WIDTH = 384
CLUMPS = 2_000
_LEAST_CLUMP = 50  # books, where there are few
# Embeddings of texts fill few of their dimensions and lie in clumps; vectors drawn at random do neither.
_INNER, _SPREAD, _NOISE = 32, 0.6, 0.02
_BLOCK = 50_000

_SHELVES = 50
_BOOKS_AN_AUTHOR = 5
_WORDS, _WORDS_A_CLUMP = 60_000, 40
_WORDS_A_BOOK, _OWN_WORDS = 25, 12
_SEED = 0


@dataclass(frozen=True)
class ManyBooks:
    """Books with what a recommender reads of them, and unit vectors (n, 384)."""

    books: pd.DataFrame
    vectors: Vectors

    def recommender(self) -> BookRecommender:
        """Every one of them indexed, by the weights that are given before any is learnt."""
        return BookRecommender().fit(self.books, self.vectors)


def many_books(n: int) -> ManyBooks:
    """The same n books on every machine.

    A book is of one of 2,000 clumps, of fewer where they would hold less than fifty. Its vector is that
    clump's centre and 0.6 times as much of its own in 32 of 384 dimensions, with a little noise in all; of
    its 25 words 12 are of its clump's 40, the others of 60,000 by Zipf's law; its author wrote about five
    books of the clump; its shelf holds 40 clumps.
    """
    chance = np.random.default_rng(_SEED)
    clumps = min(CLUMPS, n // _LEAST_CLUMP)
    clump = chance.integers(clumps, size=n)
    author = clump + clumps * chance.integers(max(1, n // (clumps * _BOOKS_AN_AUTHOR)), size=n)
    books = pd.DataFrame(
        {
            "book_id": np.arange(1, n + 1),
            "title": [f"Volume{row}" for row in range(n)],
            "category": [f"Shelf {shelf}" for shelf in clump % _SHELVES],
            "description": _descriptions(clump, chance),
            "author": [f"Writer N{number}" for number in author],
        }
    )
    return ManyBooks(books, _vectors(clump, chance))


def _vectors(clump: NDArray[np.int64], chance: np.random.Generator) -> Vectors:
    centres = chance.standard_normal((CLUMPS, _INNER), dtype=np.float32)
    turned = np.linalg.qr(chance.normal(size=(WIDTH, _INNER)))[0].T.astype(np.float32)
    found = np.empty((len(clump), WIDTH), dtype=np.float32)
    for start in range(0, len(clump), _BLOCK):
        own = centres[clump[start : start + _BLOCK]]
        own += _SPREAD * chance.standard_normal(own.shape, dtype=np.float32)
        noise = _NOISE * chance.standard_normal((len(own), WIDTH), dtype=np.float32)
        found[start : start + _BLOCK] = unit(own @ turned + noise)
    return found


def _descriptions(clump: NDArray[np.int64], chance: np.random.Generator) -> list[str]:
    often = 1 / np.arange(1, _WORDS + 1)
    bounds = np.cumsum(often / often.sum())
    names = np.array([f"word{number}" for number in range(_WORDS)], dtype=object)
    of_clump = chance.integers(_WORDS, size=(CLUMPS, _WORDS_A_CLUMP))
    own = of_clump[clump[:, None], chance.integers(_WORDS_A_CLUMP, size=(len(clump), _OWN_WORDS))]
    common = np.searchsorted(bounds, chance.random((len(clump), _WORDS_A_BOOK - _OWN_WORDS)), "right")
    words = np.hstack([own, np.minimum(common, _WORDS - 1)])
    return [" ".join(names[row]) for row in words]
