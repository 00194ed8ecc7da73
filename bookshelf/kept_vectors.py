"""Vectors of texts, kept from run to run by what they were made from and by: no text is encoded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, UNIQUE (encoder, text)
)
"""
# So many texts are looked up, or encoded and kept, at once: a run that is killed loses no more work.
_PART = 500
_LOCK_WAIT = 60.0  # seconds; of two writers one waits for the other's part


class TextEncoder(Protocol):
    """Whatever makes vectors of texts; equal fingerprints give equal vectors."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str], /) -> Vectors: ...


class EncoderChanged(Exception):
    """The encoder of that name is not the one that made the vectors so far."""


class KeptVectors:
    """An encoder that remembers: vectors by SHA-256 of the text and the encoder's fingerprint.

    The fingerprint covers the pooling too. `load` gives the encoder; it is called when the first text must
    be encoded, or when its fingerprint is not given or its dimensions are asked for. Several processes may
    keep vectors in one file. `encoded` and `reused` count the distinct texts that were asked for.
    """

    def __init__(self, file: Path, load: Callable[[], TextEncoder], fingerprint: str | None = None) -> None:
        self._load = load
        self._expected = fingerprint
        self._encoder: TextEncoder | None = None
        self._encoded: set[bytes] = set()
        self._reused: set[bytes] = set()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, timeout=_LOCK_WAIT, isolation_level=None)
        # Whoever finds another at the change to WAL is refused, however long it would wait.
        with FileLock(file.with_name(f"{file.name}.lock")):
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
    def counts(self) -> dict[str, float]:
        """Both counts by the names under which a training logs them."""
        return {"texts_encoded": float(self.encoded), "texts_reused": float(self.reused)}

    @property
    def fingerprint(self) -> str:
        """The encoder's. Raises `EncoderChanged`, as `embed` does, if it is not the one that was expected."""
        return self._expected or self._loaded().fingerprint

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self._loaded().dimensions

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """Vectors (n, d), one a text, in their order. Raises `EncoderChanged`."""
        if not texts:
            return self._loaded().embed(texts)
        hashes = [hashlib.sha256(text.encode()).digest() for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        found: dict[bytes, Vectors] = {}
        for part in _parts(list(distinct)):
            found |= self._kept(part)
        self._reused.update(found.keys() - self._encoded)
        for part in _parts([one for one in distinct if one not in found]):
            vectors = self._loaded().embed([distinct[one] for one in part])
            new = dict(zip(part, vectors, strict=True))
            self._keep(new)
            found |= new
            self._encoded.update(part)
        return np.stack([found[one] for one in hashes])

    def _loaded(self) -> TextEncoder:
        if self._encoder is None:
            self._encoder = self._load()
            if self._expected not in (None, self._encoder.fingerprint):
                raise EncoderChanged(f"expected {self._expected}, got {self._encoder.fingerprint}")
        return self._encoder

    def _kept(self, hashes: list[bytes]) -> dict[bytes, Vectors]:
        marks = ",".join("?" * len(hashes))
        query = f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})"
        with closing(self._connection.execute(query, (self.fingerprint, *hashes))) as rows:
            return {text: np.frombuffer(vector, dtype="<f4") for text, vector in rows}

    def _keep(self, new: Mapping[bytes, Vectors]) -> None:
        rows = [(self.fingerprint, text, vector.astype("<f4").tobytes()) for text, vector in new.items()]
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)


def _parts(hashes: list[bytes]) -> Iterator[list[bytes]]:
    return (hashes[start : start + _PART] for start in range(0, len(hashes), _PART))
