"""How good predictions are, and whether a difference between two of them is more than luck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Rows of resampled indices held in memory at once.
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with the bounds of its 95 % interval, in the unit of what was averaged."""

    mean: float
    low: float
    high: float


def mean_absolute_error(true: Values, predicted: Values) -> float:
    """Mean distance between truth and prediction, in their unit."""
    return float(np.mean(np.abs(true - predicted)))


def root_mean_squared_error(true: Values, predicted: Values) -> float:
    """Root of the mean squared distance, in the unit of the truth."""
    return float(np.sqrt(np.mean((true - predicted) ** 2)))


def r_squared(true: Values, predicted: Values) -> float:
    """Share of the variance explained: 1 is perfect, 0 as good as the mean, NaN if all truths are equal."""
    spread = float(np.sum((true - np.mean(true)) ** 2))
    return 1 - float(np.sum((true - predicted) ** 2)) / spread if spread else float("nan")


def coverage(true: Values, low: Values, high: Values) -> float:
    """Share (0 to 1) of the truths that lie within their interval, bounds included."""
    return float(np.mean((low <= true) & (true <= high)))


def bootstrap_mean(values: Values, *, seed: int, draws: int = 2_000) -> Estimate:
    """Mean of the values with its percentile bootstrap interval.

    Given the differences of two models' losses row by row, this is the paired bootstrap of their means.
    """
    generator = np.random.default_rng(seed)
    sizes = [min(_CHUNK, draws - done) for done in range(0, draws, _CHUNK)]
    means = np.concatenate(
        [values[generator.integers(len(values), size=(size, len(values)))].mean(axis=1) for size in sizes]
    )
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high))


def bootstrap_skill(losses: Values, baseline: Values, *, seed: int, draws: int = 2_000) -> Estimate:
    """Share of the baseline's loss that the model saves, 1 being all of it, with its 95 % interval.

    Rows are drawn with both their losses, as in the paired bootstrap. 0 where the baseline loses nothing.
    """
    generator = np.random.default_rng(seed)
    sizes = [min(_CHUNK, draws - done) for done in range(0, draws, _CHUNK)]
    saved = []
    for size in sizes:
        rows = generator.integers(len(losses), size=(size, len(losses)))
        saved.append(_saved(losses[rows].sum(axis=1), baseline[rows].sum(axis=1)))
    low, high = np.quantile(np.concatenate(saved), [0.025, 0.975])
    mean = _saved(losses.sum(keepdims=True), baseline.sum(keepdims=True))
    return Estimate(float(mean[0]), float(low), float(high))


def _saved(losses: Values, baseline: Values) -> Values:
    return np.where(baseline > 0, 1 - losses / np.where(baseline > 0, baseline, 1), 0.0)


def log_score(true: Values, predicted: Values) -> float:
    """1 less the root mean squared error of log10(price + 1): 1 is perfect, an error of tenfold costs 1."""
    return 1 - root_mean_squared_error(np.log10(true + 1), np.log10(predicted + 1))


def permutation_p(true: Values, predicted: Values, *, seed: int, draws: int = 1_000) -> float:
    """How often predictions dealt out at random come at least as near to the truths as they do in order.

    Small (1 / (draws + 1) at the least) where a prediction knows something about its own row.
    """
    generator = np.random.default_rng(seed)
    observed = mean_absolute_error(true, predicted)
    as_good = sum(
        mean_absolute_error(true, generator.permutation(predicted)) <= observed for _ in range(draws)
    )
    return (1 + as_good) / (1 + draws)
