"""Recommendations by book: of few against the bare matrix product, of many against comparing every one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.many_books import many_books
from benchmarks.measure import Comparison, Metric, Outcome, Tell, Way, compare
from features.recommender import BookRecommender
from features.respects import Profile
from features.search import Search

ROUNDS = 5
FEW, MANY = 1_000, 200_000
_NEAR = 10
_ASKED, _ASKED_EXACTLY = 200, 20  # books a round; comparing every one takes long
_JUDGED = 100  # books by which recall is told
_SEED = 1


def run(rounds: int, tell: Tell) -> Outcome:
    return searched("neighbours", MANY, rounds, tell)


def searched(name: str, many: int, rounds: int, tell: Tell) -> Outcome:
    """A thousand books, and many; both generated."""
    few = many_books(FEW).recommender()
    started = time.perf_counter()
    few.recommend(1, _NEAR)
    ranked = time.perf_counter() - started
    of_few = _few(few, rounds, tell)
    model, notes = _indexed(many, tell)
    exact = replace(model._search(), index=None)
    asked = np.random.default_rng(_SEED).choice(many, _ASKED, replace=False).tolist()
    of_many = _many(model, exact, asked, rounds, tell)
    notes = (
        f"The rankings of {FEW:,} books are made once in {ranked:.2f} s and saved with the model.",
        *notes,
        _recall(model, exact, asked),
        _memory(model),
    )
    setting = f"{FEW:,} and {many:,} generated books, {_NEAR} of them wanted, rounds: {rounds}"
    return Outcome(name, setting, (*of_few, *of_many), notes)


def _few(model: BookRecommender, rounds: int, tell: Tell) -> tuple[Comparison, ...]:
    vectors, offered = model.embeddings, np.ones(FEW, dtype=bool)
    anew = model._search()
    every = range(FEW)
    metric = Metric(f"one book's {_NEAR}, of {FEW:,}, p50", "ms", higher_is_better=False)
    return compare(
        _way("bare matrix product", metric, lambda row: vectors @ vectors[row], every),
        [
            _way("by book", metric, lambda row: model.recommend(row + 1, _NEAR, offered), every),
            _way(
                "the same, not kept",
                metric,
                lambda row: anew.best(model.wish([row + 1]), _NEAR, offered),
                every,
            ),
        ],
        rounds,
        tell,
    )


def _many(
    model: BookRecommender, exact: Search, asked: Sequence[int], rounds: int, tell: Tell
) -> tuple[Comparison, ...]:
    offered = np.ones(len(model.book_ids), dtype=bool)
    metric = Metric(f"one book's {_NEAR}, of {len(offered):,}, p50", "ms", higher_is_better=False)
    few = asked[:_ASKED_EXACTLY]
    return compare(
        _way("every book compared", metric, lambda row: exact.best(model.wish([row + 1]), _NEAR, None), few),
        [_way("by book", metric, lambda row: model.recommend(row + 1, _NEAR, offered), asked)],
        rounds,
        tell,
    )


def _way(label: str, metric: Metric, search: Callable[[int], object], rows: Sequence[int]) -> Way:
    def measure() -> Mapping[Metric, float]:
        taken = []
        for row in rows:
            started = time.perf_counter()
            search(row)
            taken.append(time.perf_counter() - started)
        return {metric: 1_000 * median(taken)}

    return Way(label, measure)


def _indexed(many: int, tell: Tell) -> tuple[BookRecommender, tuple[str, ...]]:
    made = many_books(many)
    started = time.perf_counter()
    model = made.recommender()
    took = time.perf_counter() - started
    tell(f"  {many:,} books indexed in {took:.0f} s")
    return model, (f"{many:,} books are indexed once, in {took:.0f} s.",)


def _recall(model: BookRecommender, exact: Search, asked: Sequence[int]) -> str:
    shares = []
    for row in asked[:_JUDGED]:
        true, _ = exact.best(model.wish([row + 1]), _NEAR, None)
        found = [one.book_id - 1 for one in model.recommend(row + 1, _NEAR)]
        shares.append(float(np.isin(true, found).mean()))
    assert model.index is not None
    return (
        f"Recall@{_NEAR} of {len(shares)} books against comparing every one: {np.mean(shares):.4f}; of the "
        f"index by vectors alone, as measured when it was built, {model.index.recall:.4f} by looking into "
        f"{model.index.cells} cells."
    )


def _memory(model: BookRecommender) -> str:
    assert model.index is not None
    index = len(model.index.__getstate__()["written"])
    dense, sparse = _bytes(model.profile)
    _, by_word = _bytes(Profile(model.profile.columns))
    told = (f"{size / 2**20:,.0f} MiB" for size in (dense, index, sparse, by_word))
    return "Memory: vectors and topics {}, their index {}, words and the like by book {}, by word {}.".format(
        *told
    )


def _bytes(profile: Profile) -> tuple[int, int]:
    """Those of dense matrices and those of sparse ones."""
    dense, sparse = 0, 0
    for matrix in profile.respects.values():
        if isinstance(matrix, csr_matrix):
            sparse += matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        else:
            dense += matrix.nbytes
    return dense, sparse
