"""Texts of any length become unit vectors, and the encoder can say who it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from features.embedding import DEFAULT_ENCODER, Encoder
from features.network import Vectors
from features.torch_network import TorchNetwork

LONG = " ".join(
    f"On day {day} the keeper of the light wrote in her book that no ship had come." for day in range(60)
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(DEFAULT_ENCODER)


@pytest.fixture
def small_model(encoder: Encoder) -> SentenceTransformer:
    """A real model of a few kilobytes, which reads texts of any length."""
    tokenizer = Tokenizer.from_str(encoder.model.tokenizer.backend_tokenizer.to_str())
    weights = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 4)).astype(np.float32)
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)])


def test_vectors_are_float32_of_unit_length_in_the_order_of_the_texts(encoder: Encoder) -> None:
    texts = ["A short one.", LONG, "A dragon wakes.", ""]
    vectors = encoder.embed(texts)
    assert vectors.shape == (4, encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    backwards = encoder.embed(texts[::-1])[::-1]
    np.testing.assert_allclose(vectors, backwards, atol=1e-5)


def test_a_text_that_the_model_reads_whole_is_embedded_as_the_model_does(encoder: Encoder) -> None:
    texts = ["A dragon wakes. The village sleeps.", "Rhymes for children."]
    np.testing.assert_allclose(encoder.embed(texts), encoder.model.encode(texts), atol=1e-5)


def test_the_end_of_a_long_text_counts(encoder: Encoder) -> None:
    texts = [LONG, LONG + " Then the sea rose, and the dragon came to the door of the lighthouse."]
    cut = encoder.model.encode(texts)
    np.testing.assert_array_equal(cut[0], cut[1])  # the model itself does not see it
    ours = encoder.embed(texts)
    assert float(ours[0] @ ours[1]) < 0.9999


def test_a_long_text_is_the_mean_of_its_chunks_weighted_by_their_tokens(encoder: Encoder) -> None:
    [chunks] = encoder.chunks([LONG])
    assert len(chunks) > 2
    parts = encoder.model.encode([chunk.text for chunk in chunks])
    mean = np.average(parts, axis=0, weights=[chunk.tokens for chunk in chunks])
    np.testing.assert_allclose(encoder.embed([LONG])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_chunks_end_where_sentences_end(encoder: Encoder) -> None:
    [chunks] = encoder.chunks([LONG])
    assert all(chunk.text.rstrip().endswith("had come.") for chunk in chunks)


def test_a_sentence_ends_without_a_space_too_but_not_within_initials(encoder: Encoder) -> None:
    glued = "He woke on Mars.A freak accident.B.J. Novak wrote it."
    [chunks] = encoder.chunks([" ".join([glued] * 30)])
    assert len(chunks) > 1
    assert all(chunk.text.rstrip().endswith(("Mars.", "accident.", "it.")) for chunk in chunks)


@examples(max_examples=30)
@given(
    st.lists(
        st.sampled_from(["word ", "Mars.A ", "end. ", "x" * 120, "非常好。", "naïve ", "🙂", "\n", "“Oh!” "]),
        max_size=900,
    )
)
def test_no_chunk_is_too_long_and_no_character_is_lost(encoder: Encoder, parts: list[str]) -> None:
    text = "".join(parts)
    [chunks] = encoder.chunks([text])
    assert "".join(chunk.text for chunk in chunks) == text.strip()
    read = encoder.model.tokenizer([chunk.text for chunk in chunks])["input_ids"]
    assert max(map(len, read)) <= encoder.model.max_seq_length


def test_a_text_without_words_has_the_vector_of_the_empty_string(encoder: Encoder) -> None:
    vectors = encoder.embed(["", " \n\t "])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_allclose(vectors[0], encoder.model.encode([""])[0], atol=1e-5)


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.dimensions)


class CountingNetwork(TorchNetwork):
    """Notes how many texts each forward pass was given."""

    batches: ClassVar[list[int]] = []

    def ends(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        told = list(batches)
        self.batches[:] = map(len, told)
        return super().ends(told)


def test_short_texts_share_a_forward_pass(encoder: Encoder) -> None:
    counting = CountingNetwork(encoder.model)
    Encoder(counting).embed(["A short one."] * 40 + [LONG])
    long = len(encoder.chunks([LONG])[0])
    assert sum(counting.batches) == 40 + long
    assert len(counting.batches) <= long + 1
    assert max(counting.batches) > 30  # the end of the long one may have taken a few with it


def test_a_bar_is_drawn_only_when_asked_for(encoder: Encoder, capfd: pytest.CaptureFixture[str]) -> None:
    encoder.embed(["quietly"])
    assert capfd.readouterr().err == ""
    encoder.embed(["aloud"], progress=True)
    assert "embedding: 100%" in capfd.readouterr().err


def test_threads_may_share_an_encoder(encoder: Encoder) -> None:
    texts = [LONG[: 40 * length] for length in range(1, 25)]
    alone = encoder.embed(texts)
    with ThreadPoolExecutor(6) as pool:
        together = np.vstack(list(pool.map(lambda text: encoder.embed([text]), texts)))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_runs_at_once_leave_later_threads_as_many_cores_as_before(encoder: Encoder) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        network = TorchNetwork(encoder.model)
        first, second = (network.ends([["One."], ["Another."]]) for _ in range(2))
        next(first)
        with ThreadPoolExecutor(1) as pool:  # a thread that begins while the first runs, and ends after it
            pool.submit(next, second).result()
            list(first)
            pool.submit(list, second).result()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


def test_any_sentence_transformers_folder_is_an_encoder(
    small_model: SentenceTransformer, tmp_path: Path
) -> None:
    small_model.save(str(tmp_path / "model"))
    loaded = Encoder.load(str(tmp_path / "model"))
    assert loaded.dimensions == 4
    np.testing.assert_allclose(np.linalg.norm(loaded.embed(["A tale.", LONG]), axis=1), 1, atol=1e-6)


def test_the_fingerprint_is_the_same_after_saving_and_loading(encoder: Encoder, tmp_path: Path) -> None:
    encoder.model.save(str(tmp_path / "model"))
    assert Encoder.load(str(tmp_path / "model")).fingerprint == encoder.fingerprint


def test_the_fingerprint_changes_with_a_single_weight(small_model: SentenceTransformer) -> None:
    before = Encoder.of(small_model).fingerprint
    small_model[0].embedding.weight.data[0, 0] += 1e-3
    assert Encoder.of(small_model).fingerprint != before


def test_an_encoder_that_is_not_there_is_an_error_and_not_a_download(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Encoder.load(str(tmp_path / "nowhere"))
