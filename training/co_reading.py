"""How well a recommender finds what readers of a book also read, beside its parts alone and chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from features.recommender import BookRecommender
from features.respects import CATEGORY, MEANING, WORDS, Rows, blend, compare
from features.similarity import Scores
from training.lists import Lists
from training.metrics import Estimate
from training.retrieval import BLEND, RANDOM, SAME_CATEGORY
from training.retrieval import MEANING as EMBEDDING
from training.retrieval import WORDS as TFIDF

Values = NDArray[np.float64]

NEAR = 10
SINGLE = (SAME_CATEGORY, TFIDF, EMBEDDING)

_BLOCK = 16
_DRAWS = 2_000


@dataclass(frozen=True)
class Reading:
    """NDCG@10 and Recall@10 of each query (q,), 0 to 1.

    Among equal scores they are the expected value over every order they could be put in.
    """

    ndcg: Values
    recall: Values


def reading(model: BookRecommender, lists: Lists) -> Mapping[str, Reading]:
    """What the blend, each single part and chance find of the lists, among all books of the index.

    Books that are never given, other editions and copies of the one that asks, are no candidates for any of
    them, and no answers.
    """
    ways = (BLEND, *SINGLE, RANDOM)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for answers, scores in _scored(model, lists):
        wanted = np.zeros(len(model.book_ids), dtype=bool)
        wanted[answers] = True
        wanted &= scores[BLEND] > -np.inf
        if not wanted.any():
            continue
        for name in ways:
            found[name].append(_judged(scores[name], wanted))
    return {name: Reading(*np.array(pairs).reshape(-1, 2).T) for name, pairs in found.items()}


def read_by(found: Mapping[str, Reading], seed: int) -> dict[str, float]:
    """Every number of what was found by name; the gain is of the blend's NDCG@10 over its best single part's.

    Raises `TrainingError` where no list had an answer that may be given.
    """
    blended = found[BLEND]
    if not len(blended.ndcg):
        raise TrainingError("neighbours: no list to be judged by has a book that may be recommended")
    best = max(SINGLE, key=lambda name: found[name].ndcg.mean())
    gain = relative_gain(blended.ndcg, found[best].ndcg, seed)
    measured = {"co_reading_queries": float(len(blended.ndcg))}
    for name, one in found.items():
        prefix = "" if name == BLEND else f"baseline_{name}_"
        measured[f"{prefix}co_reading_ndcg_at_10"] = float(one.ndcg.mean())
        measured[f"{prefix}co_reading_recall_at_10"] = float(one.recall.mean())
    names = ("co_reading_gain", "co_reading_gain_low", "co_reading_gain_high")
    return measured | dict(zip(names, (gain.mean, gain.low, gain.high), strict=True))


def relative_gain(ours: Values, theirs: Values, seed: int) -> Estimate:
    """By which share the mean of ours is above that of theirs, with its 95 % interval by paired bootstrap."""
    chance = np.random.default_rng(seed)
    picked = (chance.integers(len(ours), size=len(ours)) for _ in range(_DRAWS))
    ratios = [ours[rows].mean() / max(theirs[rows].mean(), 1e-12) - 1 for rows in picked]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Estimate(float(ours.mean() / max(theirs.mean(), 1e-12) - 1), float(low), float(high))


def _scored(model: BookRecommender, lists: Lists) -> Iterator[tuple[Rows, Mapping[str, Scores]]]:
    """The answers of each query, and the scores (n,) that every way gives the books, -inf to its own."""
    names = tuple({*model.shares, CATEGORY, MEANING, WORDS})
    for start in range(0, len(lists), _BLOCK):
        queries = lists.queries[start : start + _BLOCK]
        alike = compare(model.profile.take(queries), model.profile, names)
        blended = blend(alike, model.shares)
        for place, query in enumerate(queries):
            own = model.duplicates(int(query))
            ways = {
                BLEND: blended[place],
                SAME_CATEGORY: alike[CATEGORY][place],
                TFIDF: alike[WORDS][place],
                EMBEDDING: alike[MEANING][place],
                RANDOM: np.zeros(len(own), dtype=np.float32),
            }
            scores = {name: np.where(own, -np.inf, found) for name, found in ways.items()}
            yield lists.answers[start + place], scores


def _judged(scores: Scores, wanted: NDArray[np.bool_]) -> tuple[float, float]:
    """NDCG@10 and Recall@10 of one query."""
    gains = _expected_gains(scores, wanted)
    discounts = 1 / np.log2(np.arange(2, NEAR + 2))
    ideal = discounts[: int(wanted.sum())].sum()
    return float(gains @ discounts[: len(gains)] / ideal), float(gains.sum() / wanted.sum())


def _expected_gains(scores: Scores, wanted: NDArray[np.bool_]) -> Values:
    """How much of an answer stands at each of the first places, the mean of every order of equal scores."""
    k = min(NEAR, int(np.sum(scores > -np.inf)))
    bar = np.partition(scores, -k)[-k]
    reached = np.flatnonzero(scores >= bar)
    _, groups = np.unique(-scores[reached], return_inverse=True)
    mean = np.bincount(groups, weights=wanted[reached]) / np.bincount(groups)
    gains: Values = mean[np.sort(groups)[:k]]
    return gains
