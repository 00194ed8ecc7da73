"""Conformal intervals: as wide as errors of books left out were, wider for books that are harder to tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import GroupKFold

from features.price_columns import BookColumns
from features.price_linear import LinearPrices, variance_shares

Values = NDArray[np.float64]

# Of fewer books it cannot be told which are harder.
_FEWEST_TO_SCALE = 200
FURTHEST = 3.0  # times as hard, or as easy, as the middle book, at most
# A category of so many books has half a say in the width of its own intervals.
_HALF_A_SAY = 100
#: A category of so many books has bounds of its own, and its share of prices inside them is measured.
LARGE_CATEGORY = 50
_TURNS = 5


class ConformalIntervals:
    """Offsets from a price that hold the truth in a share of `coverage` of the books, on the scale of both.

    Residuals are first divided by how large they are expected to be, as far as that can be told from the
    book; then their outer ranks are taken, overall and, as far as it is large, of the book's category.
    """

    def __init__(self, coverage: float, seed: int = 0) -> None:
        self.coverage = coverage
        self.seed = seed

    def fit(self, columns: BookColumns, centre: Values, residuals: Values) -> Self:
        """Learn from n prices made without their own book, and the truths less these prices."""
        self.scaled_ = len(residuals) >= _FEWEST_TO_SCALE and bool(np.ptp(residuals) > 0)
        expected = np.ones(len(residuals))
        if self.scaled_:
            expected = self._learn_sizes(_beside(columns, centre), residuals)
        ratios = residuals / expected
        self.low_, self.high_ = conformal_offsets(ratios, self.coverage)
        self.own_ = {
            name: self._own(ratios[columns.category == name])
            for name, books in Counter(columns.category).items()
            if books >= LARGE_CATEGORY
        }
        return self

    def offsets(self, columns: BookColumns, centre: Values) -> tuple[Values, Values]:
        """Low and high offset (n,) from the price of each book."""
        expected = (
            self._sizes(self.sizes_, _beside(columns, centre)) if self.scaled_ else np.ones(len(centre))
        )
        bounds = np.array([self.own_.get(name, (self.low_, self.high_)) for name in columns.category])
        return bounds[:, 0] * expected, bounds[:, 1] * expected

    def _own(self, ratios: Values) -> tuple[float, float]:
        """Bounds of a category, between its own and those of all books."""
        say = len(ratios) / (len(ratios) + _HALF_A_SAY)
        low, high = conformal_offsets(ratios, self.coverage)
        return say * low + (1 - say) * self.low_, say * high + (1 - say) * self.high_

    def _learn_sizes(self, columns: BookColumns, residuals: Values) -> Values:
        """Expected size of each residual, by what is known without it."""
        floor = max(0.05 * float(np.median(np.abs(residuals))), np.finfo(np.float64).tiny)
        logarithms = np.log(np.maximum(np.abs(residuals), floor))
        shares = variance_shares(columns, logarithms, self.seed)
        self.sizes_ = LinearPrices(shares).fit(columns, logarithms)
        found = self._sizes(self.sizes_, columns)
        splitter = GroupKFold(min(_TURNS, len(set(columns.editions))), shuffle=True, random_state=self.seed)
        for seen, left_out in splitter.split(logarithms, groups=columns.editions):
            without = LinearPrices(shares).fit(columns.rows(seen), logarithms[seen])
            found[left_out] = self._sizes(without, columns.rows(left_out))
        return found

    @staticmethod
    def _sizes(model: LinearPrices, columns: BookColumns) -> Values:
        furthest = np.log(FURTHEST)
        return np.exp(model.middle_ + (model.predict(columns) - model.middle_).clip(-furthest, furthest))


def conformal_offsets(residuals: Values, coverage: float) -> tuple[float, float]:
    """Low and high offsets that hold a new residual with at least that probability.

    They are the residuals of rank (n + 1)(1 - coverage) / 2 from either end, which holds for any
    distribution. Where there are too few residuals for such a rank (18 for 0.9), they reach as far as
    Student's t says for bell-shaped ones, and at least to the outermost. Needs two residuals.
    """
    ordered = np.sort(residuals)
    n = len(ordered)
    rank = int(np.floor((n + 1) * (1 - coverage) / 2 + 1e-9))
    if rank >= 1:
        return float(ordered[rank - 1]), float(ordered[n - rank])
    reach = stats.t.ppf((1 + coverage) / 2, n - 1) * np.std(ordered, ddof=1) * np.sqrt(1 + 1 / n)
    middle = float(np.mean(ordered))
    return min(float(ordered[0]), middle - reach), max(float(ordered[-1]), middle + reach)


def _beside(columns: BookColumns, centre: Values) -> BookColumns:
    """The books without their texts, with their prices among the numbers: what errors may hang on."""
    words = {name: counts[:, :0] for name, counts in columns.words.items()}
    return replace(columns, words=words, vectors=None, measures=np.column_stack([columns.measures, centre]))
