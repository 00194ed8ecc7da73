"""An index of vectors too many to be compared one by one; how many of the nearest it finds is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.respects import Rows, Vectors

#: Rows that a search should bring, of which the best are found exactly: a byte a number orders those that lie
#: close together wrongly.
BROUGHT = 1_000
#: Recall@10 that an index is widened for until it has it; what it is not measured by finds a little less.
ENOUGH = 0.995

_ASKED = 200  # vectors by which recall is measured
_NEAR = 10
_BLOCK = 16  # of those, compared with all at once
_LEARNT_FROM = 40  # vectors a cell
_ROUNDS = 8


class ApproximateIndex:
    """Vectors in cells around their centres, a byte a number; a search looks into the nearest cells alone.

    `recall` is the share of the true ten nearest that is among the `BROUGHT`, measured on its own vectors
    when it was built, and `cells` how many it looks into for that.
    """

    def __init__(self, written: NDArray[np.uint8], cells: int, recall: float) -> None:
        self._index = _faiss().deserialize_index(written)
        self.cells = cells
        self.recall = recall

    @classmethod
    def build(cls, vectors: Vectors, seed: int = 0) -> ApproximateIndex:
        """Over unit vectors (n, d). Looks into ever more cells until it finds enough, or into all of them."""
        faiss = _faiss()
        n, width = vectors.shape
        centres = max(1, min(int(4 * np.sqrt(n)), n // _LEARNT_FROM))
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(width),
            width,
            centres,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.cp.niter, index.cp.seed, index.cp.max_points_per_centroid = _ROUNDS, seed, _LEARNT_FROM
        index.train(vectors)
        index.add(vectors)
        asked = np.random.default_rng(seed).choice(n, min(_ASKED, n), replace=False)
        true = _true_nearest(vectors, asked)
        cells = max(1, centres // 256)
        while (found := _recall(index, vectors[asked], true, cells)) < ENOUGH and cells < centres:
            cells = min(2 * cells, centres)
        return cls(faiss.serialize_index(index), cells, found)

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of again; the index itself can be written only by its own library."""
        return {"written": _faiss().serialize_index(self._index), "cells": self.cells, "recall": self.recall}

    def search(self, vector: Vectors, k: int, allowed: NDArray[np.bool_] | None = None) -> Rows:
        """At most k rows nearly nearest to a vector (d,), of those that `allowed` (n,) lets through."""
        faiss = _faiss()
        told: dict[str, Any] = {"nprobe": self.cells}
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            told["sel"] = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        asked = np.ascontiguousarray(vector[None, :], dtype=np.float32)
        _, rows = self._index.search(asked, k, params=faiss.SearchParametersIVF(**told))
        found: Rows = rows[0][rows[0] >= 0].astype(np.int64)
        return found


def _true_nearest(vectors: Vectors, asked: Rows) -> NDArray[np.int64]:
    """The nearest (q, near) of each that is asked for, in any order, without itself."""
    near = max(1, min(_NEAR, len(vectors) - 1))
    found = []
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        far = -(vectors[block] @ vectors.T)
        far[np.arange(len(block)), block] = np.inf
        found.append(np.argpartition(far, near - 1, axis=1)[:, :near])
    return np.concatenate(found)


def _recall(index: Any, queries: Vectors, true: NDArray[np.int64], cells: int) -> float:
    told = _faiss().SearchParametersIVF(nprobe=cells)
    _, rows = index.search(queries, BROUGHT, params=told)
    return float(np.mean([np.isin(one, found).mean() for one, found in zip(true, rows, strict=True)]))


def _faiss() -> Any:
    import faiss  # only catalogues beyond exact search need it

    return faiss
