"""How well likeness finds what belongs together, told without readers: halves of one description.

The first halves of held-out descriptions ask, the second halves of all of them are the candidates, and
the other half of the same description is the one right answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from features import respects
from features.lens import is_no_category
from features.recommender import BookRecommender
from features.respects import Likeness, Profile, blend, compare
from features.sentences import halves
from features.similarity import Scores, work_keys
from training.explanation import HELD_OUT
from training.split import held_out_rows

Values = NDArray[np.float64]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

#: How far down an answer is still found.
NEAR = 10
FIRST, SECOND = "first_half_embedding", "second_half_embedding"
BLEND, SAME_CATEGORY, MEANING, WORDS, RANDOM = "blend", "same_category", "embedding", "tfidf", "random"

# What halves can be compared by. Author, series and the like would find their own book by being its own,
# and the topics have seen both halves together.
_OF_HALVES = (respects.MEANING, respects.WORDS, respects.CATEGORY)
_MOST_AGREEING = 1_000  # books by which agreement is told


@dataclass(frozen=True)
class Found:
    """Where the right answer stood for each query (q,): 1 / its place, and whether within the first ten.

    Among equal scores it is the expected value over every order they could be put in.
    """

    reciprocal: Values
    near: Values

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank, 0 to 1."""
        return float(self.reciprocal.mean())

    @property
    def recall(self) -> float:
        """Recall@10: share of the answers among the first ten, 0 to 1."""
        return float(self.near.mean())


def can_be_halved(books: pd.DataFrame) -> NDArray[np.bool_]:
    """Which books (n,) have a description of two sentences and twenty words or more."""
    return np.array([halves(text) is not None for text in books["description"]], dtype=bool)


def with_halves(
    books: pd.DataFrame, most: int, embed: Embed, among: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """The books with a column that says which are held out, about `most` of those that can be halved.

    Which ones depends on their ids alone; of them only those `among` (n,) are held out, if that is given.
    They get the unit vectors of both halves; the other books get empty ones. Raises `TrainingError` if
    fewer than two are left.
    """
    able = np.flatnonzero(can_be_halved(books))
    chosen = able[_sample(books.iloc[able], most)] if len(able) > 1 else able
    chosen = chosen if among is None else chosen[among[chosen]]
    if len(chosen) < 2:
        raise TrainingError(
            f"a recommender is judged by the two halves of descriptions: of {len(books)} books only "
            f"{len(chosen)} that may judge have one of two sentences and twenty words or more"
        )
    pairs = [pair for text in books["description"].iloc[chosen] if (pair := halves(text)) is not None]
    vectors = embed([half for side in zip(*pairs, strict=True) for half in side])
    rows = books.reset_index(drop=True)
    rows[HELD_OUT] = np.isin(np.arange(len(rows)), chosen)
    return with_vectors(rows, dict(zip((FIRST, SECOND), np.split(vectors, 2), strict=True)), chosen)


def with_vectors(
    rows: pd.DataFrame, vectors: Mapping[str, NDArray[np.float32]], chosen: NDArray[np.int64]
) -> pd.DataFrame:
    """The rows with columns of vectors, each of those that are chosen with its own, the others with none."""
    for column, found in vectors.items():
        cells = [np.empty(0, dtype=np.float32)] * len(rows)
        for place, vector in zip(chosen, found, strict=True):
            cells[place] = vector
        rows[column] = pd.Series(cells, dtype=object)
    return rows


def asked_by(rows: pd.DataFrame, embed: Embed) -> pd.DataFrame:
    """Held-out rows whose first halves, with which they ask, are embedded by that."""
    pairs = [pair for text in rows["description"] if (pair := halves(text)) is not None]
    return rows.assign(**{FIRST: list(embed([first for first, _ in pairs]))})


def likeness_of_halves(model: BookRecommender, rows: pd.DataFrame) -> Likeness:
    """Likeness (q, q) of each first half to each second half of held-out rows, by the model's own words.

    In meaning, words and category: the rest would know the book and not the text.
    """
    pairs = [pair for text in rows["description"] if (pair := halves(text)) is not None]
    first, second = (list(side) for side in zip(*pairs, strict=True))
    return compare(_profile(model, first, rows, FIRST), _profile(model, second, rows, SECOND), _OF_HALVES)


def retrieval(model: BookRecommender, rows: pd.DataFrame) -> Mapping[str, Found]:
    """What the blend finds, and what each part of it, the category alone and chance find, on held-out rows.

    A model must know its books before its answers count: where a first half does not find its own book
    among the ten nearest of all indexed vectors, the blend and the embedding have found nothing.
    """
    likeness = likeness_of_halves(model, rows)
    known = knows_its_books(model, rows)
    works = np.array(work_keys(list(rows["title"])))
    other_edition = (works[:, None] == works[None, :]) & ~np.eye(len(rows), dtype=bool)
    candidates = {
        BLEND: blend(likeness, model.shares),
        SAME_CATEGORY: likeness[respects.CATEGORY],
        MEANING: likeness[respects.MEANING],
        WORDS: likeness[respects.WORDS],
        RANDOM: np.zeros_like(likeness[respects.WORDS]),
    }
    found = {name: _found(np.where(other_edition, -np.inf, scores)) for name, scores in candidates.items()}
    for name in (BLEND, MEANING):
        found[name] = Found(found[name].reciprocal * known, found[name].near * known)
    return found


def knows_its_books(model: BookRecommender, rows: pd.DataFrame, column: str = FIRST) -> Values:
    """1.0 for each row whose vector has its own book among the ten nearest indexed vectors, else 0.0."""
    nearness = np.stack(list(rows[column])) @ model.embeddings.T
    places = np.searchsorted(model.book_ids, rows["book_id"]).clip(max=len(model.book_ids) - 1)
    indexed = model.book_ids[places] == rows["book_id"].to_numpy()
    own = np.take_along_axis(nearness, places[:, None], axis=1)
    known: Values = (indexed & ((nearness > own).sum(axis=1) < NEAR)).astype(np.float64)
    return known


def by_weights(likeness: Likeness, category_weight: float, shares: Sequence[float]) -> list[float]:
    """Mean reciprocal rank for each share of the embedding in what the category leaves over."""
    rest = 1 - category_weight
    weights = (
        {
            respects.MEANING: rest * share,
            respects.WORDS: rest * (1 - share),
            respects.CATEGORY: category_weight,
        }
        for share in shares
    )
    return [_found(blend(likeness, one)).mrr for one in weights]


def _found(scores: Scores) -> Found:
    right = np.diag(scores)[:, None]
    better = (scores > right).sum(axis=1)
    equal = (scores == right).sum(axis=1)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(scores) + 1))])
    return Found(
        reciprocal=(harmonic[better + equal] - harmonic[better]) / equal,
        near=np.clip((NEAR - better) / equal, 0, 1),
    )


def _profile(model: BookRecommender, texts: list[str], rows: pd.DataFrame, column: str) -> Profile:
    halved = pd.DataFrame({"title": "", "category": list(rows["category"]), "description": texts})
    return model.lens.profile(halved, np.stack(list(rows[column])))


def _sample(books: pd.DataFrame, most: int) -> NDArray[np.int64]:
    if len(books) <= most:
        return np.arange(len(books))
    ids = [str(book_id) for book_id in books["book_id"]]
    return np.flatnonzero(held_out_rows(list(books["book_id"]), ids, most / len(books)))


def category_agreement(model: BookRecommender) -> tuple[float, float] | None:
    """Share of the ten nearest books that are of a book's own category, and of ten books drawn at random.

    Categories that only say that there is none are left out of both. None if fewer than two books are left.
    Of many books every so manieth is asked. The category has its weight in the blend, so this tells what
    users get and not how good the rest is.
    """
    named = np.array([not is_no_category(name) for name in model.categories])
    rows = np.flatnonzero(named)
    if len(rows) < 2:
        return None
    shares = []
    for row in rows[:: -(-len(rows) // _MOST_AGREEING)]:
        nearest = model.recommend(int(model.book_ids[row]), NEAR, named)
        own = [one.category == model.categories[row] for one in nearest]
        shares.append(float(np.mean(own)) if own else 0.0)
    sizes = np.unique(np.array(model.categories)[rows], return_counts=True)[1]
    at_random = float(np.sum(sizes * (sizes - 1)) / (len(rows) * (len(rows) - 1)))
    return float(np.mean(shares)), at_random
