"""Texts as one array of bytes: a saved model keeps a hundred thousand of them without a node for each."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def packed(texts: Sequence[str]) -> NDArray[np.uint8]:
    """The texts, at least one, none of which may hold a NUL, compressed into bytes (m,)."""
    return np.frombuffer(zlib.compress("\0".join(texts).encode(), 6), dtype=np.uint8).copy()


def unpacked(written: NDArray[np.uint8]) -> list[str]:
    """The texts that were packed, at least one."""
    return zlib.decompress(written.tobytes()).decode().split("\0")
