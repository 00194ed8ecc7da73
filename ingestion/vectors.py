"""Vectors of texts, kept from run to run by what they were made from and by."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.embedding import Encoder

Vectors = NDArray[np.float32]

_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, UNIQUE (encoder, text)
)
"""


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
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        found = self._kept(list(distinct))
        self._reused.update(found.keys() - self._encoded)
        missing = [one for one in distinct if one not in found]
        if missing:
            vectors = self._loaded().embed([distinct[one] for one in missing])
            new = dict(zip(missing, vectors, strict=True))
            self._keep(new)
            found.update(new)
            self._encoded.update(missing)
        return np.stack([found[one] for one in hashes])

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = Encoder.load(self._name)
            if self._expected not in (None, self._encoder.fingerprint):
                raise EncoderChanged(self._name)
        return self._encoder

    def _kept(self, hashes: list[bytes]) -> dict[bytes, Vectors]:
        marks = ",".join("?" * len(hashes))
        query = f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})"
        with closing(self._connection.execute(query, (self.fingerprint, *hashes))) as rows:
            return {text: np.frombuffer(vector, dtype="<f4") for text, vector in rows}

    def _keep(self, new: Mapping[bytes, Vectors]) -> None:
        rows = [(self.fingerprint, text, vector.astype("<f4").tobytes()) for text, vector in new.items()]
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
