"""Skew: what the offline store, the online store and the code of prediction say of one book, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from training.point_in_time import KINDS, shortly

#: How far the numbers of two vectors of one text may lie apart: encoding it in other company was seen to
#: move them by 1.4e-7.
VECTOR_TOLERANCE = 1e-6

OFFLINE, ONLINE, SERVED = "offline", "online", "served"

_KEPT = 100  # differences named in a report

#: Feature -> values of n books, in their order.
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One feature of one book, of which the places that were compared do not say the same; by place."""

    book_id: int
    feature: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        told = ", ".join(f"{place} {shortly(value)}" for place, value in self.values.items())
        return f"{self.feature} of book {self.book_id}: {told}"


@dataclass(kw_only=True)
class Parity:
    """What a comparison of every book on offer at `as_of` has found so far.

    `compared` names the places. `values` counts features of books, each compared over all places, and
    `by_feature` those that differ; the first of them are kept in `differences`. `encoded_anew` texts were
    encoded for this alone, so that vectors are not only held against copies of themselves.
    """

    service: str
    as_of: datetime
    snapshot_id: int
    compared: tuple[str, ...]
    books: int = 0
    values: int = 0
    encoded_anew: int = 0
    seconds: float = 0.0
    by_feature: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def add(self, book_ids: Sequence[int], said: Mapping[str, Columns]) -> None:
        """Compare these books, of which every place says its columns, in their order."""
        self.books += len(book_ids)
        for found in differing(book_ids, said):
            self.by_feature[found.feature] += 1
            if len(self.differences) < _KEPT:
                self.differences.append(found)
        self.values += sum(len(column) for column in next(iter(said.values())).values())

    @property
    def holds(self) -> bool:
        return not self.by_feature

    def as_json(self) -> dict[str, Any]:
        """Everything, vectors shortened."""
        differences = [
            {
                "book_id": one.book_id,
                "feature": one.feature,
                **{place: _plain(one.feature, value) for place, value in one.values.items()},
            }
            for one in self.differences
        ]
        return asdict(self) | {
            "as_of": self.as_of.isoformat(),
            "holds": self.holds,
            "differing_values": self.by_feature.total(),
            "by_feature": dict(self.by_feature),
            "differences": differences,
        }

    def __str__(self) -> str:
        places = " and ".join([", ".join(self.compared[:-1]), self.compared[-1]])
        what = (
            f"{self.values:,} values of {self.books:,} books as of {self.as_of.isoformat()} "
            f"(snapshot {self.snapshot_id}), {places}, {self.encoded_anew} texts encoded anew, "
            f"{self.seconds:.1f} s"
        )
        if self.holds:
            return f"{what}: no difference"
        more = self.by_feature.total() - len(self.differences)
        lines = [f"{what}: {self.by_feature.total():,} differ", *map(str, self.differences)]
        return "\n".join([*lines, f"and {more:,} more"] if more else lines)


def differing(book_ids: Sequence[int], said: Mapping[str, Columns]) -> Iterator[Difference]:
    """Every feature of every book of which two places do not say the same, features of a book together.

    Nothing and NaN are the same. Numbers and texts are the same if they are equal, vectors if none of
    their numbers differs by more than `VECTOR_TOLERANCE`.
    """
    features = list(next(iter(said.values())))
    for row, book_id in enumerate(book_ids):
        for feature in features:
            values = {place: _or_none(columns[feature][row]) for place, columns in said.items()}
            first, *others = values.values()
            if not all(_same(KINDS[feature], first, other) for other in others):
                yield Difference(book_id, feature, values)


def _same(kind: str, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if kind != "vector":
        return bool(one == other)
    first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return first.shape == second.shape and bool(np.abs(first - second).max(initial=0) <= VECTOR_TOLERANCE)


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _plain(feature: str, value: Any) -> Any:
    return shortly(value) if KINDS[feature] == "vector" and value is not None else value
