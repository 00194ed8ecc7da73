"""Finding the best of many books for a wish: all are compared, or those that an index brings near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features import respects
from features.approximate import ApproximateIndex
from features.respects import Profile, Rows, Vectors, blend, compare
from features.similarity import Scores, best_rows

# Two descriptions of one work agree by 0.94 in words and 0.98 in meaning; two volumes of one series
# stay below 0.76 and 0.89.
_SAME_WORDS = 0.9
_SAME_MEANING = 0.97
_SPARE = 16  # looked at beyond those asked for, in case some are copies

# Candidates where not every book is compared.
_BY_MEANING = 1_000
_BY_WORDS = 500
_TELLING_TERMS = 12
_BY_NAME = 500


@dataclass(frozen=True)
class Wish:
    """What is asked for, as one row to compare with; `liked` is that row without what is disliked.

    `named` are the rows of the index that were named, the liked ones, `like` of them, first.
    """

    profile: Profile
    liked: Profile
    named: Rows
    like: int = 0
    text: str = ""


@dataclass(frozen=True)
class Search:
    """Search over n books by the weighted sum of likenesses; `works` are equal where titles are.

    Without an `index` every book is compared. With one, those it brings near are, and those that share the
    weightiest words, an author or a series; all of them where the filters leave fewer than `exact_up_to`.
    """

    profile: Profile
    works: NDArray[np.int64]
    shares: Mapping[str, float]
    index: ApproximateIndex | None
    exact_up_to: int

    def best(self, wish: Wish, k: int, among: NDArray[np.bool_] | None) -> tuple[Rows, Scores]:
        """At most k rows of those `among` (n,) lets through, best first, ties to the lower row; their scores.

        Fewer come back only where there are fewer. Named books and their copies are never given.
        """
        many = self.index is not None and (among is None or int(among.sum()) > self.exact_up_to)
        if many:
            rows, scores = self._best_of(self._candidates(wish, among), wish, k)
            if len(rows) == k:
                return rows, scores
        every = np.arange(len(self.works)) if among is None else np.flatnonzero(among)
        return self._best_of(every, wish, k)

    def duplicates(self, row: int) -> NDArray[np.bool_]:
        """Which rows (n,) are never given for that one: itself, its other editions and its copies."""
        every, named = np.arange(len(self.works)), np.array([row])
        return self._same_work(every, named) | self._copies(every, named)

    def _best_of(self, rows: Rows, wish: Wish, k: int) -> tuple[Rows, Scores]:
        everything = len(rows) > len(self.works) // 2  # then choosing rows costs more than it saves
        candidates = self.profile if everything else self.profile.take(rows)
        scores = blend(compare(wish.profile, candidates, tuple(self.shares)), self.shares)[0]
        scores = np.minimum(scores[rows] if everything else scores, np.float32(1))
        scores[self._same_work(rows, wish.named)] = -np.inf
        wanted = k + _SPARE
        while True:
            best = best_rows(scores, wanted)
            kept = best[~self._copies(rows[best], wish.named)][:k]
            if len(kept) == k or len(best) < wanted:
                return rows[kept], scores[kept]
            wanted *= 4

    def _same_work(self, rows: Rows, named: Rows) -> NDArray[np.bool_]:
        """Which rows are named, or have the title of one that is and no other author."""
        alike = np.isin(self.works[rows], self.works[named])
        some = rows[alike]
        people: csr_matrix = self.profile.respects[respects.AUTHOR]
        shared = (people[some] @ people[named].T).toarray() > 0
        known = np.diff(people.indptr) > 0
        unknown = ~known[some][:, None] | ~known[named][None, :]
        titled = self.works[some][:, None] == self.works[named][None, :]
        alike[alike] = (titled & (shared | unknown)).any(axis=1)
        return alike

    def _copies(self, rows: Rows, named: Rows) -> NDArray[np.bool_]:
        """Which rows say what a named one says, in nearly its words or with nearly its meaning."""
        vectors: Vectors = self.profile.respects[respects.MEANING]
        terms: csr_matrix = self.profile.respects[respects.WORDS]
        meaning = vectors[rows] @ vectors[named].T >= _SAME_MEANING
        words = (terms[rows] @ terms[named].T).toarray() >= _SAME_WORDS
        found: NDArray[np.bool_] = (meaning | words).any(axis=1)
        return found

    def _candidates(self, wish: Wish, among: NDArray[np.bool_] | None) -> Rows:
        assert self.index is not None
        asked = wish.profile.respects
        near = self.index.search(asked[respects.MEANING][0], _BY_MEANING, among)
        found = [near, self._sharing(respects.WORDS, _weightiest(asked[respects.WORDS]), _BY_WORDS)]
        found += [self._sharing(name, asked[name], _BY_NAME) for name in (respects.AUTHOR, respects.SERIES)]
        rows = np.unique(np.concatenate(found))
        return rows if among is None else rows[among[rows]]

    def _sharing(self, respect: str, asked: csr_matrix, most: int) -> Rows:
        """At most so many rows that are most alike in that respect, of those alike at all."""
        alike = csr_matrix(asked @ self.profile.columns[respect])
        best = np.argsort(-alike.data, kind="stable")[:most]
        found: Rows = alike.indices[best[alike.data[best] > 0]].astype(np.int64)
        return found


def _weightiest(terms: csr_matrix) -> csr_matrix:
    """The row (1, terms) with only its weightiest terms left."""
    kept = np.argsort(-terms.data, kind="stable")[:_TELLING_TERMS]
    return csr_matrix((terms.data[kept], terms.indices[kept], [0, len(kept)]), shape=terms.shape)
