"""The price model in a form for few books: the same prices without a frame, in a twentieth of the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, expm1, log
from typing import Any

import numpy as np
import pandas as pd

from features.compiled_parts import CompiledHints, CompiledLinear
from features.compiled_trees import CompiledTrees
from features.price import PriceRegressor
from features.price_boosted import StackedPrices
from features.price_columns import NUMBERS
from features.price_intervals import FURTHEST, ConformalIntervals
from features.price_linear import LinearPrices
from features.price_row import BookRow, read_book

Prices = tuple[float, float, float]


class CompiledPrices:
    """A fitted `PriceRegressor` for one book at a time.

    Raises `ValueError`, or `AttributeError` where scikit-learn keeps its trees otherwise than we know, for a
    model that has no such form.
    """

    def __init__(self, model: PriceRegressor) -> None:
        self._logarithmic = model.logarithmic
        self._constant: Prices | None = None
        if not model.informative:
            self._constant = _constant(model)
            return
        self._centre = _centre(model)
        self._intervals = _CompiledIntervals(model.intervals_)
        self._wanted = frozenset(model.learner_.read)

    def predict(self, book: Mapping[str, Any]) -> Prices:
        """Price, low and high of a book by its features, as `PriceRegressor.predict` gives them.

        Numbers may be None or NaN and texts None or "" where they are not known.
        """
        if self._constant is not None:
            return self._constant
        row = read_book(book, self._wanted)
        centre = self._centre(row)
        below, above = self._intervals.offsets(row, centre)
        price = self._to_price(centre)
        return price, min(self._to_price(centre + below), price), max(self._to_price(centre + above), price)

    def _to_price(self, scaled: float) -> float:
        return max(expm1(scaled) if self._logarithmic else scaled, 0.0)


class _CompiledIntervals:
    """`ConformalIntervals` for one book."""

    def __init__(self, intervals: ConformalIntervals) -> None:
        self._own: Mapping[str, tuple[float, float]] = intervals.own_
        self._all = intervals.low_, intervals.high_
        self._sizes = CompiledLinear(intervals.sizes_) if intervals.scaled_ else None

    def offsets(self, book: BookRow, centre: float) -> tuple[float, float]:
        low, high = self._own.get(book.category, self._all)
        expected = 1.0 if self._sizes is None else self._size(self._sizes, book, centre)
        return low * expected, high * expected

    @staticmethod
    def _size(sizes: CompiledLinear, book: BookRow, centre: float) -> float:
        beside = replace(book, measures=(*book.measures, centre))
        furthest = log(FURTHEST)
        return exp(sizes.middle + min(max(sum(sizes.contributions(beside)), -furthest), furthest))


def _centre(model: PriceRegressor) -> Callable[[BookRow], float]:
    """The price of a book on the scale that was learned; ways without weight are not gone."""
    learner = model.learner_
    if isinstance(learner, LinearPrices):
        return CompiledLinear(learner).predict
    if not isinstance(learner, StackedPrices):
        raise ValueError(f"{type(learner).__name__} has no compiled form")
    of_linear, of_trees, of_corrected = model.way_weights.tolist()
    hints = CompiledHints(learner.hints_)
    trees = CompiledTrees(learner.trees_) if of_trees else None
    corrections = CompiledTrees(learner.corrections_) if of_corrected else None

    def centre(book: BookRow) -> float:
        told, linear = hints.of(book)
        total = float((of_linear + of_corrected) * linear)
        if trees is not None:
            total += of_trees * (learner.middle_ + trees.predict(told))
        if corrections is not None:
            total += of_corrected * corrections.predict(told)
        return total

    return centre


def _constant(model: PriceRegressor) -> Prices:
    """What such a model answers to everybody: asked once, of a book of which nothing is known."""
    nothing = pd.DataFrame({name: [np.nan if name in NUMBERS else ""] for name in model.inputs})
    [(price, low, high)] = model.predict(nothing).to_numpy().tolist()
    return price, low, high
