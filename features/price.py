"""The price model: a book's fields to a price, with an interval, honest where the fields say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from features.price_boosted import Loss, StackedPrices
from features.price_columns import INPUTS, VECTOR, BookColumns, Rows, read_columns, require_columns
from features.price_intervals import ConformalIntervals, conformal_offsets
from features.price_linear import LinearPrices, variance_shares

Values = NDArray[np.float64]
Kind = Literal["median", "ridge", "blend"]

OUTPUTS = ("price", "low", "high")


class PriceRegressor(BaseEstimator):  # type: ignore[misc]
    """Prices by the median, by ridge regression, or by ridge regression and boosted trees together.

    `kind="median"` reads no feature: it answers the constant that is nearest to all prices, and the
    range of the prices themselves. `informative` is False for it, and True for the other kinds.
    `alpha` is ridge's strength, 1 being what the prices themselves ask for. `log_price` learns the logarithm,
    so that errors are shares of the price. `weights` are those of the `WAYS` in a blend, and `shares` as
    `variance_shares` gives them, for whoever has them already. Intervals come from residuals of rows left
    out in turn, `folds` times, editions of one book together.

    After `fit`: `inputs` are the columns that `predict` wants, `coverage` is the share of prices that
    intervals are made to hold, `categories` are those seen. `measured_coverage` is NaN until somebody
    measures it on rows that `fit` has not seen. Prices come out in the currency that went in, which
    `currency` names (ISO 4217).
    """

    currency: str = "GBP"
    #: Those of the versions that were registered before a model told its own.
    inputs: tuple[str, ...] = ("category", "rating", "stock", "availability", "title", "description")

    def __init__(
        self,
        kind: Kind = "median",
        *,
        log_price: bool = False,
        alpha: float = 1.0,
        weights: Sequence[float] = (0.0, 0.0, 1.0),
        shares: Mapping[str, float] | None = None,
        coverage: float = 0.9,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.log_price = log_price
        self.alpha = alpha
        self.weights = weights
        self.shares = shares
        self.coverage = coverage
        self.folds = folds
        self.seed = seed
        self.measured_coverage = float("nan")

    @property
    def informative(self) -> bool:
        """Whether the price depends on the book at all."""
        return bool(self.kind != "median")

    @property
    def reads_vectors(self) -> bool:
        """Whether `predict` wants the vectors of descriptions."""
        return VECTOR in self.inputs

    def fit(self, X: pd.DataFrame | BookColumns, y: Values, out_of_fold: Values | None = None) -> Self:
        """Learn from n books and their prices in one currency, 0 or more.

        `out_of_fold` are the prices (n,) that `self.out_of_fold(X, y)` gives, for whoever has them
        already. Raises `ValueError` for a missing column, fewer than two rows, or a price that is no number.
        """
        columns, y = _checked(X, y)
        self.categories = tuple(sorted(set(columns.category)))
        self.inputs = INPUTS
        if self.kind == "median":
            self.constant_ = float(np.median(y))
            self.low_offset_, self.high_offset_ = conformal_offsets(y - self.constant_, self.coverage)
            return self
        with _one_thread():
            scaled = self.to_scale(y)
            shares = self._shares(columns, scaled)
            if out_of_fold is None:
                centre = self._ways_out_of_fold(columns, scaled, shares) @ self.way_weights
            else:
                centre = self.to_scale(out_of_fold)
            self.learner_ = self._learner(shares).fit(columns, scaled)
            self.intervals_ = ConformalIntervals(self.coverage, self.seed)
            self.intervals_.fit(columns, centre, scaled - centre)
        if "vectors" in self.learner_.read:
            self.inputs = (*INPUTS, VECTOR)
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Price, low and high, one row a book, none below 0, low <= price <= high.

        Raises `ValueError` for a missing column. A category never seen counts as none.
        """
        require_columns(X, self.inputs)
        if X.empty:
            return pd.DataFrame({name: np.empty(0) for name in OUTPUTS}, index=X.index)
        if self.kind == "median":
            centre = np.full(len(X), self.constant_)
            below, above = np.full_like(centre, self.low_offset_), np.full_like(centre, self.high_offset_)
        else:
            columns = read_columns(X, self.inputs)
            with _one_thread():
                centre = _by_way(self.learner_, columns) @ self.way_weights
                below, above = self.intervals_.offsets(columns, centre)
        price = self.to_prices(centre)
        low = np.minimum(self.to_prices(centre + below), price)
        high = np.maximum(self.to_prices(centre + above), price)
        return pd.DataFrame(dict(zip(OUTPUTS, (price, low, high), strict=True)), index=X.index)

    def out_of_fold(self, X: pd.DataFrame | BookColumns, y: Values) -> Values:
        """Price (n,) of each book by a model that saw neither it nor another edition of it.

        Needs at least `folds` different books, as `GroupKFold` does.
        """
        columns, y = _checked(X, y)
        if self.kind != "median":
            return self.to_prices(self.ways_out_of_fold(columns, y) @ self.way_weights)
        predicted = np.empty(len(y))
        for seen, left_out in self._turns(columns):
            predicted[left_out] = np.median(y[seen])
        return predicted

    def ways_out_of_fold(self, X: pd.DataFrame | BookColumns, y: Values) -> Values:
        """As `out_of_fold`, by each way to a price on its own (n, ways), on the scale that is learned."""
        columns, y = _checked(X, y)
        with _one_thread():
            scaled = self.to_scale(y)
            # Found from all books, for a dozen numbers tell nothing of one.
            return self._ways_out_of_fold(columns, scaled, self._shares(columns, scaled))

    def to_scale(self, prices: Values) -> Values:
        """Prices on the scale that is learned."""
        return np.log1p(prices) if self.logarithmic else prices

    def to_prices(self, scaled: Values) -> Values:
        """Prices of 0 or more from the scale that is learned."""
        return np.maximum(np.expm1(scaled) if self.logarithmic else scaled, 0.0)

    @property
    def logarithmic(self) -> bool:
        """Whether the scale that is learned is that of logarithms."""
        return self.log_price and self.informative

    @property
    def way_weights(self) -> Values:
        """The weight of each way to a price, of which a linear model has one."""
        return np.array(self.weights if self.kind == "blend" else (1.0,))

    def _learner(self, shares: Mapping[str, float]) -> LinearPrices | StackedPrices:
        if self.kind == "ridge":
            return LinearPrices(shares, self.alpha)
        # What is nearest in logarithms is the mean of logarithms, and in amounts of money the median.
        loss: Loss = "squared_error" if self.log_price else "absolute_error"
        return StackedPrices(shares, alpha=self.alpha, loss=loss, seed=self.seed)

    def _shares(self, columns: BookColumns, scaled: Values) -> Mapping[str, float]:
        return self.shares or variance_shares(columns, scaled, self.seed)

    def _ways_out_of_fold(self, columns: BookColumns, scaled: Values, shares: Mapping[str, float]) -> Values:
        predicted = np.empty((len(scaled), len(self.way_weights)))
        for seen, left_out in self._turns(columns):
            learner = self._learner(shares).fit(columns.rows(seen), scaled[seen])
            predicted[left_out] = _by_way(learner, columns.rows(left_out))
        return predicted

    def _turns(self, columns: BookColumns) -> Iterator[tuple[Rows, Rows]]:
        splitter = GroupKFold(n_splits=self.folds, shuffle=True, random_state=self.seed)
        yield from splitter.split(columns.measures, groups=columns.editions)


def _by_way(learner: LinearPrices | StackedPrices, columns: BookColumns) -> Values:
    """Prices by each of the learner's ways (n, ways), of which a linear one has one."""
    return np.asarray(learner.predict(columns).reshape(len(columns), -1))


def _checked(X: pd.DataFrame | BookColumns, y: Values) -> tuple[BookColumns, Values]:
    columns = X if isinstance(X, BookColumns) else read_columns(X)
    y = np.asarray(y, dtype=np.float64)
    if len(y) < 2 or len(y) != len(columns):
        raise ValueError(f"two books at least, and a price for each, wanted; got {len(columns)} and {len(y)}")
    if not np.all(np.isfinite(y) & (y >= 0)):
        raise ValueError("prices must be numbers of 0 or more")
    return columns, y


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads cost more than they give on so few rows, and on a busy machine ten times as much."""
    with _thread_pools().limit(limits=1):
        yield


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()  # which looks through every loaded library: once is enough
