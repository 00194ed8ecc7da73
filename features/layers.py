"""Texts as what a sentence encoder makes of them on its way up, and not at its end alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.embedding import Encoder, unit
from features.network import LAYERS, Vectors

# Names what is taken from the layers; change it whenever that changes.
_POOLING = "layers at 1/3, 2/3 and 3/3, mean by tokens, unit length each"


class LayeredEncoder(Encoder):
    """An encoder whose vectors are the means over a text's tokens in three layers, side by side.

    A third and two thirds of the way up, and the last; each of unit length. A sentence encoder is taught to
    keep what a text is about and to drop how it is said, and drops it late. Of a model that is no stack of
    transformer layers there is but the end, as `Encoder` gives it.
    """

    @classmethod
    def over(cls, encoder: Encoder) -> Self:
        """The same network, and the same turns at it."""
        return cls(encoder.network)

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return LAYERS * self.network.width or super().dimensions

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 that differs from that of the encoder inside, as its vectors do."""
        return fingerprint_over(super().fingerprint)

    def _run(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        return self.network.layers(batches) if self.network.width else super()._run(batches)

    def _unit(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The vectors with each of their parts of unit length."""
        if not self.network.width:
            return unit(vectors)
        parts = unit(vectors.reshape(len(vectors) * LAYERS, -1)) if len(vectors) else vectors
        return parts.reshape(len(vectors), -1)


def fingerprint_over(fingerprint: str) -> str:
    """The fingerprint of the layered encoder over an encoder with that one."""
    return hashlib.sha256(f"{fingerprint} {_POOLING}".encode()).hexdigest()
