"""Boosted trees as flat arrays, for one row at a time: every split of every tree is asked at once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

Values = NDArray[np.float64]
_Split: TypeAlias = tuple[int, float, int]  # feature, threshold, mask

# The leaves that a row may still end in are the bits of a number, and the lowest of them is looked up.
_MOST_LEAVES = 16
_ALL = np.uint16(2**_MOST_LEAVES - 1)
_LOWEST = np.array([(mask & -mask).bit_length() - 1 for mask in range(1, 2**_MOST_LEAVES)], dtype=np.int8)


class CompiledTrees:
    """What a regressor of boosted trees predicts for one row, in doubles, so that no split falls otherwise.

    A split that sends the row to the right rules out the leaves to its left; what is left of a tree begins
    with the leaf that the row ends in. Walking the trees one after the other, as for many rows, takes longer
    (the method is that of Lucchese et al., "QuickScorer", 2015). Needs rows without NaN, and raises
    `ValueError` for trees that it has no form for.
    """

    def __init__(self, regressor: HistGradientBoostingRegressor) -> None:
        trees = [predictor.nodes for [predictor] in regressor._predictors]
        self._base = float(regressor._baseline_prediction.item())
        splits: list[_Split] = []
        values: list[float] = []
        places = []
        for nodes in trees:
            places.append((len(splits), len(values)))
            splits += _splits(nodes, values)
        features, thresholds, masks = zip(*splits, strict=True)
        self._features = np.array(features, dtype=np.intp)
        self._thresholds = np.array(thresholds, dtype=np.float64)
        self._masks = np.array(masks, dtype=np.uint16)
        self._values = np.array(values, dtype=np.float64)
        # Where the splits and the leaves of each tree begin.
        self._starts, self._firsts = np.array(places, dtype=np.intp).T.copy()

    def predict(self, row: Values) -> float:
        """The sum over all trees for one row (k,)."""
        left = row[self._features] <= self._thresholds
        open_leaves = np.bitwise_and.reduceat(np.where(left, _ALL, self._masks), self._starts)
        # No mask is 0, so that the table begins at 1.
        found = self._values[self._firsts + _LOWEST[open_leaves - 1]]
        return self._base + float(found.sum())

    def borders(self, features: int) -> list[Values]:
        """For each feature, the thresholds that some tree compares it with, ascending."""
        return [np.unique(self._thresholds[self._features == place]) for place in range(features)]


def _splits(nodes: NDArray[Any], values: list[float]) -> list[_Split]:
    """Feature, threshold and mask of every split of a tree; the values of its leaves, from left to right, are
    added to `values`."""
    splits: list[_Split] = []
    first = len(values)

    def grow(place: int) -> None:
        node = nodes[place]
        if node["is_leaf"]:
            values.append(float(node["value"]))
            return
        if node["is_categorical"]:
            raise ValueError("a split by category has no compiled form")
        before = len(values) - first
        grow(int(node["left"]))
        ruled_out = (1 << (len(values) - first)) - (1 << before)
        splits.append((int(node["feature_idx"]), float(node["num_threshold"]), int(_ALL) & ~ruled_out))
        grow(int(node["right"]))

    grow(0)
    if len(values) - first > _MOST_LEAVES:
        raise ValueError(f"a tree has more than {_MOST_LEAVES} leaves")
    # A tree of one leaf asks nothing, and yet takes its place among the others.
    return splits or [(0, np.inf, int(_ALL))]
