"""The recommender: the books nearest to books that are liked or to a text, in every respect together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator

from features import respects
from features.approximate import ApproximateIndex
from features.bibliography import shared_people
from features.former import is_former, of_former
from features.lens import Lens, is_no_category, text_column
from features.packing import packed, unpacked
from features.ranking import RANKED_UP_TO, Ranking
from features.reasons import Why, telling_words, term_weights
from features.respects import RESPECTS, Profile, Vectors, blend, compare
from features.search import Search, Wish
from features.similarity import spread_out, work_keys

#: Columns that `fit` reads; the embeddings come beside them.
BOOKS = ("book_id", "title", "category", "description")
#: Columns that it reads where they are there.
MORE = ("author", "genre", "language", "year", "reviews")
INPUTS = ("book_id", "limit")
OUTPUTS = ("query_id", "book_id", "score")

#: Books up to which every one is compared with what is asked for.
EXACT_UP_TO = 100_000
#: Weights before anything is learnt. Set by hand: the text's as they find the other halves of descriptions
#: in two shops, the others' so that sharing a thing counts about as much as being near in text.
GIVEN: Mapping[str, float] = {
    respects.MEANING: 0.25,
    respects.WORDS: 0.4,
    respects.TOPICS: 0.08,
    respects.TITLE: 0.03,
    respects.AUTHOR: 0.08,
    respects.SERIES: 0.05,
    respects.CATEGORY: 0.1,
    respects.GENRE: 0.06,
}

_DISLIKED = 0.5
_POOL = 5  # books a place that diversity chooses from
_FEWEST_IN_POOL = 50
#: Attributes that a saved model keeps as bytes.
_TEXTS = ("titles", "categories", "authors", "descriptions")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A book near what was asked for; `score` is at most 1."""

    book_id: int
    title: str
    category: str
    score: float


class BookRecommender(BaseEstimator):  # type: ignore[misc]
    """Search by the weighted mean of likenesses in `RESPECTS`.

    `weights` give respects their weights, others have none; a weight below 0 speaks against a book. They
    count as shares of the sum of their sizes. Up to `exact_up_to` books all are compared; beyond that an
    index gives the candidates, of which the best are found as before. In a small catalogue what each
    book asks for alone is ranked when the first one asks, and kept until the weights are others.
    """

    _ranking: Ranking | None = None

    def __init__(self, weights: Mapping[str, float] | None = None, exact_up_to: int = EXACT_UP_TO) -> None:
        self.weights = weights
        self.exact_up_to = exact_up_to

    @property
    def shares(self) -> dict[str, float]:
        """Respect -> its share, of those with a weight; their sizes sum to 1."""
        weights = GIVEN if self.weights is None else self.weights
        total = sum(map(abs, weights.values()))
        return {name: weights[name] / total for name in RESPECTS if weights.get(name)}

    def fit(self, books: pd.DataFrame, embeddings: Vectors) -> Self:
        """Index n books with the columns of `BOOKS`, those of `MORE` that are known, and unit vectors (n, d).

        Raises `ValueError` for no books, an id that occurs twice, vectors that are not one a book, or
        weights that cannot weigh.
        """
        self._check(books, embeddings)
        order = np.argsort(books["book_id"].to_numpy(), kind="stable")  # so that ties go to the lower id
        ordered = books.iloc[order]
        self.book_ids = ordered["book_id"].to_numpy(dtype=np.int64)
        self.titles, self.categories = list(ordered["title"]), list(ordered["category"])
        self.authors, self.descriptions = text_column(ordered, "author"), list(ordered["description"])
        self.works = np.unique(work_keys(self.titles), return_inverse=True)[1].astype(np.int64)
        self.lens = Lens().fit(ordered)
        self.profile = self.lens.profile(ordered, embeddings[order])
        self.index = ApproximateIndex.build(self.embeddings) if len(books) > self.exact_up_to else None
        self._ranking = None
        return self

    @property
    def libraries(self) -> tuple[str, ...]:
        """Packages that it needs where it is loaded, beside those that every model does."""
        return () if self.index is None else ("faiss-cpu",)

    @property
    def embeddings(self) -> Vectors:
        """The unit vectors (n, d) of the indexed books."""
        found: Vectors = self.profile.respects[respects.MEANING]
        return found

    def wish(
        self,
        like: Sequence[int] = (),
        dislike: Sequence[int] = (),
        text: str = "",
        vector: Vectors | None = None,
    ) -> Wish:
        """What those books and that text, whose unit vector (d,) is `vector`, ask for together.

        The text counts as one more book that is liked. Raises `KeyError` for an id that is not indexed.
        """
        if len(like) == 1 and not dislike and vector is None:
            return Wish.of(self.profile, self.row(like[0]))
        named = np.array([self.row(one) for one in (*like, *dislike)], dtype=np.int64)
        wanted = [self.profile.take(named[: len(like)])] if like else []
        if vector is not None:
            asked = pd.DataFrame({"title": [""], "category": [""], "description": [text]})
            wanted.append(self.lens.profile(asked, vector[None, :]))
        liked = _mean(wanted)
        profile = liked
        if dislike:
            profile = liked.plus(self.profile.take(named[len(like) :]).mean(), -_DISLIKED)
        return Wish(profile, liked, named, len(like), text)

    def recommend(self, book_id: int, k: int, among: NDArray[np.bool_] | None = None) -> list[Neighbour]:
        """The k books most like that one, best first, ties by lower id; fewer where there are fewer.

        Raises `KeyError` for an id it does not know.
        """
        return self.nearest(self.wish([book_id]), k, among)

    def nearest(
        self, wish: Wish, k: int, among: NDArray[np.bool_] | None = None, diversity: float = 0.0
    ) -> list[Neighbour]:
        """The k books nearest to a wish, best first, ties by lower id; fewer only where there are fewer.

        `among` (n,) says which rows of the index may be given; all by default. Books that were named are
        left out with their duplicates: other editions of the title, and descriptions that say the same in
        nearly the same words. With `diversity` (0 to 1) they come in the order of `spread_out`.
        """
        wanted = max(_POOL * k, _FEWEST_IN_POOL) if diversity else k
        rows, scores = self._search(ranked=wish.alone is not None).best(wish, wanted, among)
        if diversity:
            pool = self.profile.take(rows)
            chosen = spread_out(
                scores, blend(compare(pool, pool, tuple(self.shares)), self.shares), k, diversity
            )
            rows, scores = rows[chosen], scores[chosen]
        return [
            Neighbour(int(self.book_ids[row]), self.titles[row], self.categories[row], float(score))
            for row, score in zip(rows, scores, strict=True)
        ]

    def why(self, wish: Wish, book_ids: Sequence[int]) -> list[Why]:
        """What brought each of those books near to what is asked for, in their order."""
        terms: csr_matrix = self.profile.respects[respects.WORDS]
        asked = term_weights(self._asked_words(wish), csr_matrix(wish.liked.respects[respects.WORDS]))
        liked = wish.named[: wish.like].tolist()
        found = []
        for row in map(self.row, book_ids):
            category = self.categories[row]
            shared = not is_no_category(category) and any(self.categories[one] == category for one in liked)
            people = (shared_people(self.authors[row], self.authors[one]) for one in liked)
            told = telling_words(self.lens, self.titles[row], self.descriptions[row], terms[row], asked)
            author = next((name for name in people if name), None)
            found.append(Why(category if shared else None, author, *told))
        return found

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

    def rows_among(self, book_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows (n,) of the index are of one of these books."""
        found: NDArray[np.bool_] = np.isin(self.book_ids, book_ids)
        return found

    def duplicates(self, row: int) -> NDArray[np.bool_]:
        """Which rows (n,) are never given for that one: itself, its other editions and its copies."""
        return self._search().duplicates(row)

    def row(self, book_id: int) -> int:
        """Row of that book in the index. Raises `KeyError`."""
        row = int(np.searchsorted(self.book_ids, book_id))
        if row == len(self.book_ids) or self.book_ids[row] != book_id:
            raise KeyError(book_id)
        return row

    def __getstate__(self) -> dict[str, Any]:
        """What is saved: texts as bytes, matrices by rows alone, the index as it writes itself."""
        state = dict(self.__dict__)
        if "profile" in state:
            state |= {name: packed(state[name]) for name in _TEXTS}
            state["profile"] = dict(self.profile.respects)
            state["index"] = None if self.index is None else self.index.__getstate__()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if is_former(state):
            self.__dict__.update(of_former(state))
            return
        self.__dict__.update(state)
        if "profile" in state:
            self.__dict__ |= {name: unpacked(state[name]) for name in _TEXTS}
            self.profile = Profile(state["profile"])
            self.index = None if state["index"] is None else ApproximateIndex(**state["index"])

    def _search(self, ranked: bool = False) -> Search:
        """By the weights of now; with what each book asks for, if that is wanted and kept at all."""
        shares = self.shares
        search = Search(self.profile, self.works, shares, self.index, self.exact_up_to)
        if not ranked or self.index is not None or len(self.book_ids) > RANKED_UP_TO:
            return search
        if self._ranking is None or self._ranking.shares != shares:
            self._ranking = search.ranked()
        return replace(search, ranking=self._ranking)

    def _asked_words(self, wish: Wish) -> list[str]:
        """The words of all that is liked, each once."""
        rows = wish.named[: wish.like].tolist()
        texts = [*(f"{self.titles[row]}\n{self.descriptions[row]}" for row in rows), wish.text]
        return sorted({word for text in texts for word in self.lens.words(text)})

    def _check(self, books: pd.DataFrame, embeddings: Vectors) -> None:
        if books.empty or books["book_id"].duplicated().any():
            raise ValueError("wanted at least one book, and each book_id once")
        if embeddings.ndim != 2 or len(embeddings) != len(books):
            raise ValueError(f"wanted a vector for each of {len(books)} books, got shape {embeddings.shape}")
        weights = GIVEN if self.weights is None else self.weights
        if unknown := sorted(set(weights) - set(RESPECTS)):
            raise ValueError(f"weights are given to {', '.join(RESPECTS)}, not to {', '.join(unknown)}")
        if not 0 < sum(map(abs, weights.values())) < float("inf"):
            raise ValueError(f"weights must be numbers and not all 0, got {dict(weights)}")


def _mean(wanted: Sequence[Profile]) -> Profile:
    """The mean row of all rows of some profiles."""
    first, *others = wanted
    if not others:
        return first.mean()
    rows = sum(map(len, wanted))
    mean = first.mean().times(len(first) / rows)
    for more in others:
        mean = mean.plus(more.mean(), len(more) / rows)
    return mean
