"""Vectors of texts on disk, kept from run to run by what they were made from and by what."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_TABLE = """
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, UNIQUE (encoder, text)
)
"""
# SQLite takes no more than some ten thousand marks in one query.
_AT_ONCE = 5_000


class VectorFile:
    """Vectors by the hash of the text and the fingerprint of what made them. Many processes may share it."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def kept(self, maker: str, hashes: Sequence[bytes]) -> dict[bytes, Vector]:
        """Those of the vectors that are there."""
        found: dict[bytes, Vector] = {}
        for start in range(0, len(hashes), _AT_ONCE):
            part = hashes[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})"
            with closing(self._connection.execute(query, (maker, *part))) as rows:
                found |= {text: np.frombuffer(vector, dtype="<f4") for text, vector in rows}
        return found

    def keep(self, maker: str, new: Mapping[bytes, Vector]) -> None:
        """Write them, all or none."""
        rows = [(maker, text, vector.astype("<f4").tobytes()) for text, vector in new.items()]
        with self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)


def hash_of(text: str) -> bytes:
    """SHA-256 of the text's characters."""
    return hashlib.sha256(text.encode()).digest()
