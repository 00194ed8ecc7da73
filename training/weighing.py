"""The weights of a recommender, learnt from lists of books that belong together.

The books of a list should come before all others when its book asks. That is a log-linear model: the weights
with which a softmax over candidates makes them likeliest, held by a ridge to the weights that were given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logsumexp

from features.recommender import BookRecommender
from features.respects import RESPECTS, compare
from features.similarity import best_rows
from training.lists import Lists

Values = NDArray[np.float64]

_HARD, _DRAWN, _ANSWERS = 100, 100, 20
_BLOCK = 16
_MOST_QUERIES = 2_000
_NAMES = tuple(RESPECTS)
_NOBODY = -1e6  # logarithm of how many there are, where there are none


@dataclass(frozen=True)
class _Choices:
    """What q queries choose between: likenesses (q, m, respects), the share of each answer (q, m), and the
    log of how many other candidates each one stands for (q, m), -inf for answers and where there is none."""

    alike: NDArray[np.float32]
    answer: Values
    stands_for: Values

    def loss(self, scaled: Values) -> tuple[float, Values]:
        """Cross-entropy in nats, summed over the queries, and its gradient.

        Each answer is chosen from itself and the other candidates: answers are no rivals of each other, or
        one that is far above the rest would cost as if it were wrong.
        """
        logits = self.alike @ scaled
        others = logits + self.stands_for
        # Where all books there are belong to the list, nobody else can be chosen, and nothing is learnt.
        crowd = np.maximum(logsumexp(others, axis=1, keepdims=True), _NOBODY)
        missed = self.answer * expit(crowd - logits)
        loss = float(np.sum(self.answer * np.logaddexp(0, crowd - logits)))
        slope = np.exp(others - crowd) * missed.sum(axis=1, keepdims=True) - missed
        return loss, np.einsum("qm,qms->s", slope, self.alike)


def learnt_weights(
    model: BookRecommender,
    lists: Sequence[Lists],
    among: NDArray[np.bool_],
    held: float,
    seed: int,
    lowest: float | None = None,
) -> dict[str, float]:
    """Respect -> weight, by which the lists are found among the rows `among` (n,), near the model's own.

    `held` is the loss in nats that a weight costs which lies 1 from the one given. Respects in which no two
    books can be alike get none. Without lists the given weights stay. No weight is below `lowest`, if given.
    """
    known = _known(model)
    given = np.array([model.shares.get(name, 0.0) for name in _NAMES]) * known
    parts = [_choices(model, one, among, np.random.default_rng(seed)) for one in lists if len(one)]
    if not parts or not given.any():
        return {name: weight for name, weight in model.shares.items() if known[_NAMES.index(name)]}
    scale = _scale(parts, given)

    def cost(weights: Values) -> tuple[float, Values]:
        losses = [part.loss(weights * scale) for part in parts]
        ridge, slope = held * float(np.sum((weights - given) ** 2)), 2 * held * (weights - given)
        return sum(loss for loss, _ in losses) + ridge, scale * sum(found for _, found in losses) + slope

    found = minimize(cost, given, jac=True, method="L-BFGS-B", bounds=[(lowest, None)] * len(given)).x * known
    total = np.abs(found).sum()
    return {name: float(weight / total) for name, weight in zip(_NAMES, found, strict=True) if weight}


def _known(model: BookRecommender) -> NDArray[np.bool_]:
    return np.array([bool(abs(model.profile.respects[name]).sum() > 0) for name in _NAMES])


def _scale(parts: Sequence[_Choices], given: Values) -> float:
    """How sharply the given weights choose where they choose best."""

    def cost(logarithm: float) -> float:
        return sum(part.loss(given * float(np.exp(logarithm)))[0] for part in parts)

    return float(np.exp(minimize_scalar(cost, bounds=(0.0, 6.0), method="bounded").x))


def _choices(
    model: BookRecommender, lists: Lists, among: NDArray[np.bool_], chance: np.random.Generator
) -> _Choices:
    kept = np.sort(chance.permutation(len(lists))[:_MOST_QUERIES])
    seen = np.array([name not in lists.hidden for name in _NAMES])
    shape = (len(kept), _ANSWERS + _HARD + _DRAWN)
    alike = np.zeros((*shape, len(_NAMES)), dtype=np.float32)
    answer, stands_for = np.zeros(shape), np.full(shape, -np.inf)
    for place, query, everything in _likenesses(model, lists, kept):
        everything[~seen] = 0
        taken = lists.answers[query][:_ANSWERS]
        others = among & (model.works != model.works[lists.queries[query]])
        others[lists.answers[query]] = False
        hard, drawn = _rivals(model, everything, others, chance)
        rows = np.concatenate([taken, hard, drawn])
        alike[place, : len(rows)] = everything[:, rows].T
        answer[place, : len(taken)] = 1 / len(taken)
        stands_for[place, len(taken) : len(rows)] = 0
        unseen = int(others.sum()) - len(hard)
        stands_for[place, len(rows) - len(drawn) : len(rows)] = np.log(unseen / max(len(drawn), 1) or 1)
    return _Choices(alike, answer, stands_for)


def _likenesses(
    model: BookRecommender, lists: Lists, kept: NDArray[np.int64]
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Place, query and likenesses (respects, n) of each query that is kept."""
    for start in range(0, len(kept), _BLOCK):
        block = kept[start : start + _BLOCK]
        found = compare(model.profile.take(lists.queries[block]), model.profile)
        for row, query in enumerate(block):
            yield start + row, int(query), np.stack([found[name][row] for name in _NAMES])


def _rivals(
    model: BookRecommender,
    alike: NDArray[np.float32],
    others: NDArray[np.bool_],
    chance: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that the model's own weights put first, and some of the rest at random."""
    shares: Mapping[str, float] = model.shares
    scores = np.array([shares.get(name, 0.0) for name in _NAMES], dtype=np.float32) @ alike
    hard = best_rows(np.where(others, scores, -np.inf), _HARD)
    rest = others.copy()
    rest[hard] = False
    left = np.flatnonzero(rest)
    return hard, chance.choice(left, min(_DRAWN, len(left)), replace=False)
