"""The offline rows: Parquet files that Feast reads, one a view and publish, never changed once written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features import schema
from features.embedding import Encoder

# Beside each vector lies what it was made from and by, so that it need not be made again.
_TEXT_HASH = "text_sha256"
_ENCODER = "encoder_fingerprint"

_TIME = pa.timestamp("us", tz="UTC")  # DuckDB cannot cast nanoseconds that have a zone
_TYPES = {
    "text": pa.string(),
    "count": pa.int64(),
    "pounds": pa.float64(),
    "vector": pa.list_(pa.float32()),
}


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors (n, d), one a text in the order given, and how many distinct texts had to be encoded."""

    vectors: NDArray[np.float32]
    encoded: int
    reused: int


def embed_new(texts: Sequence[str], encoder: Encoder, offline: Path, progress: bool) -> Embedded:
    """Vectors of the texts: those that the offline rows hold from this very encoder, and the rest encoded."""
    hashes = [_hash(text) for text in texts]
    distinct = dict(zip(hashes, texts, strict=True))
    vectors = _known_vectors(offline / schema.EMBEDDING_VIEW, encoder.fingerprint, set(distinct))
    reused = len(vectors)
    if new := [text_hash for text_hash in distinct if text_hash not in vectors]:
        encoded = encoder.embed([distinct[text_hash] for text_hash in new], progress)
        vectors.update(zip(new, encoded, strict=True))
    return Embedded(np.stack([vectors[text_hash] for text_hash in hashes]), len(new), reused)


def append_rows(frame: pd.DataFrame, fingerprint: str, offline: Path, name: str) -> int:
    """Add every row of `frame`, which holds all features, to each view's folder as the file `name`.

    A reader sees a file whole or not at all. Returns the number of rows, all views together.
    """
    traced = frame.assign(
        **{_TEXT_HASH: [_hash(text) for text in frame["description"]], _ENCODER: fingerprint}
    )
    written = 0
    for view, features in schema.VIEWS.items():
        table = pa.Table.from_pandas(traced, _arrow_schema(view, features), preserve_index=False)
        _write_whole(table, offline / view / name, offline.parent / "staging")
        written += table.num_rows
    return written


def _known_vectors(folder: Path, fingerprint: str, wanted: set[str]) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    # The newest first: as a rule it holds all there is to find.
    for file in sorted(folder.glob("*.parquet"), reverse=True):
        if not (missing := wanted - found.keys()):
            break
        table = pq.read_table(
            file,
            columns=[_TEXT_HASH, "embedding"],
            filters=[(_ENCODER, "=", fingerprint), (_TEXT_HASH, "in", missing)],
        )
        if table.num_rows:
            flat = table["embedding"].combine_chunks().flatten().to_numpy()
            vectors = flat.reshape(table.num_rows, -1).astype(np.float32)
            found.update(zip(table[_TEXT_HASH].to_pylist(), vectors, strict=True))
    return found


def _arrow_schema(view: str, features: dict[str, str]) -> pa.Schema:
    columns = [
        (schema.JOIN_KEY, pa.int64()),
        (schema.EVENT_TIMESTAMP, _TIME),
        (schema.CREATED_TIMESTAMP, _TIME),
        *((feature, _TYPES[kind]) for feature, kind in features.items()),
    ]
    if view == schema.EMBEDDING_VIEW:
        columns += [(_TEXT_HASH, pa.string()), (_ENCODER, pa.string())]
    return pa.schema(columns)


def _write_whole(table: pa.Table, target: Path, staging: Path) -> None:
    # Elsewhere first, because Feast reads every file in the target's folder.
    staging.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, staging / target.name)
    (staging / target.name).replace(target)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
