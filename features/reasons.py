"""Why a book is near what was asked for: what both share, and the words of its own that say so.

The sentence is chosen by its terms and not by its vector: encoding the sentences of five descriptions takes
hundreds of milliseconds, weighing their words takes a few.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils import murmurhash3_32

from features.lens import TERMS, Lens
from features.sentences import sentences

_MOST_TERMS = 5
_LONGEST_SENTENCE = 400  # letters
# Added to the length of a sentence's terms, that of a whole book's being 1: a sentence of three words, two of
# which were asked for, tells less than a longer one with them.
_SHORT = 0.3


@dataclass(frozen=True, slots=True)
class Why:
    """What is shared, None where nothing is; terms, weightiest first; a sentence of the description."""

    category: str | None = None
    author: str | None = None
    terms: tuple[str, ...] = ()
    sentence: str | None = None


def term_weights(words: Iterable[str], terms: csr_matrix) -> dict[str, float]:
    """Word -> its weight in a row of terms (1, TERMS), for the words that have one."""
    weights = dict(zip(terms.indices.tolist(), terms.data.tolist(), strict=True))
    return {word: weights[place] for word in words if weights.get(place := _place(word), 0) > 0}


def telling_words(
    lens: Lens, title: str, description: str, book: csr_matrix, asked: Mapping[str, float]
) -> tuple[tuple[str, ...], str | None]:
    """The words of a book that were asked for, and the sentence of its description that is most like it.

    `book` is its row of terms, `asked` the weights of the words that were asked for. Words come in the order
    of what they add to the likeness of both. Of equal sentences it is the first, None if none has such a
    word; one longer than can be shown ends between two words, with an ellipsis. Bare numbers are not told.
    """
    pieces = sentences(description)
    words = [frozenset(lens.words(piece)) for piece in pieces]
    own = term_weights(sorted({*lens.words(title), *(word for some in words for word in some)}), book)
    shared = {
        word: weight * asked[word] for word, weight in own.items() if word in asked and not word.isdecimal()
    }
    likeness = [_likeness(some, own, asked) for some in words]
    best = int(np.argmax(likeness))
    terms = tuple(sorted(shared, key=lambda word: (-shared[word], word))[:_MOST_TERMS])
    return terms, _shown(pieces[best]) if likeness[best] > 0 else None


def _likeness(words: frozenset[str], own: Mapping[str, float], asked: Mapping[str, float]) -> float:
    """How much of what was asked for a sentence says, for its length."""
    weights = {word: own[word] for word in words if word in own}
    length = math.sqrt(sum(weight**2 for weight in weights.values())) + _SHORT
    return math.fsum(weight * asked.get(word, 0.0) for word, weight in weights.items()) / length


def _shown(sentence: str) -> str:
    told = sentence.strip()
    if len(told) <= _LONGEST_SENTENCE:
        return told
    return f"{told[:_LONGEST_SENTENCE].rpartition(' ')[0] or told[:_LONGEST_SENTENCE]}…"


@lru_cache(maxsize=100_000)
def _place(word: str) -> int:
    """The column that scikit-learn's hashing gives the word."""
    return abs(int(murmurhash3_32(word.encode(), 0))) % TERMS
