"""Which books belong with which: lists that a catalogue tells by itself, for weights to be learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.recommender import BookRecommender
from features.respects import AUTHOR, CATEGORY, GENRE, SERIES, TITLE, Rows

_MOST_QUERIES = 300
_MOST_ANSWERS = 20


@dataclass(frozen=True)
class Lists:
    """Rows of the index that ask (q,), and for each the rows that belong with it, at least one.

    `hidden` are the respects that may not be used to find them, because they made the lists.
    """

    name: str
    queries: Rows
    answers: tuple[Rows, ...]
    hidden: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.queries)


def catalogue_lists(model: BookRecommender, among: NDArray[np.bool_], seed: int) -> tuple[Lists, ...]:
    """Volumes of one series, books of one author, and books of one category, of the rows `among` (n,).

    Each kind of list is to be found without the respects that made it, so that the weight of the author is
    learnt from what it tells of series and categories, and that of the category from series and authors.
    """
    kinds = (
        ("series", SERIES, frozenset({SERIES, AUTHOR, TITLE})),
        ("author", AUTHOR, frozenset({SERIES, AUTHOR})),
        ("category", CATEGORY, frozenset({CATEGORY, GENRE})),
    )
    found = (
        _lists(name, _sharing(model, respect, among, np.random.default_rng(seed)), hidden)
        for name, respect, hidden in kinds
    )
    return tuple(one for one in found if len(one))


def _lists(name: str, pairs: Iterator[tuple[int, Rows]], hidden: frozenset[str]) -> Lists:
    taken = [pair for _, pair in zip(range(_MOST_QUERIES), pairs, strict=False)]
    queries = np.array([query for query, _ in taken], dtype=np.int64)
    return Lists(name, queries, tuple(answers for _, answers in taken), hidden)


def _sharing(
    model: BookRecommender,
    respect: str,
    among: NDArray[np.bool_],
    chance: np.random.Generator,
) -> Iterator[tuple[int, Rows]]:
    """Rows in a random order, each with some that share that respect with it."""
    profile = model.profile
    for query in chance.permutation(np.flatnonzero(among)):
        alike = _alike(profile.respects[respect][[query]] @ profile.columns[respect])
        alike = alike[among[alike] & (model.works[alike] != model.works[query])]
        if len(alike):
            yield int(query), np.sort(chance.permutation(alike)[:_MOST_ANSWERS])


def _alike(row: object) -> Rows:
    found: Sequence[int] = row.indices  # type: ignore[attr-defined]
    return np.sort(np.asarray(found, dtype=np.int64))
