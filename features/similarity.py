"""Which of scored books are given, in which order, and keys by which editions of one work are known."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.bibliography import people_of, series_of

Scores = NDArray[np.float32]

_NOT_IN_A_WORD = re.compile(r"[\W_]+")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_EDITION = (
    r"\b(?:editions?|\d+(?:st|nd|rd|th) ed|anniversary|reissue|reprint|paperback|hardcover|hardback|"
    r"unabridged|abridged|illustrated|annotated|kindle|e-?book|large print|box(?:ed)? set)\b"
)
_SAYS_EDITION = re.compile(_EDITION, re.IGNORECASE)
_NOTHING_MORE = re.compile(
    r"\s*[:;,]\s*an?\s+(?:novel(?:la)?|memoir|thriller|mystery|romance)\s*$", re.IGNORECASE
)
# What is left of some titles without their series: "Volume 1 (Saga #1)".
_NAMES_NO_WORK = frozenset(("a", "the", "no", "vol", "volume", "book", "part", "issue", "number"))
# "Dune: 40th Anniversary Edition", but not "Spark Joy: An Illustrated Master Class": the mark comes last.
_EDITION_AT_END = re.compile(rf"\s*(?:[:;,]|\s[-–—])\s[^:;,–—]*{_EDITION}\s*$", re.IGNORECASE)


def best_rows(scores: Scores, k: int) -> NDArray[np.int64]:
    """The rows (at most k) of the highest scores (n,), best first; ties go to the lower row.

    Rows of score -inf are never given, so that fewer than k come back where fewer are left.
    """
    left = np.flatnonzero(scores > -np.inf)
    if len(left) > k:
        bar = np.partition(scores[left], -k)[-k]
        left = left[scores[left] >= bar]
    order = np.argsort(-scores[left], kind="stable")
    return left[order[:k]].astype(np.int64)


def spread_out(scores: Scores, alike: Scores, k: int, diversity: float) -> NDArray[np.int64]:
    """Places (at most k) of candidates in the order of maximal marginal relevance.

    `scores` (m,) are best first, `alike` (m, m) is how like each other they are. Each next one has the
    greatest (1 - diversity) of its score less `diversity` of its greatest likeness to one before it; ties
    go to the better score, then to the lower place. The first is always the best.
    """
    left = np.ones(len(scores), dtype=bool)
    nearest = np.zeros(len(scores), dtype=np.float32)
    chosen: list[int] = []
    for _ in range(min(k, len(scores))):
        gains = np.where(left, (1 - diversity) * scores - diversity * nearest, -np.inf)
        best = int(gains.argmax()) if chosen else 0
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, alike[best]) if len(chosen) > 1 else alike[best]
    return np.array(chosen, dtype=np.int64)


def work_keys(titles: Sequence[str]) -> list[str]:
    """Keys, the same for titles of one work: case, punctuation, spaces and marks of an edition are no part.

    `Dune (Illustrated Edition)`, `Dune: 40th Anniversary Edition`, `Dune (Dune Chronicles #1)`, `Dune: A
    Novel` and `DUNE!` have the key of `Dune`; volumes of a series that have no other name keep their numbers,
    and other subtitles are part of a title. A title made of such marks alone is its own key.
    """
    return [_work_key(title) for title in titles]


def edition_keys(titles: Sequence[str], authors: Sequence[str]) -> list[str]:
    """Keys, the same for editions of one book: of one work by `work_keys`, and with an author in common.

    People are those of `people_of`; two of one family name count as one, for `J. R. R. Tolkien` is `John
    Tolkien`. Where one edition of a work does not name its author, all books of that title count as editions
    of it: it may be of any of them.
    """
    rows_of: dict[str, list[int]] = {}
    for row, work in enumerate(work_keys(titles)):
        rows_of.setdefault(work, []).append(row)
    keys = [""] * len(titles)
    for work, rows in rows_of.items():
        for number, circle in enumerate(_circles([_people(authors[row]) for row in rows])):
            for place in circle:
                keys[rows[place]] = f"{work}\0{number}"
    return keys


def _circles(people: Sequence[frozenset[str]]) -> list[list[int]]:
    """Places of those that have somebody in common, directly or through others; nobody may be anybody."""
    if not all(people):
        return [list(range(len(people)))]
    circles: list[tuple[frozenset[str], list[int]]] = []
    for place, names in enumerate(people):
        met = [circle for circle in circles if circle[0] & names]
        circles = [circle for circle in circles if not circle[0] & names]
        together = names.union(*(known for known, _ in met))
        circles.append((together, sorted([place, *(one for _, places in met for one in places)])))
    return [places for _, places in circles]


def _people(author: str) -> frozenset[str]:
    """What people may be known by: their last name, and all of them in whichever order."""
    names = [name.split() for name in people_of(author)]
    return frozenset(key for name in names for key in (name[-1], " ".join(sorted(name))))


def _work_key(title: str) -> str:
    work = _EDITION_AT_END.sub("", _BRACKETED.sub(_without_mark, title))
    work = _NOTHING_MORE.sub("", work)
    named = _words(_BRACKETED.sub("", work)).split()
    if all(word in _NAMES_NO_WORK or word.isdecimal() for word in named):
        return _words(title) or title
    return _words(work)


def _without_mark(bracket: re.Match[str]) -> str:
    """Nothing, where a bracket tells an edition or the place in a series; else the bracket."""
    text = bracket.group()
    return "" if _SAYS_EDITION.search(text) or series_of(f"A {text}") else text


def _words(text: str) -> str:
    return _NOT_IN_A_WORD.sub(" ", text.casefold()).strip()
