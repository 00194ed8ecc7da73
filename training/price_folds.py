"""The chosen recipe over all books, each left out in turn: the score that competitions use, and coverage."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from features.price import PriceRegressor
from features.price_columns import BookColumns, read_columns
from features.price_intervals import LARGE_CATEGORY, ConformalIntervals
from training import metrics
from training.price_slices import logged
from training.price_verdict import prices_of

Values = NDArray[np.float64]


def over_all_books(model: PriceRegressor, rows: pd.DataFrame) -> dict[str, float]:
    """`cv_log_score` and `cv_coverage` over all rows, each left out in turn with its other editions, the
    score beside the median's, the coverage also of each large category (`cv_coverage_<category>`).

    The recipe is the one that the training rows have chosen. Nothing where there are fewer books than folds.
    """
    books, prices = read_columns(rows), prices_of(rows)
    if len(set(books.editions)) < model.folds:
        return {}
    median = PriceRegressor("median", folds=model.folds, seed=model.seed)
    found = model.out_of_fold(books, prices)
    scores = {
        "cv_log_score": metrics.log_score(prices, found),
        "baseline_cv_log_score": metrics.log_score(prices, median.out_of_fold(books, prices)),
    }
    if not model.informative:
        return scores
    inside = _inside(model, books, prices, found)
    large = [name for name, count in Counter(books.category).items() if count >= LARGE_CATEGORY]
    by_category = {
        f"cv_coverage_{logged(name)}": float(np.mean(inside[books.category == name])) for name in large
    }
    return scores | {"cv_coverage": float(np.mean(inside))} | by_category


def _inside(model: PriceRegressor, books: BookColumns, prices: Values, found: Values) -> NDArray[np.bool_]:
    """Whether each price (n,) lies in an interval that was made without it."""
    true, centre = model.to_scale(prices), model.to_scale(found)
    inside = np.empty(len(true), dtype=np.bool_)
    splitter = GroupKFold(model.folds, shuffle=True, random_state=model.seed + 1)
    for seen, left_out in splitter.split(centre, groups=books.editions):
        intervals = ConformalIntervals(model.coverage, model.seed)
        intervals.fit(books.rows(seen), centre[seen], (true - centre)[seen])
        low, high = intervals.offsets(books.rows(left_out), centre[left_out])
        inside[left_out] = (low <= (true - centre)[left_out]) & ((true - centre)[left_out] <= high)
    return inside
