"""How well labels agree, and whether probabilities keep their word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.sentiment import LABELS, Probabilities
from training.metrics import Estimate

Codes = NDArray[np.int64]

_BINS = 10


def codes(labels: Sequence[str]) -> Codes:
    """The place of each label in `LABELS`."""
    places = {label: place for place, label in enumerate(LABELS)}
    return np.array([places[label] for label in labels], dtype=np.int64)


def accuracy(true: Codes, found: Codes) -> float:
    """Share of equal labels, 0 to 1."""
    return float(np.mean(true == found))


def macro_f1(true: Codes, found: Codes) -> float:
    """Mean of the F1 of every label that occurs in the truth or was found, 0 to 1."""
    table = confusion(true, found)
    occurring = table.sum(axis=0) + table.sum(axis=1)
    scores = 2 * np.diag(table) / np.maximum(occurring, 1)
    return float(scores[occurring > 0].mean())


def confusion(true: Codes, found: Codes) -> NDArray[np.int64]:
    """How often each label (rows) was found as each (columns), in the order of `LABELS`."""
    size = len(LABELS)
    return np.bincount(true * size + found, minlength=size * size).reshape(size, size)


def with_interval(
    score: Callable[[Codes, Codes], float], true: Codes, found: Codes, *, seed: int, draws: int = 2_000
) -> Estimate:
    """A score with its 95 % percentile bootstrap interval over the rows."""
    generator = np.random.default_rng(seed)
    drawn = [generator.integers(len(true), size=len(true)) for _ in range(draws)]
    low, high = np.quantile([score(true[rows], found[rows]) for rows in drawn], [0.025, 0.975])
    return Estimate(score(true, found), float(low), float(high))


def log_losses(true: Codes, probabilities: Probabilities) -> NDArray[np.float64]:
    """Minus the logarithm of each row's probability of its true label; ln 3 = 1.10 knows nothing."""
    losses: NDArray[np.float64] = -np.log(probabilities[np.arange(len(true)), true])
    return losses


def reliability(true: NDArray[np.bool_], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per tenth of the probabilities that occur: their mean, the share that came true, how many (b, 3)."""
    tenth = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    return np.array(
        [
            (probability[tenth == place].mean(), true[tenth == place].mean(), (tenth == place).sum())
            for place in np.unique(tenth)
        ]
    )


def calibration_error(true: Codes, probabilities: Probabilities) -> float:
    """Mean distance between the probability of the label chosen and the share of right choices, 0 to 1."""
    chosen = probabilities.argmax(axis=1)
    bins = reliability(chosen == true, probabilities.max(axis=1))
    return float(np.average(np.abs(bins[:, 0] - bins[:, 1]), weights=bins[:, 2]))
