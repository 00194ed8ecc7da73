"""The features that are read off a book itself, one row a book."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from bookshelf.book import ListedBook
from features import schema
from features.text import clean_description, count_words

_TIMES = "datetime64[us, UTC]"
_DTYPES = {"text": "object", "count": "int64", "number": "float64", "amount": "float64"}


def book_frame(listed: Sequence[ListedBook], event_time: datetime, created: datetime) -> pd.DataFrame:
    """One row a book, in the order given: its key, the two timestamps, every feature but the embedding.

    `event_time` is when the shop was seen to offer this, `created` when the row was written; both need
    a time zone and come out in UTC microseconds, the only resolution that every store reads back.
    Dtypes are those of `schema.VIEWS`; a number that is not known is NaN. No books give an empty frame
    with all columns.
    """
    for name, moment in (("event_time", event_time), ("created", created)):
        if moment.tzinfo is None:
            raise ValueError(f"{name} must have a time zone, got {moment.isoformat()}")
    frame = pd.DataFrame([_row(one) for one in listed], columns=[schema.JOIN_KEY, *_KINDS])
    frame.insert(1, schema.EVENT_TIMESTAMP, pd.Timestamp(event_time))
    frame.insert(2, schema.CREATED_TIMESTAMP, pd.Timestamp(created))
    return frame.astype(
        {schema.JOIN_KEY: "int64", schema.EVENT_TIMESTAMP: _TIMES, schema.CREATED_TIMESTAMP: _TIMES}
        | {feature: _DTYPES[kind] for feature, kind in _KINDS.items()}
    )


_KINDS = {
    feature: kind for view in schema.VIEWS.values() for feature, kind in view.items() if kind in _DTYPES
}


def _row(listed: ListedBook) -> dict[str, object]:
    book = listed.book
    description = clean_description(book.description)
    return {
        schema.JOIN_KEY: listed.id,
        "title": book.title,
        "category": book.category,
        "rating": book.rating,
        "stock": book.stock,
        "availability": book.availability,
        "description": description,
        "title_words": count_words(book.title),
        "description_words": count_words(description),
        "author": book.author,
        "publisher": book.publisher,
        "year": book.year,
        "binding": book.binding,
        "language": book.language,
        "genre": book.genre,
        "reviews": book.reviews,
        schema.LABEL: float(book.price),
        schema.CURRENCY: book.currency,
    }
