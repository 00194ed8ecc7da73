"""Which rows are kept from a model to judge it by: the same ones in every version of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def held_out_rows(ids: Sequence[int], groups: Sequence[str], share: float) -> NDArray[np.bool_]:
    """True (n,) for about `share` of the rows, whole groups at a time.

    A group is held out by a hash of its lowest id, so that rows that come and go move no other row, and
    two models trained months apart can be compared on rows that neither has seen. Of two groups or more
    at least one is on either side. Raises `ValueError` for fewer.
    """
    lowest: dict[str, int] = {}
    for row_id, group in zip(ids, groups, strict=True):
        lowest[group] = min(row_id, lowest.get(group, row_id))
    if len(lowest) < 2:
        raise ValueError(f"rows of two groups at least are needed to hold some out, got {len(lowest)}")
    places = {group: _place(row_id) for group, row_id in lowest.items()}
    ordered = sorted(places.values())
    bar = min(max(share, np.nextafter(ordered[0], 1)), ordered[-1])
    return np.array([places[group] < bar for group in groups])


def _place(row_id: int) -> float:
    """Where an id falls between 0 and 1."""
    digest = hashlib.sha256(f"held out {row_id}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
