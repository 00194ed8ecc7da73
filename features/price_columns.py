"""What the price model reads off books: tokens of what they are, counts of their words, numbers, vectors.

Nothing here is learned from prices or from other books, so that rows can be taken out and put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite, log2

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer

from bookshelf.book import IN_STOCK
from features import schema
from features.bibliography import people_of
from features.similarity import edition_keys
from features.text import count_words

Values = NDArray[np.float64]
Names = NDArray[np.object_]
Rows = NDArray[np.int64] | NDArray[np.bool_]

#: The texts that name somebody or something, and those that are made of words.
NAMING = ("category", "genre", "author", "publisher", "binding", "language")
WORDS = ("title", "description")
TEXTS = (*NAMING, *WORDS)
NUMBERS = ("rating", "reviews", "year", "stock")
#: Columns that every price model reads: numbers are NaN and texts "" where they are not known.
INPUTS = (*TEXTS, *NUMBERS, "availability")
#: What some models read too, the vector of the description: of a book without one it says nothing.
VECTOR = schema.VECTOR

#: Tokens by what they tell: each has a matrix of its own, and a mean price.
TOKENS = ("category", "genre", "author", "publisher", "binding", "language", "shelf", "edition", "steps")
MEASURES = ("rating", "reviews", "year", "stock", "in_stock", "title_words", "description_words", "authors")

#: Tokens and words are counted by place: the hash of each, modulo so many.
TOKEN_COLUMNS = 2**15
WORD_COLUMNS = 2**16
# Behind a comma, an ampersand or the like another genre or mark of an edition begins.
_SEPARATOR = re.compile(r"\s*(?:[,;/|&]|\s[–—-]\s|[–—]|\band\b)\s*")
_BLANK = " \t\n.()[]'\""


@dataclass(frozen=True)
class BookColumns:
    """n books: `category` and the key of its `editions` of each (n,), `tokens` by name and `words` of `title`
    and `description` as sparse counts, `measures` (n, 8) with NaN where not known, `vectors` (n, d) with
    zeros where there is no text, or None.
    """

    category: Names
    editions: Names
    tokens: dict[str, sparse.csr_matrix]
    words: dict[str, sparse.csr_matrix]
    measures: Values
    vectors: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.measures)

    def rows(self, chosen: Rows) -> BookColumns:
        """The chosen books."""
        return BookColumns(
            self.category[chosen],
            self.editions[chosen],
            {name: matrix[chosen] for name, matrix in self.tokens.items()},
            {name: matrix[chosen] for name, matrix in self.words.items()},
            self.measures[chosen],
            None if self.vectors is None else self.vectors[chosen],
        )


def read_columns(X: pd.DataFrame, wanted: Sequence[str] | None = None) -> BookColumns:
    """The columns of n books that are wanted: `INPUTS`, and `VECTOR` if it is named or, by default, there.

    Raises `ValueError` naming the columns that are missing, or for vectors of several lengths.
    """
    if wanted is None:
        wanted = (*INPUTS, VECTOR) if VECTOR in X.columns else INPUTS
    require_columns(X, wanted)
    written = {name: texts(X, name) for name in (*TEXTS, "availability")}
    numbers = {name: X[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in NUMBERS}
    named = [named_in(cells) for cells in zip(*(written[name] for name in NAMING), strict=True)]
    rows = zip(named, zip(*(numbers[name].tolist() for name in NUMBERS), strict=True), strict=True)
    tokens = [tokens_of(parts, row) for parts, row in rows]
    return BookColumns(
        category=np.array(written["category"], dtype=object),
        editions=np.array(edition_keys(written["title"], written["author"]), dtype=object),
        tokens={name: _hasher().transform([one[name] for one in tokens]) for name in TOKENS},
        words={name: word_reader(name).transform(written[name]) for name in WORDS},
        measures=_measures(written, [parts["author"] for parts in named], numbers),
        vectors=_vectors(X, written["description"]) if VECTOR in wanted else None,
    )


def require_columns(X: pd.DataFrame, wanted: Sequence[str]) -> None:
    """Raises `ValueError` naming the columns that are missing."""
    if missing := [name for name in wanted if name not in X.columns]:
        raise ValueError(f"columns missing: {', '.join(missing)}")


def texts(X: pd.DataFrame, column: str) -> list[str]:
    """The cells of a column of text, "" where there is none."""
    return [cell if isinstance(cell, str) else "" for cell in X[column]]


def named_in(cells: Sequence[str]) -> dict[str, list[str]]:
    """What each of a book's cells of `NAMING` names, in their order."""
    named = {name: _parts(cell) for name, cell in zip(NAMING, cells, strict=True)}
    # Whoever is nobody's name, as "Various", tells something of a price all the same.
    if people := people_of(cells[NAMING.index("author")]):
        named["author"] = list(people)
    return named


def _parts(text: str) -> list[str]:
    """What a cell names, one or several: `Crime & Drama` are two genres. Case is no part of a name."""
    found = (part.strip(_BLANK) for part in _SEPARATOR.split(text.casefold()))
    return [part for part in dict.fromkeys(found) if part]


def tokens_of(parts: Mapping[str, list[str]], numbers: Sequence[float]) -> dict[str, list[str]]:
    """The tokens of one book by what they tell, from what its cells name and its `NUMBERS`."""
    whole = {name: ", ".join(cell) for name, cell in parts.items()}
    return {
        "category": [whole["category"]] if whole["category"] else [],
        "genre": [whole["genre"]] if whole["genre"] else [],
        "author": parts["author"],
        "publisher": parts["publisher"],
        "binding": [f"all {whole['binding']}", *parts["binding"]] if whole["binding"] else [],
        "language": parts["language"],
        "shelf": _crossed(whole["category"], whole["binding"]),
        "edition": _crossed(whole["genre"], whole["binding"]),
        "steps": list(_steps(*numbers)),
    }


def _crossed(one: str, other: str) -> list[str]:
    """One token of both where both are known."""
    return [f"{one} × {other}"] if one and other else []


def _steps(rating: float, reviews: float, year: float, stock: float) -> Iterator[str]:
    """Numbers as steps, so that a price need not rise or fall with them in a line."""
    for name, value in (
        ("rating", round(2 * rating) if isfinite(rating) else None),
        ("reviews", int(2 * log2(1 + reviews)) if isfinite(reviews) else None),
        ("year", int(year) if isfinite(year) else None),
        ("years", int(year // 5) if isfinite(year) else None),
        ("stock", int(log2(1 + stock)) if isfinite(stock) else None),
    ):
        yield f"{name} {value}"


def _measures(written: dict[str, list[str]], authors: list[list[str]], numbers: dict[str, Values]) -> Values:
    counts = {name: [count_words(text) for text in written[name]] for name in ("title", "description")}
    return np.column_stack(
        [
            numbers["rating"],
            np.log1p(numbers["reviews"]),
            numbers["year"],
            np.log1p(numbers["stock"]),
            [float(text == IN_STOCK) if text else np.nan for text in written["availability"]],
            np.log1p(counts["title"]),
            np.log1p(counts["description"]),
            [float(len(names)) or np.nan for names in authors],
        ]
    ).reshape(len(authors), len(MEASURES))


def _vectors(X: pd.DataFrame, descriptions: list[str]) -> NDArray[np.float32]:
    # What an encoder makes of no text is a point like others, and would pass for a topic.
    cells = list(X[VECTOR])
    lengths = {len(cell) for cell in cells}
    if len(lengths) != 1:
        raise ValueError(f"vectors must be of one length, got {sorted(lengths)}")
    told = np.array([bool(text) for text in descriptions])
    return np.where(told[:, None], np.array(cells, dtype=np.float32), np.float32(0))


@cache
def _hasher() -> FeatureHasher:
    return FeatureHasher(TOKEN_COLUMNS, input_type="string", alternate_sign=False)


@cache
def word_reader(name: str) -> HashingVectorizer:
    """What counts the words of one of `WORDS`; hashed, because a vocabulary needs books with text."""
    told = {"ngram_range": (1, 2)} if name == "title" else {"stop_words": "english"}
    return HashingVectorizer(n_features=WORD_COLUMNS, alternate_sign=False, norm=None, **told)
