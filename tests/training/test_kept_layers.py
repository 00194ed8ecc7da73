"""A text is read once, by whichever training comes first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bookshelf.vector_file import VectorFile
from features.sentiment import Vectors
from training.kept_layers import kept_layers


class CountingEncoder:
    layered_dimensions = 3

    def __init__(self, fingerprint: str = "one") -> None:
        self.layers_fingerprint = fingerprint
        self.read: list[str] = []

    def embed_layers(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return np.array([[len(text), text.count("a"), 1] for text in texts], dtype=np.float32)


def test_the_second_training_reads_only_what_is_new(tmp_path: Path) -> None:
    encoder: Any = CountingEncoder()
    with kept_layers(encoder, tmp_path / "var") as embed:
        first = embed(["banana", "fig", "banana"])
        assert (embed.encoded, embed.reused) == (2, 0)
    with kept_layers(encoder, tmp_path / "var") as embed:
        second = embed(["fig", "plum", "banana"])
        assert (embed.encoded, embed.reused) == (1, 2)
    assert encoder.read == ["banana", "fig", "plum"]
    np.testing.assert_array_equal(second[[2, 0]], first[:2])


def test_another_encoder_reads_for_itself(tmp_path: Path) -> None:
    for fingerprint in ("one", "two"):
        encoder: Any = CountingEncoder(fingerprint)
        with kept_layers(encoder, tmp_path) as embed:
            embed(["fig"])
        assert encoder.read == ["fig"]


def test_no_texts_have_no_vectors(tmp_path: Path) -> None:
    encoder: Any = CountingEncoder()
    with kept_layers(encoder, tmp_path) as embed:
        assert embed([]).shape == (0, 3)


def test_many_thousand_texts_are_kept_and_found(tmp_path: Path) -> None:
    hashes = [number.to_bytes(32) for number in range(12_000)]
    vector = np.ones(2, dtype=np.float32)
    with VectorFile(tmp_path / "vectors.db") as file:
        file.keep("one", dict.fromkeys(hashes[:11_000], vector))
        assert len(file.kept("one", hashes)) == 11_000
        assert file.kept("two", hashes) == {}
