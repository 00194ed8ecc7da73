"""Prices by boosted trees on top of the linear model, and all three ways to a price side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold

from features.price_columns import TOKENS, BookColumns
from features.price_linear import LinearPrices

Values = NDArray[np.float64]
Loss = Literal["squared_error", "absolute_error"]

#: The columns of what `StackedPrices` predicts: the sum of parts, trees that begin with nothing, and trees
#: that begin where the sum is wrong.
WAYS = ("linear", "trees", "corrected")

COUNTED = ("author", "genre", "publisher")
# Below every number that is measured, so that what is not known has a side of its own in every tree.
UNKNOWN = -9.0


class MeanPrices:
    """Mean price of the books with a token, drawn towards the mean of all where there are few."""

    def fit(self, counts: sparse.csr_matrix, y: Values) -> Self:
        books = np.asarray(counts.sum(axis=0)).ravel()
        sums = counts.T @ (y - y.mean())
        self.books_ = np.log1p(books)
        self.means_ = sums / (books + self._drawn(books, sums, float(y.var())))
        return self

    def transform(self, counts: sparse.csr_matrix) -> tuple[Values, Values]:
        """The mean (n,) over a book's tokens, 0 being that of all books, and how well known they are (n,)."""
        tokens = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
        return (counts @ self.means_) / tokens, (counts @ self.books_) / tokens

    @staticmethod
    def _drawn(books: Values, sums: Values, within: float) -> float:
        """How many books of the mean price are added to each token's own, by the method of moments."""
        several = books >= 2
        if not several.any() or within <= 0:
            return 1.0
        spread = np.sum(sums[several] ** 2 / books[several]) - several.sum() * within
        between = max(float(spread / books[several].sum()), within / 50)
        return float(np.clip((within - between) / between, 1, 50))


class Hints:
    """What trees are told of a book: what each part of it contributes, mean prices, and plain numbers."""

    def __init__(self, linear: LinearPrices) -> None:
        self.linear = linear

    def fit(self, columns: BookColumns, y: Values) -> Self:
        self.linear.fit(columns, y)
        self.means_ = {
            name: MeanPrices().fit(columns.tokens[name], y) for name in TOKENS if name in self.linear.read
        }
        return self

    def of(self, columns: BookColumns) -> Values:
        """A row a book; the first columns are those of `self.linear.contributions`."""
        told = [*self.linear.contributions(columns).T]
        for name, means in self.means_.items():
            mean, books = means.transform(columns.tokens[name])
            told += [mean, books] if name in COUNTED else [mean]
        return np.column_stack([*told, np.nan_to_num(columns.measures, nan=UNKNOWN)])

    def linear_prices(self, told: Values) -> Values:
        """The linear model's prices (n,), from what it told."""
        return np.asarray(self.linear.middle_ + told[:, : len(self.linear.read)].sum(axis=1))


class StackedPrices:
    """The linear model and boosted trees on its hints, in each of the `WAYS`.

    What trees are told of the books they learn from was learned without these books, in `folds` turns
    with all editions of a work together; otherwise they would trust it too much.
    """

    def __init__(
        self, shares: Mapping[str, float], *, alpha: float, loss: Loss, folds: int = 5, seed: int = 0
    ) -> None:
        self.shares = dict(shares)
        self.alpha = alpha
        self.loss = loss
        self.folds = folds
        self.seed = seed

    def fit(self, columns: BookColumns, y: Values) -> Self:
        """Learn from n books and their prices on whatever scale."""
        self.hints_ = self._hints().fit(columns, y)
        told = self._crosswise(columns, y)
        linear = self.hints_.linear_prices(told)
        self.middle_ = float(np.mean(y))
        self.trees_ = self._grown(told, y - self.middle_, steps=150, leaves=10)
        self.corrections_ = self._grown(told, y - linear, steps=120, leaves=8)
        return self

    def predict(self, columns: BookColumns) -> Values:
        """Prices (n, 3) by each of the `WAYS`, on the scale that was learned."""
        told = self.hints_.of(columns)
        linear = self.hints_.linear_prices(told)
        trees = self.middle_ + self.trees_.predict(told)
        return np.column_stack([linear, trees, linear + self.corrections_.predict(told)])

    @property
    def read(self) -> tuple[str, ...]:
        """The parts that explain enough to be read."""
        return self._hints().linear.read

    def _hints(self) -> Hints:
        return Hints(LinearPrices(self.shares, self.alpha))

    def _crosswise(self, columns: BookColumns, y: Values) -> Values:
        told = self.hints_.of(columns)
        turns = min(self.folds, len(set(columns.editions)))
        if turns < 2:
            return told
        splitter = GroupKFold(turns, shuffle=True, random_state=self.seed)
        for seen, left_out in splitter.split(y, groups=columns.editions):
            told[left_out] = self._hints().fit(columns.rows(seen), y[seen]).of(columns.rows(left_out))
        return told

    def _grown(self, told: Values, y: Values, *, steps: int, leaves: int) -> HistGradientBoostingRegressor:
        trees = HistGradientBoostingRegressor(
            loss=self.loss,
            learning_rate=0.04,
            max_iter=steps,
            max_leaf_nodes=leaves,
            l2_regularization=5.0,
            max_features=0.4,
            early_stopping=False,
            random_state=self.seed,
        )
        return trees.fit(told, y)
