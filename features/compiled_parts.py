"""The linear model's parts for one book at a time: weights looked up by place, sums of a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, log, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.price_boosted import COUNTED, UNKNOWN, Hints, MeanPrices
from features.price_linear import LinearPrices
from features.price_parts import LARGEST, Numbers, Part, Tokens, Vectors, Words
from features.price_row import BookRow

Values = NDArray[np.float64]

#: What one part of a book adds to its price.
Addend: TypeAlias = Callable[[BookRow], float]


class CompiledLinear:
    """A sum of parts for one book. Raises `ValueError` for a part that it has no form for."""

    def __init__(self, linear: LinearPrices) -> None:
        self.middle = linear.middle_
        self._addends = [_addend(name, linear.parts_.get(name)) for name in linear.read]

    def contributions(self, book: BookRow) -> list[float]:
        """What each part adds to the mean price, in the order of `LinearPrices.read`."""
        return [addend(book) for addend in self._addends]

    def predict(self, book: BookRow) -> float:
        return self.middle + sum(self.contributions(book))


class CompiledHints:
    """What trees are told of one book, as `Hints` tells it of many."""

    def __init__(self, hints: Hints) -> None:
        self.linear = CompiledLinear(hints.linear)
        self._means = [(name, *_by_token(means)) for name, means in hints.means_.items()]

    def of(self, book: BookRow) -> tuple[Values, float]:
        """The hints (k,), and the linear model's price, which they begin with."""
        told = self.linear.contributions(book)
        linear = self.linear.middle + sum(told)
        for name, means, books in self._means:
            places = book.tokens[name]
            tokens = max(len(places), 1)
            told.append(sum(means.get(place, 0.0) for place in places) / tokens)
            if name in COUNTED:
                told.append(sum(books.get(place, 0.0) for place in places) / tokens)
        told.extend(UNKNOWN if value != value else value for value in book.measures)  # NaN is not itself
        return np.array(told), linear


def _addend(name: str, part: Part | None) -> Addend:
    """A part that learnt nothing adds nothing."""
    match part:
        case None:
            return lambda _book: 0.0
        case Tokens():
            return _tokens(name, _by_place(part.weights_))
        case Words():
            rarity = _by_place(part.rarity_)
            weights = part.weights_
            return _words(name, {place: (rare, float(weights[place])) for place, rare in rarity.items()})
        case Numbers():
            return _numbers(part)
        case Vectors():
            return _vector(part.weights_)
    raise ValueError(f"the part {name!r} has no compiled form")


def _tokens(name: str, weights: Mapping[int, float]) -> Addend:
    return lambda book: sum(weights.get(place, 0.0) for place in book.tokens[name])


def _words(name: str, known: Mapping[int, tuple[float, float]]) -> Addend:
    """Of each place its rarity and its weight."""

    def addend(book: BookRow) -> float:
        total, square = 0.0, 0.0
        for place, count in book.words[name].items():
            if (found := known.get(place)) is not None:
                told = (1 + log(count)) * found[0]
                total += told * found[1]
                square += told * told
        return total / sqrt(square) if square else 0.0

    return addend


def _numbers(part: Numbers) -> Addend:
    middles, spreads, weights = part.middle_.tolist(), part.spread_.tolist(), part.weights_.tolist()
    of_known = weights[len(middles) :]
    columns = list(zip(middles, spreads, weights, of_known, strict=False))

    def addend(book: BookRow) -> float:
        total = 0.0
        for value, (middle, spread, weight, known) in zip(book.measures, columns, strict=True):
            if isfinite(value):
                total += known + weight * min(max((value - middle) / spread, -LARGEST), LARGEST)
        return total

    return addend


def _vector(weights: Values) -> Addend:
    return lambda book: 0.0 if book.vector is None else float(book.vector @ weights)


def _by_token(means: MeanPrices) -> tuple[Mapping[int, float], Mapping[int, float]]:
    return _by_place(means.means_), _by_place(means.books_)


def _by_place(values: Sequence[float] | Values) -> dict[int, float]:
    """Those that are not 0: a few hundred of tens of thousands."""
    values = np.asarray(values)
    return {int(place): float(values[place]) for place in np.flatnonzero(values)}
