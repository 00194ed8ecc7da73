"""The lens: what books are seen by, fitted on those that are indexed and used for whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline

from features import respects
from features.bibliography import labels_of, people_of, series_of
from features.respects import Profile, Vectors, graded, unit

#: Where shops put books that nobody has put anywhere; two books there have nothing in common.
NO_CATEGORY = frozenset({"", "default", "add a comment", "uncategorised", "uncategorized", "unknown"})

TERMS = 2**18
_LABELS = 2**14
_TOPICS = 48
_MOST_TOPIC_TERMS = 20_000  # the commonest; the others say little about what a book is about
_FEWEST_BOOKS_FOR_TOPICS = 20
_YEARS_ALIKE, _MAGNITUDES_ALIKE = 5.0, 0.5


class Lens(BaseEstimator):  # type: ignore[misc]
    """Books as a `Profile`. Terms are hashed: a vocabulary takes ten times the space of all the rest."""

    def fit(self, books: pd.DataFrame) -> Self:
        """Learn from n books which terms and genres are rare, and what their terms are about."""
        self.weighting = _weighting().fit(texts_of(books))
        terms = csr_matrix(self.weighting.transform(texts_of(books)))
        self.topic_terms, self.topics = _topics(terms)
        self.rarity = TfidfTransformer().fit(_hashed(map(labels_of, text_column(books, "genre"))))
        known = np.log1p(number_column(books, "reviews"))
        self.most_fame = float(np.nanmax(known, initial=0.0)) or 1.0
        return self

    def profile(self, books: pd.DataFrame, embeddings: Vectors) -> Profile:
        """What those n books are compared by; columns that are not there are not known of any."""
        terms = csr_matrix(self.weighting.transform(texts_of(books)))
        genres = _hashed(map(labels_of, text_column(books, "genre")))
        reviews = number_column(books, "reviews")
        fame = np.nan_to_num(np.log1p(reviews) / self.most_fame).clip(0, 1)
        return Profile(
            {
                respects.MEANING: np.ascontiguousarray(embeddings, dtype=np.float32),
                respects.WORDS: terms,
                respects.TOPICS: self.about(terms),
                respects.TITLE: csr_matrix(self.weighting.transform(list(books["title"]))),
                respects.AUTHOR: _alike(books, "author", people_of),
                respects.SERIES: _alike(books, "title", series_of),
                respects.CATEGORY: _alike(books, "category", _category_of),
                respects.GENRE: csr_matrix(self.rarity.transform(genres), dtype=np.float32),
                respects.LANGUAGE: _alike(books, "language", labels_of),
                respects.YEAR: graded(number_column(books, "year"), _YEARS_ALIKE),
                respects.STANDING: graded(np.log10(1 + reviews), _MAGNITUDES_ALIKE),
                respects.FAME: fame[:, None].astype(np.float32),
            }
        )

    def about(self, terms: csr_matrix) -> Vectors:
        """What term weights (n, TERMS) are about: unit rows (n, topics)."""
        found = terms[:, self.topic_terms] @ self.topics
        return unit(np.asarray(found, dtype=np.float32))

    def words(self, text: str) -> list[str]:
        """The words of a text that count as terms, in their order, repeats included."""
        split: list[str] = self.weighting[0].build_analyzer()(text)
        return split


def texts_of(books: pd.DataFrame) -> list[str]:
    """The words a book is known by: its title and its description."""
    return [f"{title}\n{text}" for title, text in zip(books["title"], books["description"], strict=True)]


def text_column(books: pd.DataFrame, name: str) -> list[str]:
    """The texts of a column, "" for each book where there is none."""
    return list(books[name]) if name in books else [""] * len(books)


def number_column(books: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """The numbers of a column, NaN for each book where there is none."""
    if name not in books:
        return np.full(len(books), np.nan)
    return books[name].to_numpy(dtype=np.float64, na_value=np.nan)


def is_no_category(name: str) -> bool:
    """Whether a shop's category only says that there is none."""
    return name.strip().casefold() in NO_CATEGORY


def _category_of(name: str) -> tuple[str, ...]:
    return () if is_no_category(name) else (name,)


def _weighting() -> Pipeline:
    return make_pipeline(
        HashingVectorizer(
            n_features=TERMS, stop_words="english", alternate_sign=False, norm=None, dtype=np.float32
        ),
        TfidfTransformer(sublinear_tf=True),
    )


def _hashed(labels: Iterable[Sequence[str]]) -> csr_matrix:
    hasher = FeatureHasher(_LABELS, input_type="string", alternate_sign=False, dtype=np.float32)
    return csr_matrix(hasher.transform(labels))


def _alike(books: pd.DataFrame, column: str, labels: Callable[[str], tuple[str, ...]]) -> csr_matrix:
    """Unit rows over the labels of a column; two books are alike by the labels they share."""
    hashed = _hashed(map(labels, text_column(books, column)))
    lengths = np.sqrt(np.asarray(hashed.multiply(hashed).sum(axis=1)).ravel())
    hashed.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(hashed.indptr)).astype(np.float32)
    return hashed


def _topics(terms: csr_matrix) -> tuple[NDArray[np.int64], Vectors]:
    """The terms that topics are made of, and their directions (terms, topics); none for a few books."""
    books = np.bincount(terms.indices, minlength=terms.shape[1])
    common = np.argsort(-books, kind="stable")[:_MOST_TOPIC_TERMS]
    chosen = np.sort(common[books[common] > 1]).astype(np.int64)
    size = min(_TOPICS, terms.shape[0] // 4, len(chosen) - 1)
    if terms.shape[0] < _FEWEST_BOOKS_FOR_TOPICS or size < 1:
        return chosen[:0], np.zeros((0, 0), dtype=np.float32)
    found = TruncatedSVD(size, random_state=0).fit(terms[:, chosen])
    return chosen, np.ascontiguousarray(found.components_.T, dtype=np.float32)
