"""Co-reading lists out of a file: which books readers of a book also read, as somebody else has seen it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.book import ListedBook
from bookshelf.errors import TrainingError
from features.similarity import work_keys
from training.lists import Lists
from training.split import held_out_rows

BOOK, NEIGHBOURS = "book_id", "neighbours"
#: What the ids in a file may be: our own, or what the books' source calls them.
ISBN = "isbn"
KINDS = ("id", "upc", ISBN, "key")
AUTO = "auto"

#: Books with a known neighbour that a file must tell of: fewer are no measure.
FEWEST = 20
_SHARE = 0.5  # of the books with lists, to be judged by
_BETWEEN = re.compile(r"[\s,;|\[\]\"']+")

Told = Sequence[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Neighbours:
    """Lists of the index's rows, apart for learning and for judging, and what became of the file.

    Of the rows (n,) some are `learnable`: no other is asked for, named or chosen between while weights are
    learnt, and none of them asks when they are judged. `kind` is what the ids were.
    """

    learning: Lists
    judging: Lists
    learnable: NDArray[np.bool_]
    kind: str
    told: int
    matched: int

    def __str__(self) -> str:
        return (
            f"{self.told:,} lists by {self.kind}, of which {self.matched:,} are of a known book with a known "
            f"neighbour: {len(self.learning):,} to learn from, {len(self.judging):,} to be judged by"
        )


def read_neighbours(path: Path) -> Told:
    """The file's lists: CSV, or Parquet by its name, with the columns `book_id` and `neighbours`.

    A cell of neighbours is a list, JSON, one id, or ids apart by spaces, commas or semicolons. Raises
    `TrainingError` for what is none of it.
    """
    try:
        table = _table(path)
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors of a broken file are ValueErrors
        raise TrainingError(f"neighbours: {path} cannot be read: {error}") from error
    if missing := sorted({BOOK, NEIGHBOURS} - set(table)):
        raise TrainingError(
            f"neighbours: {path} must have a column {missing[0]}, got {', '.join(map(str, table))}"
        )
    rows = zip(table[BOOK], table[NEIGHBOURS], strict=True)
    return [(_name(book), tuple(_names(cell))) for book, cell in rows]


def neighbours_of(
    told: Told, books: Sequence[ListedBook], titles: Sequence[str], kind: str = AUTO
) -> Neighbours:
    """The lists as rows of an index of these books; `auto` takes the ids for what most of them are known as.

    Where two kinds know as many, the source's own goes first. Raises `TrainingError` where too few are known.
    """
    known = _identities(books)
    chosen = kind if kind != AUTO else _best_known(told, known)
    rows = known[chosen]
    if chosen == ISBN:
        told = [(_isbn13(book), tuple(map(_isbn13, near))) for book, near in told]
    answers: dict[int, set[int]] = {}
    for book, near in told:
        if (row := rows.get(book)) is not None:
            answers.setdefault(row, set()).update(rows[name] for name in near if name in rows)
    lists = {row: np.array(sorted(near - {row}), dtype=np.int64) for row, near in sorted(answers.items())}
    lists = {row: near for row, near in lists.items() if len(near)}
    if len(lists) < FEWEST:
        raise TrainingError(
            f"neighbours: of {len(told)} books listed, {len(lists)} are known by {chosen} with a neighbour "
            f"that is, and {FEWEST} are needed. Ids may be the {', '.join(KINDS)} of the catalogue's books"
        )
    ids = [one.id for one in books]
    judged = held_out_rows(ids, work_keys(titles), _SHARE)
    return Neighbours(
        _learning(lists, judged), _judging(lists, judged), ~judged, chosen, len(told), len(lists)
    )


def _learning(lists: Mapping[int, NDArray[np.int64]], judged: NDArray[np.bool_]) -> Lists:
    kept = {row: near[~judged[near]] for row, near in lists.items() if not judged[row]}
    return _of({row: near for row, near in kept.items() if len(near)})


def _judging(lists: Mapping[int, NDArray[np.int64]], judged: NDArray[np.bool_]) -> Lists:
    return _of({row: near for row, near in lists.items() if judged[row]})


def _of(lists: Mapping[int, NDArray[np.int64]]) -> Lists:
    return Lists("neighbours", np.array(list(lists), dtype=np.int64), tuple(lists.values()))


def _identities(books: Sequence[ListedBook]) -> Mapping[str, Mapping[str, int]]:
    """Kind -> id as text -> row. Of two books of one id the first has it."""
    found: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for row, listed in enumerate(books):
        names = {
            "id": str(listed.id),
            "upc": listed.book.upc,
            "isbn": listed.book.isbn,
            "key": listed.book.key,
        }
        for kind, name in names.items():
            if name:
                found[kind].setdefault(name, row)
    return found


def _best_known(told: Told, known: Mapping[str, Mapping[str, int]]) -> str:
    names = {name for book, near in told for name in (book, *near)}
    spelled = dict.fromkeys(KINDS, names) | {ISBN: set(map(_isbn13, names))}
    return max(("upc", ISBN, "key", "id"), key=lambda kind: len(spelled[kind] & known[kind].keys()))


def _table(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in (".parquet", ".pq"):
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _names(cell: Any) -> Iterable[str]:
    if isinstance(cell, str):
        try:
            parsed = json.loads(cell)
        except ValueError:
            parsed = None
        cell = parsed if isinstance(parsed, list) else [name for name in _BETWEEN.split(cell) if name]
    if not pd.api.types.is_list_like(cell):  # one id, or nothing
        return [] if pd.isna(cell) else [_name(cell)]
    return [_name(one) for one in cell]


def _name(value: Any) -> str:
    """An id as text: a number without decimals is a whole one."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _isbn13(name: str) -> str:
    """An ISBN of ten or thirteen digits as the catalogue has it; anything else as it is."""
    digits = name.replace("-", "").upper()
    if not re.fullmatch(r"\d{9}[\dX]", digits):
        return digits if re.fullmatch(r"\d{13}", digits) else name
    body = f"978{digits[:9]}"
    check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10
    return f"{body}{check}"
