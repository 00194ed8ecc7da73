"""The respects in which books are compared: in each, a book is a row of unit length, and likeness a cosine.

Because every likeness is linear in the row that asks, several books that are liked ask as their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features.similarity import Scores

Vectors: TypeAlias = NDArray[np.float32]
Matrix: TypeAlias = Vectors | csr_matrix
Rows: TypeAlias = NDArray[np.int64]
#: Respect -> how alike books are in it, at most 1: arrays of one shape.
Likeness: TypeAlias = Mapping[str, Scores]

MEANING, WORDS, CATEGORY = "meaning", "words", "category"
TOPICS, TITLE, AUTHOR, SERIES, GENRE = "topics", "title", "author", "series", "genre"
LANGUAGE, YEAR, STANDING, FAME = "language", "year", "standing", "fame"

#: What a weight may be given to, and what each compares.
RESPECTS: Mapping[str, str] = {
    MEANING: "embeddings of the descriptions",
    WORDS: "TF-IDF terms of title and description",
    TOPICS: "what those terms are about: their latent semantic directions",
    TITLE: "TF-IDF terms of the title alone",
    AUTHOR: "people named as authors",
    SERIES: "the series that the titles say they are volumes of",
    CATEGORY: "the shop's category",
    GENRE: "genres, the rarer the weightier",
    LANGUAGE: "the language, where both are known",
    YEAR: "years of publication, nothing in common from ten years apart",
    STANDING: "numbers of reviews by their order of magnitude",
    FAME: "the number of reviews of the candidate alone",
}


class _Made(Mapping[str, Matrix]):
    """What a function makes of each matrix, made when it is first read: most are read in few respects."""

    def __init__(self, matrices: Mapping[str, Matrix], make: Callable[[str, Matrix], Matrix]) -> None:
        self._matrices = matrices
        self._make = make
        self._made: dict[str, Matrix] = {}

    def __getitem__(self, name: str) -> Matrix:
        if name not in self._made:
            self._made[name] = self._make(name, self._matrices[name])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._matrices

    def __iter__(self) -> Iterator[str]:
        return iter(self._matrices)

    def __len__(self) -> int:
        return len(self._matrices)


@dataclass(frozen=True)
class Profile:
    """What n books are compared by: respect -> (n, width), rows of unit length, or 0 where nothing is known.

    `fame` is (n, 1), between 0 and 1, and counts for candidates only.
    """

    respects: Mapping[str, Matrix]

    def __len__(self) -> int:
        return int(next(iter(self.respects.values())).shape[0])

    def take(self, rows: Rows | Sequence[int]) -> Profile:
        """The profile of those rows, in that order."""
        return self._each(lambda _, matrix: matrix[rows])

    def mean(self) -> Profile:
        """One row that is as like any book as these are on average."""
        return self if len(self) == 1 else self._each(lambda _, matrix: _mean(matrix))

    def plus(self, other: Profile, weight: float = 1.0) -> Profile:
        """Row by row: as like any book as this one is and, by that weight, as the other is."""
        return self._each(lambda name, mine: cast(Matrix, mine + other.respects[name] * weight))

    def times(self, weight: float) -> Profile:
        """Row by row: so many times as like any book."""
        return self._each(lambda _, mine: cast(Matrix, mine * weight))

    @cached_property
    def columns(self) -> Mapping[str, Matrix]:
        """Respect -> (width, n): the same by columns, which is how all candidates are read."""
        return _Made(self.respects, lambda _, matrix: _by_columns(matrix))

    def _each(self, make: Callable[[str, Matrix], Matrix]) -> Profile:
        return Profile(_Made(self.respects, make))


def compare(queries: Profile, candidates: Profile, respects: Sequence[str] = tuple(RESPECTS)) -> Likeness:
    """Likeness (q, c) of each query to each candidate, in those respects that both are known in."""
    known = [name for name in respects if name in queries.respects and name in candidates.respects]
    return {name: _cosines(name, queries, candidates) for name in known}


def compare_with_few(query: Profile, candidates: Profile, respects: Sequence[str]) -> Likeness:
    """The same of one query (1, c), without candidates by columns, which cost more to make than to read."""
    known = [name for name in respects if name in query.respects and name in candidates.respects]
    return {name: _cosines_with_few(name, query, candidates) for name in known}


def cosines(some: Matrix, others: Matrix) -> Scores:
    """Likeness (s, o) of some rows to others, both few, in one respect."""
    if not (isinstance(some, csr_matrix) and isinstance(others, csr_matrix)):
        dense: Scores = cast(Vectors, some) @ cast(Vectors, others).T
        return dense
    # A product of sparse matrices takes time by their width, which is some hundred thousand terms; by the
    # columns that the others use it takes none to speak of. Place 0 is of all columns that they do not.
    used = np.unique(others.indices)
    places = np.zeros(others.shape[1], dtype=np.int32)
    places[used] = np.arange(1, len(used) + 1)
    narrow = np.zeros((len(used) + 1, others.shape[0]), dtype=np.float32)
    row_of = np.repeat(np.arange(others.shape[0]), np.diff(others.indptr))
    narrow[places[others.indices], row_of] = others.data
    within = csr_matrix((some.data, places[some.indices], some.indptr), (some.shape[0], len(narrow)))
    found: Scores = within @ narrow
    return found


def blend(likeness: Likeness, shares: Mapping[str, float]) -> Scores:
    """The weighted sum of likenesses, in their shape; respects without a share have no say."""
    blended: Scores = np.zeros_like(next(iter(likeness.values())))
    for name, alike in likeness.items():
        if name in shares:
            blended += np.float32(shares[name]) * alike
    return blended


def graded(values: NDArray[np.float64], step: float) -> csr_matrix:
    """Numbers from 0 up as unit rows (n, width) of which two are the less alike the further they lie apart.

    Alike are those less than two steps apart. A number that is not known (NaN) is like none.
    """
    known = np.flatnonzero(np.isfinite(values))
    places = np.clip(values[known] / step, 0, _GRADES - 2)
    low = np.floor(places).astype(np.int64)
    above = (places - low).astype(np.float32)
    lengths = np.hypot(above, 1 - above)
    cells = np.concatenate([(1 - above) / lengths, above / lengths])
    rows, columns = np.concatenate([known, known]), np.concatenate([low, low + 1])
    return csr_matrix((cells, (rows, columns)), shape=(len(values), _GRADES), dtype=np.float32)


def unit(vectors: Vectors) -> Vectors:
    """The rows at unit length; rows of 0 stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


_GRADES = 4096


def _cosines(name: str, queries: Profile, candidates: Profile) -> Scores:
    if name == FAME:
        shape = (len(queries), len(candidates))
        return np.broadcast_to(cast(Vectors, candidates.columns[FAME]), shape)
    found = queries.respects[name] @ candidates.columns[name]
    dense: Scores = found.toarray() if isinstance(found, csr_matrix) else found
    return dense


def _by_columns(matrix: Matrix) -> Matrix:
    return csr_matrix(matrix.T) if isinstance(matrix, csr_matrix) else matrix.T


def _cosines_with_few(name: str, query: Profile, candidates: Profile) -> Scores:
    if name == FAME:
        return _cosines(name, query, candidates)
    asked = query.respects[name]
    if isinstance(asked, csr_matrix) and not asked.nnz:
        return np.zeros((1, len(candidates)), dtype=np.float32)
    return cosines(candidates.respects[name], asked).T


def _mean(matrix: Matrix) -> Matrix:
    rows = matrix.shape[0]
    if isinstance(matrix, csr_matrix):  # whose own mean fills in every column there could be
        return csr_matrix(np.full((1, rows), 1 / rows, dtype=np.float32)) @ matrix
    mean: Vectors = matrix.mean(axis=0, keepdims=True)
    return mean
