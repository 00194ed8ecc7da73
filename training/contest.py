"""Which model of prices is best, and whether it knows more than the median does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.price import PriceRegressor
from features.similarity import work_keys
from training.metrics import Estimate, bootstrap_mean, mean_absolute_error, permutation_p
from training.money import money

Values = NDArray[np.float64]

#: With fewer books than this a pattern cannot be told from luck, and none is looked for.
FEWEST_TO_LEARN_FROM = 40
#: A gain of a smaller share of the median's error is of no use to anybody, however certain.
SMALLEST_GAIN = 0.01
#: Stricter than the usual 0.05, for the candidate on trial is the best of several.
LARGEST_P = 0.01


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate with its price for each training row (n,), made without the row; `error` is in
    the unit of the prices."""

    name: str
    model: PriceRegressor
    prices: Values
    error: float


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Candidates, best first, against the median, on the same rows left out in turn.

    `gain` is by how much the best one's mean error is smaller, and `p` how often chance comes as
    near; both are None where there were too few books to try. `reason` is the outcome in a sentence.
    """

    true: Values
    median: Entry | None
    entries: tuple[Entry, ...]
    gain: Estimate | None
    p: float | None
    informative: bool
    reason: str

    @property
    def winner(self) -> str:
        return self.entries[0].name if self.informative else "median"

    def metrics(self) -> dict[str, float]:
        """Every number measured here, by the name it is logged under."""
        if self.median is None or self.gain is None or self.p is None:
            return {}
        return {
            "cv_mae": self.entries[0].error,
            "baseline_cv_mae": self.median.error,
            "cv_gain": self.gain.mean,
            "cv_gain_low": self.gain.low,
            "cv_gain_high": self.gain.high,
            "permutation_p": self.p,
            **{f"cv_mae_{entry.name}": entry.error for entry in self.entries},
        }


def hold_contest(
    X: pd.DataFrame, y: Values, candidates: Mapping[str, PriceRegressor], *, folds: int, seed: int, unit: str
) -> Contest:
    """Try every candidate on n books with their prices, which are told in `unit`.

    A candidate counts as informative only if the paired bootstrap's 95 % interval of its gain lies above
    0, the gain is of some use, and chance does not come as near.
    """
    works = len(set(work_keys(list(X["title"]))))
    if len(y) < FEWEST_TO_LEARN_FROM or works < folds:
        reason = f"{len(y)} books of {works} works to train on are too few to tell a pattern from luck."
        return Contest(true=y, median=None, entries=(), gain=None, p=None, informative=False, reason=reason)
    median = _entry("median", PriceRegressor("median", folds=folds, seed=seed), X, y)
    tried = [_entry(name, model, X, y) for name, model in candidates.items()]
    entries = sorted(tried, key=lambda entry: entry.error)
    best = entries[0]
    gain = bootstrap_mean(np.abs(y - median.prices) - np.abs(y - best.prices), seed=seed)
    p = permutation_p(y, best.prices, seed=seed)
    informative = gain.low > 0 and gain.mean >= SMALLEST_GAIN * median.error and p <= LARGEST_P
    return Contest(
        true=y,
        median=median,
        entries=tuple(entries),
        gain=gain,
        p=p,
        informative=informative,
        reason=_reason(best, median, gain, p, informative=informative, unit=unit),
    )


def _entry(name: str, model: PriceRegressor, X: pd.DataFrame, y: Values) -> Entry:
    prices = model.out_of_fold(X, y)
    return Entry(name=name, model=model, prices=prices, error=mean_absolute_error(y, prices))


def _reason(best: Entry, median: Entry, gain: Estimate, p: float, *, informative: bool, unit: str) -> str:
    errors = f"{money(best.error, unit)} off in the mean where the median is {money(median.error, unit)} off"
    low, high = money(gain.low, unit), money(gain.high, unit)
    by = f"a gain of {money(gain.mean, unit)}, 95 % interval {low} to {high}"
    chance = f"chance comes as near with probability {p:.3f}"
    found = "A pattern was found" if informative else "No pattern was found"
    return f"{found}: the best candidate, {best.name}, is {errors} ({by}; {chance})."
