"""The nearest of many vectors by the approximate index against comparing every one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from features.approximate import ApproximateIndex
from features.respects import Vectors, unit

ROUNDS = 5
VECTORS, WIDTH = 200_000, 384
_QUERIES, _NEAR = 200, 10
# Embeddings of texts fill few of their dimensions and lie in clumps; vectors drawn at random do neither.
_CLUMPS, _INNER, _SPREAD, _SEED = 2_000, 32, 0.6, 0
ANSWERS = Metric("questions", "questions/s", higher_is_better=True)


def run(rounds: int, tell: Tell) -> Outcome:
    vectors, asked = _drawn()
    started = time.perf_counter()
    index = ApproximateIndex.build(vectors)
    build = time.perf_counter() - started
    tell(f"  {len(vectors):,} vectors indexed in {build:.0f} s")
    comparisons = compare(
        Way("every vector compared", _measure(lambda one: _exact(vectors, one), asked)),
        [Way("ApproximateIndex", _measure(lambda one: index.search(one, _NEAR), asked))],
        rounds,
        tell,
    )
    setting = f"{len(vectors):,} generated vectors of {WIDTH} numbers in {_CLUMPS:,} clumps, rounds: {rounds}"
    return Outcome("neighbours", setting, comparisons, _notes(index, vectors, asked, build))


def _drawn() -> tuple[Vectors, Vectors]:
    """Unit vectors to index, and others from the same clumps to ask with."""
    chance = np.random.default_rng(_SEED)
    clumps = chance.normal(size=(_CLUMPS, _INNER)).astype(np.float32)
    turned = np.linalg.qr(chance.normal(size=(WIDTH, _INNER)))[0].T.astype(np.float32)
    chosen = clumps[chance.integers(_CLUMPS, size=VECTORS + _QUERIES)]
    inner = chosen + _SPREAD * chance.normal(size=chosen.shape).astype(np.float32)
    noise = 0.02 * chance.normal(size=(len(inner), WIDTH)).astype(np.float32)
    found = unit(inner @ turned + noise)
    return found[:VECTORS], found[VECTORS:]


def _exact(vectors: Vectors, one: Vectors) -> NDArray[np.int64]:
    scores = vectors @ one
    best = np.argpartition(-scores, _NEAR)[:_NEAR]
    found: NDArray[np.int64] = best[np.argsort(-scores[best])]
    return found


def _measure(
    search: Callable[[Vectors], NDArray[np.int64]], asked: Vectors
) -> Callable[[], Mapping[Metric, float]]:
    def measure() -> Mapping[Metric, float]:
        started = time.perf_counter()
        for one in asked:
            search(one)
        return {ANSWERS: len(asked) / (time.perf_counter() - started)}

    return measure


def _notes(index: ApproximateIndex, vectors: Vectors, asked: Vectors, build: float) -> tuple[str, ...]:
    found = [len(np.intersect1d(_exact(vectors, one), index.search(one, _NEAR))) for one in asked]
    return (
        f"Recall@10 of {len(asked)} questions that are not indexed: {np.mean(found) / _NEAR:.3f}; measured "
        f"on its own vectors when it was built: {index.recall:.3f}.",
        f"Built once in {build:.0f} s; it takes {len(index.written) / 2**20:.0f} MiB beside the vectors' "
        f"{vectors.nbytes / 2**20:.0f} MiB.",
    )
