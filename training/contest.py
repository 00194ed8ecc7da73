"""Which model of prices is best, and whether it knows more than the median does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from features.price import PriceRegressor
from features.price_columns import BookColumns
from features.price_linear import variance_shares
from training.metrics import mean_absolute_error
from training.skill import RULE, Skill, skill_of
from training.yardstick import Yardstick

Values = NDArray[np.float64]
#: A `PriceRegressor` of that kind and those parameters.
AModel = Callable[..., PriceRegressor]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate with its price for each training row (n,), made without the row; `error` is by the
    yardstick, `mae` in the unit of the prices."""

    name: str
    model: PriceRegressor
    prices: Values
    error: float
    mae: float


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Candidates, best first, against the median, on the same rows left out in turn.

    `skill` is the best one's; None where there were too few books to try. `reason` is the outcome in a
    sentence.
    """

    true: Values
    yardstick: Yardstick
    median: Entry | None
    entries: tuple[Entry, ...]
    skill: Skill | None
    reason: str

    @property
    def informative(self) -> bool:
        return self.skill is not None and self.skill.counts

    def metrics(self) -> dict[str, float]:
        """Every number measured here, by the name it is logged under."""
        if self.median is None or self.skill is None:
            return {}
        return {
            "cv_error": self.entries[0].error,
            "baseline_cv_error": self.median.error,
            "cv_mae": self.entries[0].mae,
            "baseline_cv_mae": self.median.mae,
            **self.skill.metrics("cv_"),
            **{f"cv_mae_{entry.name}": entry.mae for entry in self.entries},
        }


def hold_contest(
    books: BookColumns, y: Values, a_model: AModel, *, alpha: float, yardstick: Yardstick
) -> Contest:
    """Try ridges and blends on n books with their prices, judged by the yardstick.

    Ridges settle whether prices or their logarithms are learned, and how strong ridge is; trees and blends
    go on from the best of them.
    """
    median_model = a_model("median")
    works = len(set(books.editions))
    if len(y) < RULE.fewest_books or works < median_model.folds:
        reason = f"{len(y)} books of {works} works to train on are too few to tell a pattern from luck."
        return Contest(true=y, yardstick=yardstick, median=None, entries=(), skill=None, reason=reason)
    median = _entry("median", median_model, median_model.out_of_fold(books, y), y, yardstick)
    ridges = sorted(_ridges(books, y, a_model, alpha, yardstick), key=lambda entry: entry.error)
    blends = _blends(books, y, a_model, ridges[0].model, yardstick)
    entries = sorted([*ridges, *blends], key=lambda entry: entry.error)
    skill = skill_of(y, entries[0].prices, median.prices, yardstick, median_model.seed)
    return Contest(
        true=y,
        yardstick=yardstick,
        median=median,
        entries=tuple(entries),
        skill=skill,
        reason=_reason(entries[0], median, skill, yardstick),
    )


def _ridges(
    books: BookColumns, y: Values, a_model: AModel, alpha: float, yardstick: Yardstick
) -> Iterator[Entry]:
    for log_price, suffix in ((False, ""), (True, "_log")):
        scaled = a_model("ridge", log_price=log_price).to_scale(y)
        shares = variance_shares(books, scaled, a_model("ridge").seed)
        for strength in (alpha, 10 * alpha):
            name = f"ridge_{strength:g}{suffix}".replace("+", "")  # MLflow takes no plus in a name
            model = a_model("ridge", log_price=log_price, alpha=strength, shares=shares)
            yield _entry(name, model, model.out_of_fold(books, y), y, yardstick)


def _blends(
    books: BookColumns, y: Values, a_model: AModel, ridge: PriceRegressor, yardstick: Yardstick
) -> Iterator[Entry]:
    """Trees alone, trees that correct the ridge, and all three together in the proportion that fits best."""
    given = {"log_price": ridge.log_price, "alpha": ridge.alpha, "shares": ridge.shares}
    ways = a_model("blend", **given).ways_out_of_fold(books, y)
    suffix = "_log" if ridge.log_price else ""
    for name, weights in (
        ("boosting", (0.0, 1.0, 0.0)),
        ("corrected_ridge", (0.0, 0.0, 1.0)),
        ("blend", _proportion(ways, ridge.to_scale(y))),
    ):
        model = a_model("blend", weights=weights, **given)
        prices = model.to_prices(ways @ np.array(weights))
        yield _entry(f"{name}{suffix}", model, prices, y, yardstick)


def _proportion(ways: Values, scaled: Values) -> tuple[float, ...]:
    """Weights of 0 or more that add up to 1, of least squared error on rows that no way has seen."""
    middle = scaled.mean()
    weights, _ = nnls(ways - middle, scaled - middle)
    if weights.sum() <= 0:
        return tuple(np.full(ways.shape[1], 1 / ways.shape[1]).tolist())
    return tuple((weights / weights.sum()).tolist())


def _entry(name: str, model: PriceRegressor, prices: Values, y: Values, yardstick: Yardstick) -> Entry:
    return Entry(
        name=name,
        model=model,
        prices=prices,
        error=yardstick.error(y, prices),
        mae=mean_absolute_error(y, prices),
    )


def _reason(best: Entry, median: Entry, skill: Skill, yardstick: Yardstick) -> str:
    of, by = yardstick.told(best.error), yardstick.told(median.error)
    found = "A pattern was found" if skill.counts else "No pattern was found"
    return (
        f"{found}: the best candidate, {best.name}, is {of} off in the mean "
        f"where the median is {by} off ({skill})."
    )
