"""What a champion answers for the books of a table, so that its answers can be compared like a feature."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import EncoderChanged, KeptVectors
from bookshelf.settings import Settings
from features import schema
from features.layers import LayeredEncoder, fingerprint_over
from features.recommender import BookRecommender
from features.sentiment import SentimentClassifier, judge
from training.registry import FINGERPRINT_TAG, load_version

Values = NDArray[np.float64]

#: Each neighbour list and each description is work; so many tell a shift of two in ten from chance.
MOST_ASKED = 300
_NEIGHBOURS = 10


def answers(
    settings: Settings, name: str, version: str, tags: dict[str, str], tables: Sequence[pd.DataFrame]
) -> tuple[Values, ...]:
    """The champion's answer for each book of each table; NaN where it has none.

    A price is asked of every book. Of the recommender the mean score of a book's ten neighbours among
    the table's own books, and of the sentiment model the score of a description, are asked of at most
    `MOST_ASKED` books: the same ones of every table, as far as it has them.
    """
    model = load_version(name, version)
    if name == "price":
        return tuple(model.predict(table)["price"].to_numpy(dtype=np.float64) for table in tables)
    if name == "recommender":
        return tuple(neighbour_scores(model, table[schema.JOIN_KEY].to_numpy()) for table in tables)
    return _tones(settings, model, tags.get(FINGERPRINT_TAG), tables)


def as_told(name: str, version: str, table: pd.DataFrame, answered: Values) -> Values:
    """The champion's answers for the books of the table as a caller is told them, and the prediction log.

    `answered` is what `answers` has found for that table. A price is rounded; of recommendations, which are
    logged with the score of the first book, that one is asked for, of the same books.
    """
    if name == "price":
        return np.array([round(price, 2) for price in answered.tolist()], dtype=np.float64)
    if name == "recommender":
        return first_scores(load_version(name, version), table[schema.JOIN_KEY].to_numpy())
    return answered


def first_scores(model: BookRecommender, book_ids: NDArray[np.int64]) -> Values:
    """Score of the best neighbour of books chosen among these, taken from these."""
    return _neighbours(model, book_ids, 1)


def neighbour_scores(model: BookRecommender, book_ids: NDArray[np.int64]) -> Values:
    """Mean score of the ten best neighbours of books chosen among these, taken from these."""
    return _neighbours(model, book_ids, _NEIGHBOURS)


def _neighbours(model: BookRecommender, book_ids: NDArray[np.int64], count: int) -> Values:
    """Mean score of so many; NaN for a book that the model does not know."""
    among = model.rows_among(book_ids)
    known = set(model.book_ids.tolist())
    found = []
    for book_id in book_ids[chosen(book_ids)].tolist():
        near = model.recommend(book_id, count, among) if book_id in known else []
        found.append(np.mean([one.score for one in near]) if near else np.nan)
    return np.array(found, dtype=np.float64)


def chosen(book_ids: Sequence[int] | NDArray[np.int64], most: int = MOST_ASKED) -> NDArray[np.int64]:
    """Places of at most so many books, by a hash of their ids: those of one table are those of the next."""
    hashes = [hashlib.sha256(f"drift {book_id}".encode()).digest() for book_id in book_ids]
    return np.array(sorted(sorted(range(len(hashes)), key=hashes.__getitem__)[:most]), dtype=np.int64)


def _tones(
    settings: Settings, model: SentimentClassifier, fingerprint: str | None, tables: Sequence[pd.DataFrame]
) -> tuple[Values, ...]:
    """Scores of descriptions, each read once, however many tables it is in."""
    texts = [list(table["description"].iloc[chosen(table[schema.JOIN_KEY].to_numpy())]) for table in tables]
    distinct = sorted({text for side in texts for text in side if text})
    load = partial(LayeredEncoder.load, settings.encoder, settings.encoders)
    expected = None if fingerprint is None else fingerprint_over(fingerprint)
    try:
        with KeptVectors(settings.kept_vectors, load, expected) as vectors:
            scores = judge(model, vectors.embed, distinct)["score"] if distinct else ()
    except EncoderChanged as error:
        raise TrainingError(f"the sentiment champion reads another encoder's vectors: {error}") from error
    tones = dict(zip(distinct, scores, strict=True))
    return tuple(np.array([tones.get(text, np.nan) for text in side], dtype=np.float64) for side in texts)
