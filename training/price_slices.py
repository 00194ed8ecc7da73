"""The price model on parts of the held-out books: by category, by price, with text and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import schema
from features.price_intervals import LARGE_CATEGORY
from training import metrics
from training.yardstick import Yardstick

Values = NDArray[np.float64]
Chosen = NDArray[np.bool_]

_BANDS = 5
_FEWEST_BOOKS = 5


def price_slices(
    held_out: pd.DataFrame, predicted: pd.DataFrame, median: Values, yardstick: Yardstick
) -> pd.DataFrame:
    """A row a slice of five held-out books or more, the largest category first: its books, the mean absolute
    error beside the median's, the skill (share of the median's loss that is saved), the share of prices
    inside their interval and the intervals' mean width."""
    true = held_out[schema.LABEL].to_numpy(dtype=np.float64)
    rows = [
        {"by": by, "slice": name, **_measured(true[chosen], predicted[chosen], median[chosen], yardstick)}
        for by, name, chosen in _slices(held_out, true)
        if chosen.sum() >= _FEWEST_BOOKS
    ]
    return pd.DataFrame(rows)


def category_coverage(slices: pd.DataFrame) -> dict[str, float]:
    """Share of prices inside their interval of each category with so many held-out books.

    By the name it is logged under.
    """
    if slices.empty:
        return {}
    large = slices[(slices["by"] == "category") & (slices["books"] >= LARGE_CATEGORY)]
    return {
        f"coverage_{logged(name)}": float(held)
        for name, held in zip(large["slice"], large["coverage"], strict=True)
    }


def _slices(held_out: pd.DataFrame, true: Values) -> Iterator[tuple[str, str, Chosen]]:
    for name in held_out["category"].value_counts().index:
        yield "category", str(name), (held_out["category"] == name).to_numpy()
    edges = np.unique(np.quantile(true, np.linspace(0, 1, _BANDS + 1)))
    for low, high in pairwise(edges):
        last = high == edges[-1]
        chosen = (true >= low) & ((true <= high) if last else (true < high))
        yield "price", f"{low:g} to {high:g}", chosen
    told = (held_out["description"] != "").to_numpy()
    yield "text", "with a description", told
    yield "text", "without a description", ~told


def _measured(
    true: Values, predicted: pd.DataFrame, median: Values, yardstick: Yardstick
) -> dict[str, float]:
    price, low, high = (predicted[name].to_numpy() for name in ("price", "low", "high"))
    lost, by_median = yardstick.losses(true, price).mean(), yardstick.losses(true, median).mean()
    return {
        "books": len(true),
        "mae": metrics.mean_absolute_error(true, price),
        "baseline_mae": metrics.mean_absolute_error(true, median),
        "skill": float(1 - lost / by_median) if by_median > 0 else 0.0,
        "coverage": metrics.coverage(true, low, high),
        "interval_width": float(np.mean(high - low)),
    }


def logged(name: str) -> str:
    """A category as MLflow takes it in the name of a metric."""
    # It takes slashes as well, but where one ends a name or follows another.
    return " ".join(re.sub(r"[^\w\- .]+", " ", name).split()) or "unnamed"
