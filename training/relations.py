"""How well likeness finds books that belong together, where there are no descriptions to be cut in two.

Held-out books ask for each other: for those of their author, or, where there is none, of their category,
without the respects that tell of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from features import respects
from features.bibliography import people_of
from features.lens import is_no_category, text_column
from features.recommender import BookRecommender
from features.respects import Likeness, blend, compare
from features.similarity import Scores, work_keys
from training.explanation import HELD_OUT
from training.retrieval import (
    BLEND,
    MEANING,
    NEAR,
    RANDOM,
    SAME_CATEGORY,
    WORDS,
    Embed,
    Found,
    knows_its_books,
    with_vectors,
)
from training.split import held_out_rows

Mask = NDArray[np.bool_]
Labels = Sequence[tuple[str, ...]]

TEXT = "text_embedding"
METRIC = "MRR of books by one author or in one category"

_BY_AUTHOR = (respects.AUTHOR, respects.SERIES)
_BY_CATEGORY = (respects.CATEGORY, respects.GENRE)


def related(books: pd.DataFrame) -> Mask:
    """Which books (n,) have an author or a category in common with another."""
    return _shared_by_some(_people(books)) | _shared_by_some(_shelves(books))


def with_texts(books: pd.DataFrame, most: int, embed: Embed, among: Mask) -> pd.DataFrame:
    """The books with a column that says which are held out, about `most` of those `among` that are related.

    Which ones depends on their ids alone, and books of one author go together. They get the unit vector of
    what the index knows them by, their description or else their title; the other books get an empty one.
    """
    able = np.flatnonzero(related(books) & among)
    some = books.iloc[able]
    chosen = able[_sample(some, most)] if len(able) > most else able
    asked, rivals = _answers(books.iloc[chosen])
    chosen = chosen[asked.any(axis=1) & rivals.any(axis=1)]
    rows = books.reset_index(drop=True)
    rows[HELD_OUT] = np.isin(np.arange(len(rows)), chosen)
    return with_vectors(rows, {TEXT: embed(_texts(books.iloc[chosen]))}, chosen)


def asked_by(rows: pd.DataFrame, embed: Embed) -> pd.DataFrame:
    """Held-out rows whose texts, with which they ask and are found, are embedded by that."""
    return rows.assign(**{TEXT: list(embed(_texts(rows)))})


def relations(model: BookRecommender, rows: pd.DataFrame) -> Mapping[str, Found]:
    """What the blend finds, and what each part of it, the category alone and chance find, on held-out rows.

    Each right answer is placed among what is none; of several it is the mean. A row without any, as it may be
    where some of the rows are left out, finds nothing in any way. A model must know its books
    before its answers count, as in `retrieval`. The category is hidden from all where it made the answers.
    """
    likeness = _likeness(model, rows)
    answers, rivals = _answers(rows)
    candidates = {
        BLEND: blend(likeness, model.shares),
        SAME_CATEGORY: likeness[respects.CATEGORY],
        MEANING: likeness[respects.MEANING],
        WORDS: likeness[respects.WORDS],
        RANDOM: np.zeros_like(likeness[respects.WORDS]),
    }
    found = {name: _found(scores, answers, rivals) for name, scores in candidates.items()}
    known = knows_its_books(model, rows, TEXT)
    for name in (BLEND, MEANING):
        found[name] = Found(found[name].reciprocal * known, found[name].near * known)
    return found


def _texts(books: pd.DataFrame) -> list[str]:
    """What the index knows each book by: its description, or else its title."""
    return [text or title for title, text in zip(books["title"], books["description"], strict=True)]


def _likeness(model: BookRecommender, rows: pd.DataFrame) -> Likeness:
    """Likeness (q, q) in every respect, 0 in those that made a row's answers."""
    profile = model.lens.profile(rows, np.stack(list(rows[TEXT])))
    names = tuple({*model.shares, respects.CATEGORY, respects.MEANING, respects.WORDS})
    by_author: Mask = np.any(_by_author(rows), axis=1)
    hidden = dict.fromkeys(_BY_AUTHOR, by_author) | dict.fromkeys(_BY_CATEGORY, ~by_author)
    return {
        name: np.where(hidden[name][:, None], np.float32(0), alike) if name in hidden else alike
        for name, alike in compare(profile, profile, names).items()
    }


def _answers(rows: pd.DataFrame) -> tuple[Mask, Mask]:
    """Which rows are right for each (q, q), and which are not; editions of one title are neither."""
    author = _by_author(rows)
    answers = np.where(
        np.any(author, axis=1, keepdims=True), author, _sharing(_shelves(rows)) & _other_works(rows)
    )
    return answers, ~answers & _other_works(rows)


def _by_author(rows: pd.DataFrame) -> Mask:
    return _sharing(_people(rows)) & _other_works(rows)


def _other_works(rows: pd.DataFrame) -> Mask:
    works = np.unique(work_keys(list(rows["title"])), return_inverse=True)[1]
    return np.not_equal.outer(works, works)


def _found(scores: Scores, answers: Mask, rivals: Mask) -> Found:
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(scores) + 1))])
    reciprocal, near = np.zeros(len(scores)), np.zeros(len(scores))
    for row in np.flatnonzero(answers.any(axis=1)):
        mine = scores[row]
        others = np.sort(mine[rivals[row]])
        right = mine[answers[row]]
        low, high = (np.searchsorted(others, right, side) for side in ("left", "right"))
        better, equal = len(others) - high, high - low + 1
        reciprocal[row] = np.mean((harmonic[better + equal] - harmonic[better]) / equal)
        near[row] = np.mean(np.clip((NEAR - better) / equal, 0, 1))
    return Found(reciprocal, near)


def _sample(books: pd.DataFrame, most: int) -> NDArray[np.int64]:
    """Rows of about `most` books, those with an author in common on one side."""
    first = [people[:1] for people in _people(books)]
    shared = _shared_by_some(first)
    ids = list(books["book_id"])
    groups = [
        f"by {people[0]}" if together else str(book_id)
        for people, together, book_id in zip(first, shared, ids, strict=True)
    ]
    if len(set(groups)) < 2:
        return np.arange(len(books))[:most]
    return np.flatnonzero(held_out_rows(ids, groups, most / len(books)))


def _people(books: pd.DataFrame) -> Labels:
    return [people_of(author) for author in text_column(books, "author")]


def _shelves(books: pd.DataFrame) -> Labels:
    return [() if is_no_category(name) else (name,) for name in books["category"]]


def _shared_by_some(labels: Labels) -> Mask:
    """Which rows (n,) have a label that another has too."""
    counted = Counter(label for some in labels for label in some)
    return np.array([any(counted[label] > 1 for label in some) for some in labels], dtype=bool)


def _sharing(labels: Labels) -> Mask:
    """Which rows (n, n) have a label in common."""
    numbers = {label: place for place, label in enumerate(sorted({one for some in labels for one in some}))}
    columns = [numbers[one] for some in labels for one in some]
    ends = np.cumsum([0, *map(len, labels)])
    shape = (len(labels), max(1, len(numbers)))
    cells = csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), shape=shape)
    found: Mask = (cells @ cells.T).toarray() > 0
    return found
