"""How far two samples of a feature are apart, by population stability and Kolmogorov–Smirnov."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, ks_2samp

from bookshelf.drift import FeatureDrift

Values = NDArray[np.float64]
Counts = NDArray[np.int64]

_BINS = 10
_MOST_CATEGORIES = 20
_LEAST_SHARE, _LEAST_BOOKS = 0.01, 5
_SMOOTHING = 0.5
# What chance may add to the share of values never seen, in standard errors: three, as on a control chart.
_ALLOWANCE = 3.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on a difference counts.

    `psi`: by the usual reading 0.1 is a little and 0.2 a major shift; a bell curve that moves by 0.45 of
    its width has 0.2. `ks`: 15 % of the books lie on another side of some value; a bell curve that moves
    by 0.38 of its width. `chance` is how often a window without any drift may violate, all its features
    together: where rows are few, what they do by chance is more than the other two, and is the limit.
    """

    psi: float = 0.2
    ks: float = 0.15
    chance: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Both samples counted in the same cells, the reference's own: labels (c), counts (c,) and (c,).

    No cell is empty on both sides.
    """

    labels: tuple[str, ...]
    reference: Counts
    window: Counts

    @property
    def shares(self) -> tuple[Values, Values]:
        """Shares of both sides, half a row added to each cell, so that none is 0."""
        reference, window = (
            (counts + _SMOOTHING) / (counts.sum() + _SMOOTHING * len(counts))
            for counts in (self.reference, self.window)
        )
        return reference, window


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A feature's drift, and the cells that it was counted in."""

    drift: FeatureDrift
    cells: Cells


def compare_numbers(
    feature: str, reference: Values, window: Values, limits: Limits, comparisons: int
) -> Compared:
    """Two samples of a number, NaN where it is not known; neither may be empty.

    `comparisons` is how many features are compared in the window: each has its share of `limits.chance`.
    """
    cells = number_cells(reference, window)
    known = [side[~np.isnan(side)] for side in (reference, window)]
    ks, p, ks_limit = None, None, None
    if min(map(len, known)) > 1:
        found = ks_2samp(*known, method="asymp")
        ks, p = float(found.statistic), float(found.pvalue)
        ks_limit = max(limits.ks, ks_by_chance(len(known[0]), len(known[1]), _each(limits, comparisons)))
    drift = FeatureDrift(
        feature=feature,
        kind="number",
        psi=stability_index(cells),
        psi_limit=_psi_limit(cells, limits, comparisons),
        ks=ks,
        ks_limit=ks_limit,
        p=p,
    )
    return Compared(drift=drift, cells=cells)


def compare_categories(
    feature: str, reference: Sequence[str], window: Sequence[str], limits: Limits, comparisons: int
) -> Compared:
    """Two samples of a category, "" being one like the others; neither may be empty."""
    cells = category_cells(reference, window)
    drift = FeatureDrift(
        feature=feature,
        kind="category",
        psi=stability_index(cells),
        psi_limit=_psi_limit(cells, limits, comparisons),
    )
    return Compared(drift=drift, cells=cells)


def stability_index(cells: Cells) -> float:
    """The sum over cells of the difference of shares times that of their logarithms: 0 or more."""
    reference, window = cells.shares
    return float(np.sum((window - reference) * np.log(window / reference)))


def psi_by_chance(rows: int, other_rows: int, cells: int, chance: float) -> float:
    """The index that two samples of one distribution reach with that probability.

    It is distributed as chi-squared with a degree less than there are cells, times 1/rows + 1/other_rows.
    """
    scale = 1 / rows + 1 / other_rows
    return float(chi2.ppf(1 - chance, cells - 1) * scale) if cells > 1 else 0.0


def ks_by_chance(rows: int, other_rows: int, chance: float) -> float:
    """The distance that two samples of one distribution reach with that probability, by Smirnov."""
    return float(np.sqrt(-np.log(chance / 2) / 2 * (1 / rows + 1 / other_rows)))


def number_cells(reference: Values, window: Values) -> Cells:
    """Tenths of the reference; where it has ten values or fewer, the common ones and what lies between.

    What is not known has a cell of its own.
    """
    sides = (reference, window)
    known = reference[~np.isnan(reference)]
    values, times = np.unique(known, return_counts=True)
    if len(values) <= _BINS:
        values = values[times >= _least(len(reference))]
        places = [np.searchsorted(values, side) + np.searchsorted(values, side, "right") for side in sides]
        labels = _value_labels(values)
    else:
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        places = [np.searchsorted(edges, side) for side in sides]
        labels = [f"≤ {edges[0]:.4g}", *(f"≤ {edge:.4g}" for edge in edges[1:]), f"> {edges[-1]:.4g}"]
    labels.append("not known")
    for place, side in zip(places, sides, strict=True):
        place[np.isnan(side)] = len(labels) - 1
    counts = [np.bincount(place, minlength=len(labels)) for place in places]
    return _filled(labels, counts[0], counts[1])


def category_cells(reference: Sequence[str], window: Sequence[str]) -> Cells:
    """The commonest categories of the reference, all others, and those that are new beyond expectation.

    Where the reference has many that occur once, as with authors, the next books have new ones without
    any drift: by Good and Turing as large a share as occurs once. Only more than that is a cell of its own.
    """
    seen, met = Counter(reference), Counter(window)
    ranked = sorted(seen, key=lambda name: (-seen[name], name))[:_MOST_CATEGORIES]
    common = [name for name in ranked if seen[name] >= _least(len(reference))]
    new = sum(count for name, count in met.items() if name not in seen)
    unexpected = max(0, new - _expected_new(seen, len(window)))
    of_common = [met[name] for name in common]
    return _filled(
        [*(name or "(none)" for name in common), "other", "new"],
        np.array([*(seen[name] for name in common), len(reference) - sum(seen[name] for name in common), 0]),
        np.array([*of_common, len(window) - sum(of_common) - unexpected, unexpected]),
    )


def _least(rows: int) -> float:
    """How often a value must occur in the reference to have a cell of its own."""
    return max(_LEAST_BOOKS, _LEAST_SHARE * rows)


def _expected_new(seen: Counter[str], rows: int) -> int:
    """How many of `rows` books may have a category that was not seen, chance included, without any drift."""
    once, twice = (sum(1 for count in seen.values() if count == times) for times in (1, 2))
    total = seen.total()
    share = min(1.0, (once + _ALLOWANCE * np.sqrt(once + 2 * twice)) / total)
    return int(np.ceil(rows * share + _ALLOWANCE * np.sqrt(rows * share * (1 - share))))


def _value_labels(values: Values) -> list[str]:
    """For k values 2k + 1 cells: below the first, the first, between it and the second, the second, …"""
    named = [f"{value:.4g}" for value in values]
    labels = ["any number" if not named else f"< {named[0]}"]
    for place, name in enumerate(named):
        following = f"{name} to {named[place + 1]}" if place + 1 < len(named) else f"> {name}"
        labels += [name, following]
    return labels


def _filled(labels: Sequence[str], reference: Counts, window: Counts) -> Cells:
    filled = (reference + window) > 0
    return Cells(
        labels=tuple(label for label, keep in zip(labels, filled, strict=True) if keep),
        reference=reference[filled],
        window=window[filled],
    )


def _psi_limit(cells: Cells, limits: Limits, comparisons: int) -> float:
    rows = int(cells.reference.sum()), int(cells.window.sum())
    return max(limits.psi, psi_by_chance(*rows, len(cells.labels), _each(limits, comparisons)))


def _each(limits: Limits, comparisons: int) -> float:
    """What chance may do in one measure of one feature; there are two measures of each."""
    return limits.chance / (2 * comparisons)
