"""The parts of what is read off books as matrices, and what each contributes to a price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.price_columns import BookColumns

Values = NDArray[np.float64]
Matrix: TypeAlias = sparse.csr_matrix  # SciPy tells no types

LARGEST = 4.0  # numbers farther out, in spreads, count as so far


class Part(Protocol):
    """One part of `BookColumns`. `matrix` (n, k) is what weights are learned for; k may be 0."""

    def fit(self, part: Any, /) -> Self: ...

    def matrix(self, part: Any, /) -> Matrix: ...

    def weigh(self, weights: Values) -> None:
        """Take the weight (k,) of each column."""

    def contribution(self, part: Any, /) -> Values:
        """What the columns times their weights add up to (n,)."""


class Tokens:
    """How often each token is there. One that a single book has tells nothing of others and is left out."""

    def fit(self, part: Matrix) -> Self:
        self.size_ = part.shape[1]
        self.known_ = np.flatnonzero(_books_with(part) >= 2)
        return self

    def matrix(self, part: Matrix) -> Matrix:
        return part[:, self.known_]

    def weigh(self, weights: Values) -> None:
        # By place in the whole matrix: picking columns takes longer than multiplying by noughts.
        self.weights_ = _placed(weights, self.known_, self.size_)

    def contribution(self, part: Matrix) -> Values:
        return np.asarray(part @ self.weights_, dtype=np.float64)


class Words:
    """How often each word is there, weighted by how rare it is; each text a vector of unit length."""

    def fit(self, part: Matrix) -> Self:
        books = _books_with(part)
        self.known_ = np.flatnonzero(books >= 2)
        rarity = np.log((1 + part.shape[0]) / (1 + books[self.known_])) + 1
        self.rarity_ = _placed(rarity, self.known_, part.shape[1])
        return self

    def matrix(self, part: Matrix) -> Matrix:
        return self._unit(part)[:, self.known_]

    def weigh(self, weights: Values) -> None:
        self.weights_ = _placed(weights, self.known_, len(self.rarity_))

    def contribution(self, part: Matrix) -> Values:
        return np.asarray(self._unit(part) @ self.weights_, dtype=np.float64)

    def _unit(self, part: Matrix) -> Matrix:
        data = (1 + np.log(part.data)) * self.rarity_[part.indices]
        rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        lengths = np.sqrt(np.bincount(rows, weights=data**2, minlength=part.shape[0]))
        data = data / np.where(lengths > 0, lengths, 1)[rows]
        return sparse.csr_matrix((data, part.indices, part.indptr), shape=part.shape)


class Numbers:
    """Numbers around 0 with a spread of 1, 0 where not known, and beside each whether it is known.

    That a number is not given is told too: shops leave out what does not flatter.
    """

    def fit(self, part: Values) -> Self:
        known = np.isfinite(part)
        counts = np.maximum(known.sum(axis=0), 1)
        self.middle_ = np.where(known, part, 0).sum(axis=0) / counts
        spread = np.sqrt((np.where(known, part - self.middle_, 0) ** 2).sum(axis=0) / counts)
        self.spread_ = np.where(spread > 1e-9, spread, np.inf)
        return self

    def matrix(self, part: Values) -> Matrix:
        return sparse.csr_matrix(self._scaled(part))

    def weigh(self, weights: Values) -> None:
        self.weights_ = weights

    def contribution(self, part: Values) -> Values:
        return np.asarray(self._scaled(part) @ self.weights_, dtype=np.float64)

    def _scaled(self, part: Values) -> Values:
        known = np.isfinite(part)
        scaled = (np.where(known, part, self.middle_) - self.middle_) / self.spread_
        return np.hstack([scaled.clip(-LARGEST, LARGEST), known])


class Vectors:
    """Vectors as they are."""

    def fit(self, _part: NDArray[np.float32]) -> Self:
        return self

    def matrix(self, part: NDArray[np.float32]) -> Matrix:
        return sparse.csr_matrix(part.astype(np.float64))

    def weigh(self, weights: Values) -> None:
        self.weights_ = weights

    def contribution(self, part: NDArray[np.float32]) -> Values:
        return np.asarray(part @ self.weights_, dtype=np.float64)


def parts_of(columns: BookColumns) -> Iterator[tuple[str, Any]]:
    """Each part of n books by its name, always in the same order."""
    yield from columns.tokens.items()
    yield from columns.words.items()
    yield "measures", columns.measures
    if columns.vectors is not None:
        yield "vectors", columns.vectors


def part_named(name: str) -> Part:
    """A part of that name, not fitted."""
    kinds: dict[str, type[Part]] = {
        "title": Words,
        "description": Words,
        "measures": Numbers,
        "vectors": Vectors,
    }
    return kinds.get(name, Tokens)()


def _books_with(counts: Matrix) -> NDArray[np.int64]:
    return np.bincount(counts.indices, minlength=counts.shape[1])


def _placed(values: Values, places: NDArray[np.int64], size: int) -> Values:
    placed = np.zeros(size)
    placed[places] = values
    return placed
