"""Vectors of texts, kept from run to run by what they were made from and by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bookshelf.vector_file import VectorFile, hash_of
from features.embedding import Encoder

Vectors = NDArray[np.float32]


class EncoderChanged(Exception):
    """The encoder of that name is not the one that made the vectors so far."""


class KeptVectors:
    """Vectors by SHA-256 of the text and the encoder's fingerprint, which covers the pooling too.

    The encoder is loaded when the first text must be encoded, or when its fingerprint is not given. What
    was encoded is kept at once. `encoded` and `reused` count the distinct texts that were asked for.
    """

    def __init__(self, file: Path, encoder: str, fingerprint: str | None) -> None:
        self._name = encoder
        self._expected = fingerprint
        self._encoder: Encoder | None = None
        self._encoded: set[bytes] = set()
        self._reused: set[bytes] = set()
        self._file = VectorFile(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *outcome: object) -> None:
        self._file.__exit__(*outcome)

    @property
    def encoded(self) -> int:
        return len(self._encoded)

    @property
    def reused(self) -> int:
        return len(self._reused)

    @property
    def fingerprint(self) -> str:
        return self._expected or self._loaded().fingerprint

    def of(self, texts: Sequence[str]) -> Vectors:
        """Vectors (n, d), one a text, in their order; n is 1 or more. Raises `EncoderChanged`."""
        hashes = [hash_of(text) for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        found = self._file.kept(self.fingerprint, list(distinct))
        self._reused.update(found.keys() - self._encoded)
        missing = [one for one in distinct if one not in found]
        if missing:
            vectors = self._loaded().embed([distinct[one] for one in missing])
            new = dict(zip(missing, vectors, strict=True))
            self._file.keep(self.fingerprint, new)
            found.update(new)
            self._encoded.update(missing)
        return np.stack([found[one] for one in hashes])

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = Encoder.load(self._name)
            if self._expected not in (None, self._encoder.fingerprint):
                raise EncoderChanged(self._name)
        return self._encoder
