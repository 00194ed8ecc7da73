"""The recommender: the books most like one book, by meaning, by words and by category together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline

from features.similarity import Scores, best_rows, work_keys

Vectors = NDArray[np.float32]

#: Columns that `fit` reads; the embeddings come beside them.
BOOKS = ("book_id", "title", "category", "description")
INPUTS = ("book_id", "limit")
OUTPUTS = ("query_id", "book_id", "score")

#: Where shops put books that nobody has put anywhere; two books there have nothing in common.
NO_CATEGORY = frozenset({"", "default", "add a comment", "uncategorised", "uncategorized", "unknown"})

# Two descriptions of one work agree by 0.94 in words and 0.98 in meaning; two volumes of one series
# stay below 0.76 and 0.89.
_SAME_WORDS = 0.9
_TERMS = 2**18
_SAME_MEANING = 0.97


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A book near another one; `score` is at most 1."""

    book_id: int
    title: str
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What n books are compared by: unit vectors (n, d), unit term weights (n, terms), category codes (n,).

    A code below 0 is no category: it equals no other.
    """

    embeddings: Vectors
    terms: csr_matrix
    category_codes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike books are in each respect, at most 1: three arrays of one shape."""

    meaning: Scores
    words: Scores
    category: Scores


class BookRecommender(BaseEstimator):  # type: ignore[misc]
    """Exact search over the weighted mean of three likenesses.

    `meaning_weight` is for the cosine of embeddings, `words_weight` for that of TF-IDF over title and
    description, `category_weight` for being of one category. Weights are shares of their sum.
    """

    def __init__(
        self, meaning_weight: float = 0.3, words_weight: float = 0.65, category_weight: float = 0.05
    ) -> None:
        self.meaning_weight = meaning_weight
        self.words_weight = words_weight
        self.category_weight = category_weight

    @property
    def weights(self) -> tuple[float, float, float]:
        """The shares of meaning, words and category; their sum is 1."""
        total = self.meaning_weight + self.words_weight + self.category_weight
        return self.meaning_weight / total, self.words_weight / total, self.category_weight / total

    def fit(self, books: pd.DataFrame, embeddings: Vectors) -> Self:
        """Index n books with the columns of `BOOKS` and their unit vectors (n, d).

        Raises `ValueError` for no books, an id that occurs twice, vectors that are not one a book, or
        weights that are negative or all 0.
        """
        self._check(books, embeddings)
        order = np.argsort(books["book_id"].to_numpy(), kind="stable")  # so that ties go to the lower id
        ordered = books.iloc[order]
        self.book_ids = ordered["book_id"].to_numpy(dtype=np.int64)
        self.titles = list(ordered["title"])
        self.categories = list(ordered["category"])
        self.works = np.unique(work_keys(self.titles), return_inverse=True)[1].astype(np.int64)
        self.category_names = sorted(set(self.categories))
        texts = texts_of(ordered)
        self.weighting = _weighting().fit(texts)
        profile = self.profile(texts, self.categories, embeddings[order])
        self.embeddings = profile.embeddings
        self.terms = profile.terms
        self.books_by_term = csr_matrix(profile.terms.T)
        self.category_codes = profile.category_codes
        return self

    def recommend(self, book_id: int, k: int, among: NDArray[np.bool_] | None = None) -> list[Neighbour]:
        """The k books most like that one, best first, ties by lower id; fewer where there are fewer.

        `among` (n,) says which rows of the index may be given; all by default. The book itself and its
        duplicates are left out: another edition of the title, or a description that says the same in
        nearly the same words. Raises `KeyError` for an id it does not know.
        """
        scores = self.scores(book_id)
        if among is not None:
            scores[~among] = -np.inf
        return [
            Neighbour(int(self.book_ids[row]), self.titles[row], self.categories[row], float(scores[row]))
            for row in best_rows(scores, k)
        ]

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Neighbours of each row's `book_id`, at most `limit` of them: `query_id`, `book_id`, `score`.

        Best first within a query, queries in their order. Raises `KeyError` for an id it does not know.
        """
        found = [
            (int(query), one.book_id, one.score)
            for query, limit in zip(X["book_id"], X["limit"], strict=True)
            for one in self.recommend(int(query), int(limit))
        ]
        frame = pd.DataFrame(found, columns=list(OUTPUTS))
        return frame.astype({"query_id": "int64", "book_id": "int64", "score": "float64"})

    def scores(self, book_id: int) -> Scores:
        """Likeness (n,) of every indexed book to that one, -inf for itself and its duplicates."""
        row = self.row(book_id)
        likeness = self._likeness_to(row)
        scores = self.blend(likeness)
        same = (likeness.meaning >= _SAME_MEANING) | (likeness.words >= _SAME_WORDS)
        scores[same | (self.works == self.works[row])] = -np.inf
        return np.minimum(scores, np.float32(1))  # rounding may carry equal unit vectors beyond 1

    def rows_among(self, book_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows (n,) of the index are of one of these books."""
        found: NDArray[np.bool_] = np.isin(self.book_ids, book_ids)
        return found

    def row(self, book_id: int) -> int:
        """Row of that book in the index. Raises `KeyError`."""
        row = int(np.searchsorted(self.book_ids, book_id))
        if row == len(self.book_ids) or self.book_ids[row] != book_id:
            raise KeyError(book_id)
        return row

    def blend(self, likeness: Likeness) -> Scores:
        """The weighted mean of the three, in their shape."""
        meaning, words, category = (np.float32(weight) for weight in self.weights)
        blended: Scores = meaning * likeness.meaning + words * likeness.words + category * likeness.category
        return blended

    def profile(self, texts: Sequence[str], categories: Sequence[str], embeddings: Vectors) -> Profile:
        """Texts, indexed or not, made comparable; a category that was not indexed is none."""
        codes = {name: code for code, name in enumerate(self.category_names) if not is_no_category(name)}
        return Profile(
            embeddings=np.ascontiguousarray(embeddings, dtype=np.float32),
            terms=csr_matrix(self.weighting.transform(texts)),
            category_codes=np.array([codes.get(name, -1) for name in categories], dtype=np.int64),
        )

    def _likeness_to(self, row: int) -> Likeness:
        code = self.category_codes[row]
        return Likeness(
            meaning=self.embeddings @ self.embeddings[row],
            words=(self.terms[row] @ self.books_by_term).toarray()[0],
            category=((self.category_codes == code) & (code >= 0)).astype(np.float32),
        )

    def _check(self, books: pd.DataFrame, embeddings: Vectors) -> None:
        if books.empty or books["book_id"].duplicated().any():
            raise ValueError("wanted at least one book, and each book_id once")
        if embeddings.ndim != 2 or len(embeddings) != len(books):
            raise ValueError(f"wanted a vector for each of {len(books)} books, got shape {embeddings.shape}")
        weights = (self.meaning_weight, self.words_weight, self.category_weight)
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(f"weights must be 0 or more and not all 0, got {weights}")


def compare(queries: Profile, candidates: Profile) -> Likeness:
    """Likeness (q, c) of each query to each candidate."""
    codes = queries.category_codes[:, None]
    same = (codes == candidates.category_codes[None, :]) & (codes >= 0)
    return Likeness(
        meaning=queries.embeddings @ candidates.embeddings.T,
        words=(queries.terms @ candidates.terms.T).toarray(),
        category=same.astype(np.float32),
    )


def texts_of(books: pd.DataFrame) -> list[str]:
    """The words a book is known by: its title and its description."""
    return [f"{title}\n{text}" for title, text in zip(books["title"], books["description"], strict=True)]


def is_no_category(name: str) -> bool:
    """Whether a shop's category only says that there is none."""
    return name.strip().casefold() in NO_CATEGORY


def _weighting() -> Pipeline:
    # Hashed, because a vocabulary takes ten times the space of all the rest when the model is saved.
    return make_pipeline(
        HashingVectorizer(
            n_features=_TERMS, stop_words="english", alternate_sign=False, norm=None, dtype=np.float32
        ),
        TfidfTransformer(sublinear_tf=True),
    )
