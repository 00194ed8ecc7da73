"""Layered vectors of passages, kept in the home: a text that was read once is not read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bookshelf.vector_file import VectorFile, hash_of
from features.embedding import Encoder
from features.sentiment import Vectors

FILE = "passages.db"


class KeptLayers:
    """`Encoder.embed_layers` with a memory. `encoded` and `reused` count the distinct texts asked for."""

    def __init__(self, encoder: Encoder, file: VectorFile) -> None:
        self._encoder = encoder
        self._file = file
        self.encoded = 0
        self.reused = 0

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Vectors (n, layered_dimensions), one a text, in their order."""
        if not texts:
            return np.empty((0, self._encoder.layered_dimensions), dtype=np.float32)
        hashes = [hash_of(text) for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        maker = self._encoder.layers_fingerprint
        found = self._file.kept(maker, list(distinct))
        self.reused += len(found)
        missing = [one for one in distinct if one not in found]
        if missing:
            vectors = self._encoder.embed_layers([distinct[one] for one in missing])
            new = dict(zip(missing, vectors, strict=True))
            self._file.keep(maker, new)
            self.encoded += len(missing)
            found.update(new)
        return np.stack([found[one] for one in hashes])


@contextmanager
def kept_layers(encoder: Encoder, home: Path) -> Iterator[KeptLayers]:
    """The encoder's layered vectors, those of earlier trainings in that home among them."""
    with VectorFile(home / FILE) as file:
        yield KeptLayers(encoder, file)
