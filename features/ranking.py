"""What a search by one book finds, kept for each book of a small catalogue: then it is read, not computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from features.respects import Rows
from features.similarity import Scores

#: Books up to which rankings are kept: making them takes a search a book, a second for a thousand.
RANKED_UP_TO = 2_000

#: A row and k: the best k rows for it, and their scores.
Best: TypeAlias = Callable[[int, int], tuple[Rows, Scores]]

_KEPT = 200  # places a book, so that those who filter a little still find theirs


@dataclass(frozen=True)
class Ranking:
    """The first places of each of n books, made by weights that are told in `shares`.

    `rows` and `scores` are (n, places), best first; after the last one comes row -1.
    """

    shares: Mapping[str, float]
    rows: NDArray[np.int32]
    scores: Scores

    @classmethod
    def of(cls, shares: Mapping[str, float], n: int, best: Best) -> Self:
        """By what is best for each of n rows."""
        places = min(n, _KEPT)
        rows = np.full((n, places), -1, dtype=np.int32)
        scores = np.full((n, places), -np.inf, dtype=np.float32)
        for row in range(n):
            found, their_scores = best(row, places)
            rows[row, : len(found)] = found
            scores[row, : len(found)] = their_scores
        return cls(dict(shares), rows, scores)

    def best(self, row: int, k: int, among: NDArray[np.bool_] | None) -> tuple[Rows, Scores] | None:
        """The k best of those `among` lets through; None where that is not known of so many.

        Fewer come back only where there are fewer.
        """
        rows, scores = self.rows[row], self.scores[row]
        whole = rows[-1] < 0  # all that there are
        if whole:
            kept = rows >= 0
            rows, scores = rows[kept], scores[kept]
        if among is not None:
            passing = among[rows]
            rows, scores = rows[passing], scores[passing]
        if len(rows) < k and not whole:
            return None
        return rows[:k].astype(np.int64), scores[:k]
