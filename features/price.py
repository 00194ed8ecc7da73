"""The price model: from a book's fields to pounds, with an interval, and honest where the fields say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from bookshelf.book import IN_STOCK
from features.text import count_words

Values = NDArray[np.float64]
Kind = Literal["median", "ridge", "boosting"]

#: Columns that `fit` and `predict` read: rating and stock are numbers, NaN where unknown, the rest text.
INPUTS = ("category", "rating", "stock", "availability", "title", "description")
OUTPUTS = ("price", "low", "high")

_NUMBERS = ["rating", "stock", "in_stock", "title_words", "description_words"]
_NOT_IN_A_TITLE = re.compile(r"[\W_]+")


class PriceRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Prices in pounds by the median, by ridge regression, or by boosted trees.

    `kind="median"` reads no feature: it answers the constant that is nearest to all prices, and the
    range of the prices themselves. `informative` is False for it, and True for the other kinds.
    `alpha` is ridge's strength. `log_price` learns the logarithm, so that errors are shares of the price.
    Intervals come from residuals of rows left out in turn, `folds` times, books of one title together.

    After `fit`: `coverage` is the share of prices that intervals are made to hold, `categories` are
    those seen. `measured_coverage` is NaN until somebody measures it on rows that `fit` has not seen.
    """

    def __init__(
        self,
        kind: Kind = "median",
        *,
        log_price: bool = False,
        alpha: float = 3.0,
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
        """Learn from n books and their prices in pounds, 0 or more.

        `out_of_fold` are the prices (n,) that `self.out_of_fold(X, y)` gives, for whoever has them
        already. Raises `ValueError` for a missing column, no rows, or a price that is no number.
        """
        y = _checked(X, y)
        self.categories = tuple(sorted(set(_text(X, "category"))))
        if self.kind == "median":
            self.constant_ = float(np.median(y))
            offsets = y - self.constant_
        else:
            left_out = self.out_of_fold(X, y) if out_of_fold is None else out_of_fold
            offsets = self._to_scale(y) - self._to_scale(left_out)
            self.pipeline_ = self._fitted_pipeline(X, y)
        self.low_offset_, self.high_offset_ = conformal_offsets(offsets, self.coverage)
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Price, low and high in pounds, one row a book, none below 0, low <= price <= high.

        Raises `ValueError` for a missing column. A category never seen counts as none.
        """
        _require_columns(X)
        centre = self._centre(X)
        price = self._to_pounds(centre)
        low = np.minimum(self._to_pounds(centre + self.low_offset_), price)
        high = np.maximum(self._to_pounds(centre + self.high_offset_), price)
        return pd.DataFrame(dict(zip(OUTPUTS, (price, low, high), strict=True)), index=X.index)

    def out_of_fold(self, X: pd.DataFrame, y: Values) -> Values:
        """Price (n,) of each book by a model that saw neither it nor another book of its title.

        Needs at least `folds` different titles, as `GroupKFold` does.
        """
        y = _checked(X, y)
        predicted = np.empty(len(y))
        splitter = GroupKFold(n_splits=self.folds, shuffle=True, random_state=self.seed)
        for seen, left_out in splitter.split(X, y, groups=title_keys(_text(X, "title"))):
            if self.kind == "median":
                predicted[left_out] = np.median(y[seen])
            else:
                pipeline = self._fitted_pipeline(X.iloc[seen], y[seen])
                predicted[left_out] = self._to_pounds(pipeline.predict(_design(X.iloc[left_out])))
        return predicted

    def _centre(self, X: pd.DataFrame) -> Values:
        if self.kind == "median":
            return self._to_scale(np.full(len(X), self.constant_))
        return np.asarray(self.pipeline_.predict(_design(X)), dtype=np.float64)

    def _fitted_pipeline(self, X: pd.DataFrame, y: Values) -> Pipeline:
        pipeline = _PIPELINES[self.kind](self)
        with np.errstate(invalid="ignore", divide="ignore"):  # SVD's share of no variance: books without text
            return pipeline.fit(_design(X), self._to_scale(y))

    def _to_scale(self, pounds: Values) -> Values:
        return np.log1p(pounds) if self._logarithmic else pounds

    def _to_pounds(self, scaled: Values) -> Values:
        return np.maximum(np.expm1(scaled) if self._logarithmic else scaled, 0.0)

    @property
    def _logarithmic(self) -> bool:
        return self.log_price and self.informative
