"""Finding the best of many books for a wish: all are compared, or those that an index brings near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features import respects
from features.approximate import BROUGHT, ApproximateIndex
from features.ranking import Ranking
from features.respects import Profile, Rows, blend, compare, compare_with_few, cosines
from features.similarity import Scores, best_rows

# Two descriptions of one work agree by 0.94 in words and 0.98 in meaning; two volumes of one series
# stay below 0.76 and 0.89.
_SAME_WORDS = 0.9
_SAME_MEANING = 0.97
_SPARE = 16  # looked at beyond those asked for, in case some are copies

# Candidates where not every book is compared, beside those that are near in meaning.
_BY_WORDS = 500
_TELLING_TERMS = 12
_BY_NAME = 500
_MOST_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Wish:
    """What is asked for, as one row to compare with; `liked` is that row without what is disliked.

    `named` are the rows of the index that were named, the liked ones, `like` of them, first. `alone` is the
    row of the one book that asks, where nothing else does.
    """

    profile: Profile
    liked: Profile
    named: Rows
    like: int = 0
    text: str = ""
    alone: int | None = None

    @classmethod
    def of(cls, books: Profile, row: int) -> Wish:
        """What one of those books asks for by itself."""
        named = np.array([row])
        asked = books.take(named)
        return cls(asked, asked, named, 1, alone=row)


@dataclass(frozen=True)
class Search:
    """Search over n books by the weighted sum of likenesses; `works` are equal where titles are.

    Without an `index` every book is compared. With one, those it brings near are, and those that share the
    weightiest words, an author or a series; all of them where the filters leave fewer than `exact_up_to`.
    What one book alone asks for is read from the `ranking`, if there is one and it reaches so far.
    """

    profile: Profile
    works: NDArray[np.int64]
    shares: Mapping[str, float]
    index: ApproximateIndex | None
    exact_up_to: int
    ranking: Ranking | None = None

    def best(self, wish: Wish, k: int, among: NDArray[np.bool_] | None) -> tuple[Rows, Scores]:
        """At most k rows of those `among` (n,) lets through, best first, ties to the lower row; their scores.

        Fewer come back only where there are fewer. Named books and their copies are never given.
        """
        if self.ranking is not None and wish.alone is not None:
            known = self.ranking.best(wish.alone, k, among)
            if known is not None:
                return known
        if self.index is not None and (among is None or np.count_nonzero(among) > self.exact_up_to):
            rows, scores = self._best_of(self._candidates(wish, among), wish, k)
            if len(rows) == k:
                return rows, scores
        every = np.arange(len(self.works)) if among is None else np.flatnonzero(among)
        return self._best_of(every, wish, k)

    def ranked(self) -> Ranking:
        """The same search with every book that may ask alone."""
        every = np.arange(len(self.works))

        def best(row: int, k: int) -> tuple[Rows, Scores]:
            return self._best_of(every, Wish.of(self.profile, row), k)

        return Ranking.of(self.shares, len(every), best)

    def duplicates(self, row: int) -> NDArray[np.bool_]:
        """Which rows (n,) are never given for that one: itself, its other editions and its copies."""
        every, named = np.arange(len(self.works)), np.array([row])
        return self._same_work(every, named) | self._copies(every, named)

    def _best_of(self, rows: Rows, wish: Wish, k: int) -> tuple[Rows, Scores]:
        everything = len(rows) > len(self.works) // 2  # then choosing rows costs more than it saves
        if everything:
            likeness = compare(wish.profile, self.profile, tuple(self.shares))
        else:
            likeness = compare_with_few(wish.profile, self.profile.take(rows), tuple(self.shares))
        scores = blend(likeness, self.shares)[0]
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
        shared = cosines(people[some], people[named]) > 0
        unknown = np.logical_or.outer(_unknown(people, some), _unknown(people, named))
        titled = self.works[some][:, None] == self.works[named][None, :]
        alike[alike] = (titled & (shared | unknown)).any(axis=1)
        return alike

    def _copies(self, rows: Rows, named: Rows) -> NDArray[np.bool_]:
        """Which rows say what a named one says, in nearly its words or with nearly its meaning."""
        meaning, words = (
            cosines(matrix[rows], matrix[named])
            for matrix in (self.profile.respects[respects.MEANING], self.profile.respects[respects.WORDS])
        )
        found: NDArray[np.bool_] = np.any((meaning >= _SAME_MEANING) | (words >= _SAME_WORDS), axis=1)
        return found

    def _candidates(self, wish: Wish, among: NDArray[np.bool_] | None) -> Rows:
        assert self.index is not None
        asked = wish.profile.respects
        near = self.index.search(asked[respects.MEANING][0], BROUGHT, among)
        found = [near, self._sharing(respects.WORDS, _weightiest(asked[respects.WORDS]), _BY_WORDS)]
        found += [self._sharing(name, asked[name], _BY_NAME) for name in (respects.AUTHOR, respects.SERIES)]
        rows = np.unique(np.concatenate(found))
        return rows if among is None else rows[among[rows]]

    def _sharing(self, respect: str, asked: csr_matrix, most: int) -> Rows:
        """At most so many rows that are most alike in that respect, of those alike at all.

        What too many books have is not looked at: it would take longest and tell least.
        """
        columns = cast(csr_matrix, self.profile.columns[respect])
        starts, ends = columns.indptr[asked.indices], columns.indptr[asked.indices + 1]
        rarest = np.argsort(ends - starts, kind="stable")
        looked_at = rarest[np.cumsum((ends - starts)[rarest]) <= _MOST_LOOKED_AT]
        spans = [(slice(starts[one], ends[one]), asked.data[one]) for one in looked_at if asked.data[one] > 0]
        if not spans:
            return np.empty(0, dtype=np.int64)
        rows, places = np.unique(
            np.concatenate([columns.indices[span] for span, _ in spans]), return_inverse=True
        )
        alike = np.bincount(places, np.concatenate([columns.data[span] * weight for span, weight in spans]))
        found: Rows = rows[np.argsort(-alike, kind="stable")[:most]].astype(np.int64)
        return found


def _unknown(labels: csr_matrix, rows: Rows) -> NDArray[np.bool_]:
    """Which of the rows have no label."""
    unknown: NDArray[np.bool_] = labels.indptr[rows + 1] == labels.indptr[rows]
    return unknown


def _weightiest(terms: csr_matrix) -> csr_matrix:
    """The row (1, terms) with only its weightiest terms left."""
    kept = np.argsort(-terms.data, kind="stable")[:_TELLING_TERMS]
    return csr_matrix((terms.data[kept], terms.indices[kept], [0, len(kept)]), shape=terms.shape)
