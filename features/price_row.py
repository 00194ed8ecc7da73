"""What the price model reads off one book, as `read_columns` does of many, without frames and matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, log1p, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import murmurhash3_32

from bookshelf.book import IN_STOCK
from features.price_columns import (
    NAMING,
    NUMBERS,
    TOKEN_COLUMNS,
    VECTOR,
    WORD_COLUMNS,
    WORDS,
    named_in,
    tokens_of,
    word_reader,
)
from features.text import count_words


@dataclass(frozen=True, slots=True)
class BookRow:
    """One book: the places of its `tokens` by name, how often which place is among its `words` by the name of
    the text, its `measures` with NaN where not known, and its vector, None where it says nothing."""

    category: str
    tokens: Mapping[str, Sequence[int]]
    words: Mapping[str, Mapping[int, int]]
    measures: tuple[float, ...]
    vector: NDArray[np.float64] | None


def read_book(book: Mapping[str, Any], wanted: Collection[str]) -> BookRow:
    """The book by its features, of which numbers are None or NaN and texts None or "" where not known.

    Words are read of the texts that are wanted, and the vector if `vectors` are.
    """
    written = {name: _text(book[name]) for name in (*NAMING, *WORDS, "availability")}
    numbers = [_number(book[name]) for name in NUMBERS]
    parts = named_in([written[name] for name in NAMING])
    tokens = tokens_of(parts, numbers)
    reads_vector = "vectors" in wanted and written["description"] != ""
    return BookRow(
        category=written["category"],
        tokens={name: [_place(one, TOKEN_COLUMNS) for one in told] for name, told in tokens.items()},
        words={name: _word_counts(name, written[name]) for name in WORDS if name in wanted},
        measures=_measures(written, len(parts["author"]), numbers),
        vector=np.asarray(book[VECTOR], dtype=np.float32).astype(np.float64) if reads_vector else None,
    )


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


def _number(cell: float | None) -> float:
    return nan if cell is None else float(cell)


def _word_counts(name: str, text: str) -> Mapping[int, int]:
    return Counter(_place(word, WORD_COLUMNS) for word in _words_of(name)(text)) if text else {}


def _place(word: str, places: int) -> int:
    """Where scikit-learn's hashers count it."""
    place: int = abs(murmurhash3_32(word)) % places
    return place


@cache
def _words_of(name: str) -> Callable[[str], list[str]]:
    analyzer: Callable[[str], list[str]] = word_reader(name).build_analyzer()
    return analyzer


def _measures(written: Mapping[str, str], authors: int, numbers: Sequence[float]) -> tuple[float, ...]:
    rating, reviews, year, stock = numbers
    return (
        rating,
        _log1p(reviews),
        year,
        _log1p(stock),
        float(written["availability"] == IN_STOCK) if written["availability"] else nan,
        log1p(count_words(written["title"])),
        log1p(count_words(written["description"])),
        float(authors) or nan,
    )


def _log1p(value: float) -> float:
    """As NumPy's, which says of -1 and of what is below it what it can."""
    return log1p(value) if value > -1 else (-inf if value == -1 else nan)
