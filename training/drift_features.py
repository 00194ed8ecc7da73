"""What of two tables of books is compared: numbers, categories, lengths of texts, and places of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import schema
from features.text import count_words
from training.drift_statistics import Compared, Limits, compare_categories, compare_numbers

Values = NDArray[np.float64]
Vectors = NDArray[np.float64]

#: The champion's own answers, compared like any feature.
PREDICTION = "prediction"

_PROSE = ("title", "description")
_WORDS = "_words"
_AXES = 5
# Sums in another order differ in the last digit, which must not tell the same book from itself.
_DECIMALS = 9
_KINDS = {feature: kind for view in schema.VIEWS.values() for feature, kind in view.items()}


@dataclass(frozen=True, slots=True)
class Pair:
    """One feature of both tables: numbers, or else categories."""

    feature: str
    reference: Values | Sequence[str]
    window: Values | Sequence[str]

    def compared(self, limits: Limits, comparisons: int) -> Compared:
        if isinstance(self.reference, np.ndarray) and isinstance(self.window, np.ndarray):
            return compare_numbers(self.feature, self.reference, self.window, limits, comparisons)
        return compare_categories(
            self.feature, list(map(str, self.reference)), list(map(str, self.window)), limits, comparisons
        )


def compare_tables(
    reference: pd.DataFrame, window: pd.DataFrame, predictions: tuple[Values, Values], limits: Limits
) -> list[Compared]:
    """Every feature that both tables have, and both predictions, the worst first.

    Tables have `book_id` and the features of a service by their names, and neither may be empty. Of a
    title and a description the words are counted; of a vector it is compared how near the reference's
    middle it lies, and where on the axes along which both together spread most.
    """
    pairs = [Pair(PREDICTION, *predictions)] if min(map(len, predictions)) else []
    for name in reference.columns:
        if name in window.columns and name in _KINDS:
            pairs += _pairs(str(name), reference, window)
    found = [pair.compared(limits, len(pairs)) for pair in pairs]
    return sorted(found, key=lambda one: (-one.drift.severity, one.drift.feature))


def _pairs(name: str, reference: pd.DataFrame, window: pd.DataFrame) -> list[Pair]:
    sides = reference[name], window[name]
    if _KINDS[name] == "vector":
        return _vector_pairs(name, reference, window)
    if _KINDS[name] != "text":
        return [Pair(name, *(side.to_numpy(dtype=np.float64) for side in sides))]
    if name not in _PROSE:
        return [Pair(name, *map(list, sides))]
    counted = f"{name}{_WORDS}"
    if counted in reference.columns and counted in window.columns:
        return []  # it is a feature of its own
    return [Pair(counted, *map(_words, sides))]


def _vector_pairs(name: str, reference: pd.DataFrame, window: pd.DataFrame) -> list[Pair]:
    before, now = _stacked(reference[name]), _stacked(window[name])
    if before.shape[1] != now.shape[1]:  # another encoder's: there is nothing else to compare
        lengths = [[str(side.shape[1])] * len(side) for side in (before, now)]
        return [Pair(f"{name}_dimensions", *lengths)]
    # Of both: few rows lie further out on axes of their own than others of their kind do.
    axes = principal_axes(np.concatenate([before, now]), _AXES)
    places = [np.round(side @ axes, _DECIMALS) for side in (before, now)]
    ids, new_ids = reference[schema.JOIN_KEY], window[schema.JOIN_KEY]
    near = _near_the_others(before, ids, before, ids), _near_the_others(now, new_ids, before, ids)
    along = [
        Pair(f"{name}_axis_{axis + 1}", places[0][:, axis], places[1][:, axis])
        for axis in range(axes.shape[1])
    ]
    return [Pair(f"{name}_centre", *near), *along]


def principal_axes(vectors: Vectors, count: int) -> Vectors:
    """The directions (d, count) in which vectors (n, d) spread most, the widest first; fewer if d is less."""
    _, directions = np.linalg.eigh(np.atleast_2d(np.cov(vectors, rowvar=False, ddof=0)))
    return np.ascontiguousarray(directions[:, ::-1][:, :count], dtype=np.float64)


def _near_the_others(
    vectors: Vectors, book_ids: pd.Series[int], reference: Vectors, reference_ids: pd.Series[int]
) -> Values:
    """Cosine (n,) of each to the middle of the reference's other books; 0 where either has no length.

    To a middle that it is part of a book lies nearer than another of its kind can.
    """
    place = pd.Index(reference_ids).get_indexer(pd.Index(book_ids))
    known = place >= 0
    own = np.where(known[:, None], reference[place], 0.0)
    middles = (reference.sum(axis=0) - own) / np.maximum(len(reference) - known, 1)[:, None]
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(middles, axis=1)
    products = np.sum(vectors * middles, axis=1)
    near: Values = np.divide(products, lengths, out=np.zeros(len(vectors)), where=lengths > 0)
    return near.round(_DECIMALS)


def _stacked(cells: pd.Series[Any]) -> Vectors:
    return np.stack([np.asarray(cell, dtype=np.float64) for cell in cells])


def _words(texts: pd.Series[Any]) -> Values:
    return np.array([count_words(text) for text in texts], dtype=np.float64)
