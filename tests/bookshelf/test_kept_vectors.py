"""No text is encoded twice: not by one run, not by the next, not by several at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from bookshelf.kept_vectors import EncoderChanged, KeptVectors, Vectors


@dataclass
class Lengths:
    """An encoder whose vectors are the lengths of texts and of their words; it writes down what it read."""

    fingerprint: str = "lengths"
    dimensions: int = 2
    read: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str], /) -> Vectors:
        self.read.extend(texts)
        return np.array([[len(text), len(text.split())] for text in texts], dtype=np.float32).reshape(-1, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "vectors.db"


def test_a_text_is_encoded_once_however_often_it_is_asked_for(file: Path) -> None:
    encoder = Lengths()
    with KeptVectors(file, lambda: encoder) as vectors:
        first = vectors.embed(["a b", "c", "a b"])
        np.testing.assert_array_equal(first, vectors.embed(["a b", "c", "a b"]))
        assert (vectors.encoded, vectors.reused) == (2, 0)
    assert encoder.read == ["a b", "c"]
    np.testing.assert_array_equal(first, [[3, 2], [1, 1], [3, 2]])
    assert first.dtype == np.float32


def test_the_next_run_encodes_what_is_new_and_counts_both(file: Path) -> None:
    with KeptVectors(file, Lengths) as vectors:
        vectors.embed(["one", "two"])
    encoder = Lengths()
    with KeptVectors(file, lambda: encoder) as vectors:
        found = vectors.embed(["three", "two", "one"])
        assert vectors.counts == {"texts_encoded": 1.0, "texts_reused": 2.0}
    assert encoder.read == ["three"]
    assert found[:, 0].tolist() == [5, 3, 3]


def test_an_encoder_that_is_known_is_not_loaded_for_texts_that_are_kept(file: Path) -> None:
    def never() -> Lengths:
        raise AssertionError("loaded")

    with KeptVectors(file, Lengths) as vectors:
        vectors.embed(["one"])
    with KeptVectors(file, never, "lengths") as vectors:
        assert vectors.embed(["one"]).tolist() == [[3, 1]]


def test_another_encoder_reads_no_vector_of_the_first(file: Path) -> None:
    with KeptVectors(file, Lengths) as vectors:
        vectors.embed(["one"])
    other = Lengths("another")
    with KeptVectors(file, lambda: other) as vectors:
        vectors.embed(["one"])
    assert other.read == ["one"]


def test_an_encoder_other_than_expected_is_an_error(file: Path) -> None:
    with (
        KeptVectors(file, Lengths, "what the name stood for") as vectors,
        pytest.raises(EncoderChanged, match="expected what the name stood for, got lengths"),
    ):
        vectors.embed(["one"])


def test_no_texts_have_no_vectors_of_the_encoders_length(file: Path) -> None:
    with KeptVectors(file, Lengths) as vectors:
        assert vectors.embed([]).shape == (0, vectors.dimensions)


def test_more_texts_than_a_query_takes_all_come_and_a_failure_keeps_the_parts_before(file: Path) -> None:
    texts = [str(number) for number in range(1_200)]

    class Failing(Lengths):
        def embed(self, texts: Sequence[str], /) -> Vectors:
            if len(self.read) == 1_000:
                raise KeyboardInterrupt
            return super().embed(texts)

    with KeptVectors(file, Failing) as vectors, pytest.raises(KeyboardInterrupt):
        vectors.embed(texts)
    with KeptVectors(file, Lengths) as vectors:
        assert vectors.embed(texts)[:, 0].tolist() == [len(text) for text in texts]
        assert (vectors.encoded, vectors.reused) == (200, 1_000)


WRITER = """
import sys
import numpy as np
from pathlib import Path
from types import SimpleNamespace
from bookshelf.kept_vectors import KeptVectors

encoder = SimpleNamespace(
    fingerprint="f", dimensions=1, embed=lambda texts: np.array([[int(one)] for one in texts], dtype="f4")
)
first = int(sys.argv[2]) * 500
sys.stdin.read()  # all begin together
with KeptVectors(Path(sys.argv[1]), lambda: encoder) as vectors:
    vectors.embed([str(number) for number in range(first, first + 1_000)])
"""


def test_several_processes_may_begin_one_file_together(file: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(one)], stdin=subprocess.PIPE)
        for one in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(300) for writer in writers] == [0] * 4
    with KeptVectors(file, lambda: Lengths("f")) as vectors:
        found = vectors.embed([str(number) for number in range(2_500)])
        assert (vectors.encoded, vectors.reused) == (0, 2_500)
    np.testing.assert_array_equal(found, np.arange(2_500)[:, None])
