"""Where two answers differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Up to this, numbers count as equal.
TOLERANCE = 1e-6
#: What an answer says of itself and of the moment, which another of the same question need not repeat.
_OF_ITS_OWN = frozenset({"prediction_id", "arm", "features"})


def difference(one: dict[str, Any], other: dict[str, Any]) -> tuple[float, tuple[str, ...]]:
    """The largest difference of numbers, and the paths of all that is not equal, such as `items.2.title`.

    Paths come in the order of the first answer, then what only the other has.
    """
    pairs = list(_pairs(_plain(one), _plain(other), ""))
    gaps = {path: abs(a - b) for path, a, b in pairs if _are_numbers(a, b)}
    differs = [path for path, a, b in pairs if (gaps[path] > TOLERANCE if path in gaps else a != b)]
    return max(gaps.values(), default=0.0), tuple(differs)


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in _OF_ITS_OWN}


def _pairs(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Every leaf of either with its counterpart, None where there is none."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one | other:
            yield from _pairs(one.get(name), other.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list):
        for place in range(max(len(one), len(other))):
            ours, theirs = (many[place] if place < len(many) else None for many in (one, other))
            yield from _pairs(ours, theirs, f"{path}.{place}")
    else:
        yield path, one, other


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
