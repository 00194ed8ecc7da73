"""Layered vectors: what a model makes of a text on its way up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from features.embedding import Encoder
from features.layers import LayeredEncoder, fingerprint_over

TEXTS = ["A warm and funny book.", "Dull. " * 400, ""]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load()


@pytest.fixture(scope="module")
def layered(encoder: Encoder) -> LayeredEncoder:
    return LayeredEncoder.over(encoder)


def test_each_of_three_parts_has_unit_length(layered: LayeredEncoder) -> None:
    vectors = layered.embed(TEXTS)
    assert vectors.shape == (3, layered.dimensions) == (3, 1152)
    np.testing.assert_allclose(np.linalg.norm(vectors.reshape(3, 3, -1), axis=2), 1, atol=1e-6)


def test_the_last_part_is_what_the_encoder_gives(encoder: Encoder, layered: LayeredEncoder) -> None:
    np.testing.assert_allclose(layered.embed(TEXTS[:1])[:, -384:], encoder.embed(TEXTS[:1]), atol=1e-5)


def test_the_first_part_is_the_mean_of_the_words_in_a_lower_layer(layered: LayeredEncoder) -> None:
    stack = layered.model[0].auto_model
    tokens = layered.model.tokenizer(TEXTS[:1], return_tensors="pt")
    with torch.inference_mode():
        states = stack(**tokens, output_hidden_states=True).hidden_states[2]
    mean = states[0].mean(0).numpy()
    np.testing.assert_allclose(layered.embed(TEXTS[:1])[0, :384], mean / np.linalg.norm(mean), atol=1e-5)


def test_company_changes_no_vector(layered: LayeredEncoder) -> None:
    np.testing.assert_allclose(layered.embed(TEXTS[:1])[0], layered.embed(TEXTS)[0], atol=1e-5)


def test_its_fingerprint_is_its_own_and_follows_the_encoders(
    encoder: Encoder, layered: LayeredEncoder
) -> None:
    assert layered.fingerprint == fingerprint_over(encoder.fingerprint) != encoder.fingerprint


def test_a_model_without_layers_gives_its_end(encoder: Encoder) -> None:
    static = StaticEmbedding(encoder.model.tokenizer.backend_tokenizer, embedding_dim=8)
    flat = SentenceTransformer(modules=[static], device="cpu")
    layered = LayeredEncoder.of(flat)
    assert layered.dimensions == 8
    np.testing.assert_array_equal(layered.embed(TEXTS[:1]), Encoder.of(flat).embed(TEXTS[:1]))
