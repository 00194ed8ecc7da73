"""An encoder written down for ONNX Runtime gives torch's vectors, or is not used."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

from bookshelf.settings import ROOT
from features import onnx_export
from features.embedding import Encoder
from features.layers import LayeredEncoder
from features.onnx_export import NotExported, exported, faster
from features.onnx_network import FORM, OnnxNetwork, graph_name

LONG = "The ship came in at dawn. " * 60
TEXTS = ["A dragon wakes.", LONG, "", "Ünïcode 42!", "One. Two. Three."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    """A model of the default's make with random weights and a handful of words."""
    folder: Path = tmp_path_factory.mktemp("model")
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters)]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    transformer = Transformer(str(folder), max_seq_length=64)
    return SentenceTransformer(modules=[transformer, Pooling(48)], device="cpu")


@pytest.fixture(scope="module")
def encoder(model: SentenceTransformer) -> Encoder:
    return Encoder.of(model)


@pytest.fixture(scope="module")
def folder(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(encoder.network, tmp_path_factory.mktemp("encoders"))


def test_its_vectors_are_those_of_torch_at_the_end_and_in_the_layers(encoder: Encoder, folder: Path) -> None:
    fast = Encoder(OnnxNetwork(folder))
    np.testing.assert_allclose(fast.embed(TEXTS), encoder.embed(TEXTS), atol=1e-5)
    layers, fast_layers = LayeredEncoder.over(encoder), LayeredEncoder.over(fast)
    assert fast_layers.dimensions == layers.dimensions == 144
    np.testing.assert_allclose(fast_layers.embed(TEXTS), layers.embed(TEXTS), atol=1e-5)


def test_it_reads_texts_in_the_same_chunks(encoder: Encoder, folder: Path) -> None:
    assert Encoder(OnnxNetwork(folder)).chunks(TEXTS) == encoder.chunks(TEXTS)


def test_vectors_of_full_precision_go_by_the_same_fingerprint_and_those_of_int8_by_another(
    encoder: Encoder, folder: Path
) -> None:
    fast = Encoder(OnnxNetwork(folder))
    small = fast.smaller()
    assert small is not None
    assert fast.fingerprint == encoder.fingerprint != small.fingerprint
    assert small.network.weights_fingerprint == encoder.fingerprint
    assert LayeredEncoder.over(small).fingerprint != LayeredEncoder.over(fast).fingerprint
    cosines = (small.embed(TEXTS) * encoder.embed(TEXTS)).sum(axis=1)
    assert 0.985 < cosines.mean() < 1


def test_a_text_comes_out_of_int8_the_same_alone_and_beside_others(folder: Path) -> None:
    small = Encoder(OnnxNetwork(folder)).smaller()
    assert small is not None
    alone = np.vstack([small.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(small.embed(TEXTS), alone, atol=1e-6)


def test_writing_it_leaves_the_places_of_imports_as_they_were(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith(("onnxruntime.quant", "onnxruntime.transf"))]:
        monkeypatch.delitem(sys.modules, name)
    before = list(sys.path)
    onnx_export._write_int8(folder / graph_name("fp32"), tmp_path / "int8.onnx")
    assert sys.path == before
    assert "onnxruntime.quantization" in sys.modules


def test_it_is_written_once(encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "export", None)
    assert exported(encoder.network, folder.parent) == folder


def test_what_somebody_left_who_was_killed_at_it_goes(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new-left").mkdir()
    (tmp_path / "new-left" / "fp32.onnx").write_bytes(b"half of it")
    monkeypatch.setattr(onnx_export, "export", lambda _network, folder: (folder / FORM).touch())
    written = exported(encoder.network, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "lock", written])


@pytest.mark.parametrize("name", [FORM, graph_name("fp32"), graph_name("int8")])
def test_one_that_is_damaged_is_made_anew(
    encoder: Encoder, folder: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    network = faster(encoder.network, folder.parent)
    assert isinstance(network, OnnxNetwork)
    assert "exported anew" in caplog.text
    np.testing.assert_allclose(Encoder(network).embed(TEXTS), encoder.embed(TEXTS), atol=1e-5)


def test_a_graph_that_gives_other_vectors_is_not_used(
    encoder: Encoder, model: SentenceTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Turned(torch.nn.Module):  # type: ignore[misc]
        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return features | {"sentence_embedding": features["sentence_embedding"].flip(1)}

    graph = onnx_export._graph
    monkeypatch.setattr(onnx_export, "_graph", lambda _model, names: graph([*model, Turned()], names))
    with pytest.raises(NotExported, match="other vectors"):
        exported(encoder.network, tmp_path)
    assert faster(encoder.network, tmp_path) is encoder.network
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_int8_that_does_not_agree_is_not_kept(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnx_export, "LEAST_INT8", 0.99999999)
    network = faster(encoder.network, tmp_path)
    assert isinstance(network, OnnxNetwork)
    assert network.smaller() is None
    assert "has no int8 form" in caplog.text
    assert not list(tmp_path.rglob(graph_name("int8")))


def test_a_model_that_is_no_transformer_is_run_as_it_is(
    encoder: Encoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = Tokenizer.from_str(encoder.model.tokenizer.backend_tokenizer.to_str())
    flat = Encoder.of(
        SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    )
    with caplog.at_level(logging.WARNING):
        assert faster(flat.network, tmp_path) is flat.network
    assert "is run by torch" in caplog.text
    assert flat.smaller() is None


def test_it_needs_neither_torch_nor_transformers(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from features.layers import LayeredEncoder;"
        "from features.onnx_network import OnnxNetwork;"
        f"LayeredEncoder(OnnxNetwork(Path({str(folder)!r}))).embed(['A tale.', 'Another.' * 90]);"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
