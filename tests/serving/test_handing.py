"""An object that one process hands to another comes out as it went in, its arrays where they were put."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import random as random_matrix

from serving.handing import packed, unpacked


def handed(thing: Any) -> Any:
    file = packed(thing)
    try:
        return unpacked(file)
    finally:
        os.close(file)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(7.0),
        np.empty((0, 3), dtype=np.float32),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(20)[::3],
        np.array([(1, 2.5)], dtype=[("feature", "<i4"), ("threshold", "<f8")]),
        np.array(["a text", None], dtype=object),
    ],
    ids=["numbers", "empty", "by columns", "every third", "nodes", "objects"],
)
def test_an_array_comes_out_as_it_went_in_and_can_be_written_to(array: Any) -> None:
    found = handed([array, "beside it"])[0]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    found[...] = array


def test_frames_matrices_and_what_is_nothing_come_out_as_they_went_in() -> None:
    frame = pd.DataFrame({"title": ["A", "B"], "rating": [1.0, np.nan]})
    matrix = random_matrix(5, 9, density=0.4, random_state=1, format="csr")
    found = handed((frame, matrix, None))
    pd.testing.assert_frame_equal(found[0], frame)
    np.testing.assert_array_equal(found[1].toarray(), matrix.toarray())
    assert found[2] is None


def test_two_who_are_handed_one_file_share_it_until_one_writes() -> None:
    file = packed(np.zeros(1_000))
    one, other = unpacked(file), unpacked(file)
    os.close(file)
    one[:] = 1.0
    assert other.sum() == 0.0
    assert one.ctypes.data % 64 == 0


def test_what_cannot_be_pickled_leaves_no_file_open() -> None:
    before = _files_in_memory()
    with pytest.raises(AttributeError):
        packed(lambda: None)
    assert _files_in_memory() <= before


def _files_in_memory() -> set[tuple[str, str]]:
    """Those that are open, and no others: what earlier tests have left may be closed at any moment."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # such as the one of this folder
            found.add((descriptor.name, str(descriptor.readlink())))
    return {(number, file) for number, file in found if file.startswith("/memfd:")}
