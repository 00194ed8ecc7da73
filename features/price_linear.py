"""Prices as a sum of what each part of a book contributes, every part as strong as the prices let it be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from sklearn.linear_model import Ridge

from features.price_columns import BookColumns
from features.price_parts import Matrix, Part, part_named, parts_of

Values = NDArray[np.float64]

#: Key of the share of the variance that no part explains.
REST = "rest"

# Shares are learned from so many books at most: it takes time with the third power of their number.
_MOST_BOOKS = 800
_STEPS = 20
_SMALLEST_SHARE = 0.002


def variance_shares(columns: BookColumns, y: Values, seed: int) -> dict[str, float]:
    """Which share of the variance of y each part explains, and `REST`; together about 1.

    The model is y = sum of parts + rest, each part a sum over its columns with weights that are normal
    around 0. The shares are those of greatest likelihood, found by the MM algorithm of Zhou, Hu, Qiao,
    Cho and Zhou, "MM algorithms for variance components models" (2019).
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(y))[:_MOST_BOOKS])
    likeness = {
        name: likeness
        for name, part in parts_of(columns.rows(chosen))
        if (likeness := _likeness(part_named(name), part)) is not None
    }
    centred = y[chosen] - y[chosen].mean()
    variance = float(centred.var())
    if not likeness or variance <= 0:
        return {REST: 1.0}
    found = dict.fromkeys(likeness, 0.5 / len(likeness))
    rest = 0.5
    for _ in range(_STEPS):
        covariance = np.sum([share * likeness[name] for name, share in found.items()], axis=0)
        covariance[np.diag_indices_from(covariance)] += rest
        inverse = linalg.inv(covariance, overwrite_a=True, check_finite=False)
        explained = inverse @ (centred / np.sqrt(variance))
        for name, matrix in likeness.items():
            found[name] *= np.sqrt((explained @ matrix @ explained) / np.sum(inverse * matrix))
        rest = max(rest * np.sqrt((explained @ explained) / np.trace(inverse)), _SMALLEST_SHARE)
    return {name: float(share) for name, share in found.items()} | {REST: float(rest)}


class LinearPrices:
    """Ridge regression with a strength for each part: the more a part explains, the freer its weights.

    `shares` are as `variance_shares` gives them; parts that explain next to nothing are left out. `alpha`
    is the strength as a multiple of what the shares ask for.
    """

    def __init__(self, shares: Mapping[str, float], alpha: float = 1.0) -> None:
        self.shares = dict(shares)
        self.alpha = alpha

    def fit(self, columns: BookColumns, y: Values) -> Self:
        """Learn from n books and their prices on whatever scale."""
        self.middle_ = float(np.mean(y))
        self.parts_: dict[str, Part] = {}
        matrices, scales = [], []
        for name, part in parts_of(columns):
            if name not in self.read:
                continue
            fitted = part_named(name).fit(part)
            matrix = fitted.matrix(part)
            if (size := _mean_square(matrix)) > 0:
                self.parts_[name] = fitted
                matrices.append(matrix)
                scales.append(np.sqrt(self.shares[name] / size))
        if matrices:
            self._learn(matrices, scales, y - self.middle_)
        return self

    def predict(self, columns: BookColumns) -> Values:
        """Prices (n,) on the scale that was learned."""
        return np.asarray(self.middle_ + self.contributions(columns).sum(axis=1))

    def contributions(self, columns: BookColumns) -> Values:
        """What each part of `read`, in its order, adds to the mean price (n, parts)."""
        found = dict(parts_of(columns))
        told = np.zeros((len(columns), len(self.read)))
        for place, name in enumerate(self.read):
            if name in self.parts_:
                told[:, place] = self.parts_[name].contribution(found[name])
        return told

    @property
    def read(self) -> tuple[str, ...]:
        """The parts that explain enough to be read."""
        return tuple(name for name, share in self.shares.items() if share >= _SMALLEST_SHARE and name != REST)

    def _learn(self, matrices: list[Matrix], scales: list[float], y: Values) -> None:
        together = sparse.hstack(
            [scale * matrix for scale, matrix in zip(scales, matrices, strict=True)], format="csr"
        )
        strength = self.alpha * self.shares[REST]
        ridge = Ridge(strength, fit_intercept=False, solver="sparse_cg", tol=1e-3, max_iter=500)
        weights = ridge.fit(together, y).coef_
        ends = np.cumsum([matrix.shape[1] for matrix in matrices])
        for part, scale, own in zip(self.parts_.values(), scales, np.split(weights, ends[:-1]), strict=True):
            part.weigh(scale * own)


def _likeness(fitted: Part, part: object) -> Values | None:
    """How alike books are (n, n) in one part, around 0 1 in the mean diagonal; None if all are alike."""
    matrix = fitted.fit(part).matrix(part)
    found: Values = (matrix @ matrix.T).toarray()
    found -= found.mean(axis=0)
    found -= found.mean(axis=1, keepdims=True)
    size = float(np.mean(np.diag(found)))
    return found / size if size > 1e-9 else None


def _mean_square(matrix: Matrix) -> float:
    """Mean over the rows of the squared distance to the mean row."""
    if not matrix.shape[1]:
        return 0.0
    middle = np.asarray(matrix.mean(axis=0)).ravel()
    size = float(matrix.multiply(matrix).sum() / matrix.shape[0] - middle @ middle)
    return size if size > 1e-9 else 0.0
