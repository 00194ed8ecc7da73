"""What a recommender is judged by: halves of descriptions, or what books share where few can be halved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from features.recommender import BookRecommender
from training import relations, retrieval
from training.explanation import HELD_OUT
from training.retrieval import Embed, Found

_ENOUGH_HALVES = 20


def with_judges(books: pd.DataFrame, most: int, embed: Embed, among: NDArray[np.bool_]) -> pd.DataFrame:
    """The books with a column that says which are held out, about `most` of those `among` that can judge.

    Those whose description can be cut in two; where fewer than twenty can, and more share an author or a
    category, those. Raises `TrainingError` where fewer than two books can judge.
    """
    halved = int((retrieval.can_be_halved(books) & among).sum())
    shared = int((relations.related(books) & among).sum())
    if halved >= min(_ENOUGH_HALVES, max(shared, 2)):
        return retrieval.with_halves(books, most, embed, among)
    rows = relations.with_texts(books, most, embed, among)
    if rows[HELD_OUT].sum() < 2:
        raise TrainingError(
            f"a recommender is judged by the two halves of descriptions, or by books of one author or one "
            f"category among others: of {int(among.sum())} books only {halved} have a description of two "
            f"sentences and twenty words or more, and only {int(rows[HELD_OUT].sum())} are such books"
        )
    return rows


def asked_by(rows: pd.DataFrame, embed: Embed) -> pd.DataFrame:
    """Held-out rows whose texts, with which they ask, are embedded by that."""
    return relations.asked_by(rows, embed) if by_relations(rows) else retrieval.asked_by(rows, embed)


def by_relations(rows: pd.DataFrame) -> bool:
    """Whether those held-out rows are judged by what books share."""
    return relations.TEXT in rows


def found_by(model: BookRecommender, rows: pd.DataFrame) -> Mapping[str, Found]:
    """What the blend, its parts, the category alone and chance find on held-out rows."""
    return relations.relations(model, rows) if by_relations(rows) else retrieval.retrieval(model, rows)


def width_of(rows: pd.DataFrame) -> int:
    """How many numbers the vectors of the held-out rows have."""
    return len(rows[relations.TEXT if by_relations(rows) else retrieval.FIRST].iloc[0])
