"""The price model: a book's fields to a price, with an interval, honest where the fields say nothing."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

from features import price_pipelines as pipelines
from features.similarity import work_keys

Values = NDArray[np.float64]
Kind = Literal["median", "ridge", "boosting"]

#: Columns that `fit` and `predict` read: rating and stock are numbers, NaN where unknown, the rest text.
INPUTS = ("category", "rating", "stock", "availability", "title", "description")
OUTPUTS = ("price", "low", "high")


class PriceRegressor(BaseEstimator):  # type: ignore[misc]
    """Prices by the median, by ridge regression, or by boosted trees.

    `kind="median"` reads no feature: it answers the constant that is nearest to all prices, and the
    range of the prices themselves. `informative` is False for it, and True for the other kinds.
    `alpha` is ridge's strength. `log_price` learns the logarithm, so that errors are shares of the price.
    Intervals come from residuals of rows left out in turn, `folds` times, books of one work together.

    After `fit`: `coverage` is the share of prices that intervals are made to hold, `categories` are
    those seen. `measured_coverage` is NaN until somebody measures it on rows that `fit` has not seen.
    Prices come out in the currency that went in, which `currency` names (ISO 4217).
    """

    currency: str = "GBP"

    def __init__(
        self,
        kind: Kind = "median",
        *,
        log_price: bool = False,
        alpha: float = 1.0,
        coverage: float = 0.9,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.log_price = log_price
        self.alpha = alpha
        self.coverage = coverage
        self.folds = folds
        self.seed = seed
        self.measured_coverage = float("nan")

    @property
    def informative(self) -> bool:
        """Whether the price depends on the book at all."""
        return bool(self.kind != "median")

    def fit(self, X: pd.DataFrame, y: Values, out_of_fold: Values | None = None) -> Self:
        """Learn from n books and their prices in one currency, 0 or more.

        `out_of_fold` are the prices (n,) that `self.out_of_fold(X, y)` gives, for whoever has them
        already. Raises `ValueError` for a missing column, fewer than two rows, or a price that is no number.
        """
        y = _checked(X, y)
        self.categories = tuple(sorted(set(pipelines.texts(X, "category"))))
        if self.kind == "median":
            self.constant_ = float(np.median(y))
            offsets = y - self.constant_
        else:
            left_out = self.out_of_fold(X, y) if out_of_fold is None else out_of_fold
            offsets = self._to_scale(y) - self._to_scale(left_out)
            self.pipeline_ = self._fitted_pipeline(pipelines.design(X), y)
        self.low_offset_, self.high_offset_ = conformal_offsets(offsets, self.coverage)
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Price, low and high, one row a book, none below 0, low <= price <= high.

        Raises `ValueError` for a missing column. A category never seen counts as none.
        """
        _require_columns(X)
        centre = self._centre(X)
        price = self._to_prices(centre)
        low = np.minimum(self._to_prices(centre + self.low_offset_), price)
        high = np.maximum(self._to_prices(centre + self.high_offset_), price)
        return pd.DataFrame(dict(zip(OUTPUTS, (price, low, high), strict=True)), index=X.index)

    def out_of_fold(self, X: pd.DataFrame, y: Values) -> Values:
        """Price (n,) of each book by a model that saw neither it nor another edition of it.

        Needs at least `folds` different works, as `GroupKFold` does.
        """
        y = _checked(X, y)
        design, predicted = pipelines.design(X), np.empty(len(y))
        splitter = GroupKFold(n_splits=self.folds, shuffle=True, random_state=self.seed)
        for seen, left_out in splitter.split(X, y, groups=work_keys(pipelines.texts(X, "title"))):
            if self.kind == "median":
                predicted[left_out] = np.median(y[seen])
            else:
                pipeline = self._fitted_pipeline(design.iloc[seen], y[seen])
                predicted[left_out] = self._to_prices(pipelines.predicted(pipeline, design.iloc[left_out]))
        return predicted

    def _centre(self, X: pd.DataFrame) -> Values:
        if self.kind == "median":
            return self._to_scale(np.full(len(X), self.constant_))
        return pipelines.predicted(self.pipeline_, pipelines.design(X))

    def _fitted_pipeline(self, design: pd.DataFrame, y: Values) -> Pipeline:
        chosen = pipelines.ridge(self.alpha) if self.kind == "ridge" else pipelines.boosting(self.seed)
        return pipelines.fitted(chosen, design, self._to_scale(y))

    def _to_scale(self, prices: Values) -> Values:
        return np.log1p(prices) if self._logarithmic else prices

    def _to_prices(self, scaled: Values) -> Values:
        return np.maximum(np.expm1(scaled) if self._logarithmic else scaled, 0.0)

    @property
    def _logarithmic(self) -> bool:
        return self.log_price and self.informative


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


def _checked(X: pd.DataFrame, y: Values) -> Values:
    _require_columns(X)
    y = np.asarray(y, dtype=np.float64)
    if len(y) < 2 or len(y) != len(X):
        raise ValueError(f"two books at least, and a price for each, wanted; got {len(X)} and {len(y)}")
    if not np.all(np.isfinite(y) & (y >= 0)):
        raise ValueError("prices must be numbers of 0 or more")
    return y


def _require_columns(X: pd.DataFrame) -> None:
    if missing := [name for name in INPUTS if name not in X.columns]:
        raise ValueError(f"columns missing: {', '.join(missing)}")
