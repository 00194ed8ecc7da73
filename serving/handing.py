"""An object from one process to another, in memory that both have, so that its arrays need not be copied."""

from __future__ import annotations

import mmap
import os
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

# Of the processors' lines, and of what numpy's own arrays begin at.
_ALIGNED = 64
_SIZE = 8


def packed(thing: Any) -> int:
    """A file in memory with the object: its pickle, and beside it the arrays that it is made of.

    Whoever is given the file closes it. Raises `OSError` where there is no room, and whatever the pickling
    of an object raises that cannot be.
    """
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(pickled), *(one.raw() for one in buffers)]
    sizes = [part.nbytes for part in parts]
    index = pickle.dumps(sizes)
    file = os.memfd_create("handed over")
    try:
        with os.fdopen(file, "wb", closefd=False) as written:
            written.write(len(index).to_bytes(_SIZE, "little") + index)
            for part, start in zip(parts, _starts(len(index), sizes), strict=True):
                written.seek(start)
                written.write(part)
    except BaseException:  # whatever a model's parts raise, the file must not stay open
        os.close(file)
        raise
    return file


def unpacked(file: int) -> Any:
    """The object in such a file, which may be closed then. Only of one whose maker is trusted like this code.

    Its arrays lie in the file's memory, which is let go with the last of them; what is written to them is
    not seen by anybody else.
    """
    mapped = memoryview(mmap.mmap(file, 0, access=mmap.ACCESS_COPY))
    length = int.from_bytes(mapped[:_SIZE], "little")
    sizes: list[int] = pickle.loads(mapped[_SIZE : _SIZE + length])
    places = zip(_starts(length, sizes), sizes, strict=True)
    pickled, *buffers = (mapped[start : start + size] for start, size in places)
    return pickle.loads(pickled, buffers=buffers)


def _starts(index: int, sizes: Sequence[int]) -> Iterator[int]:
    """Where each part begins, behind an index of that length."""
    end = _SIZE + index
    for size in sizes:
        start = -(-end // _ALIGNED) * _ALIGNED
        yield start
        end = start + size
