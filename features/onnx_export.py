"""An encoder's network written down once for ONNX Runtime, if that gives the same vectors."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from features.embedding import Encoder
from features.layers import LayeredEncoder
from features.network import LAYERS, Network, Vectors, layer_places
from features.onnx_network import END, LAYER_MEANS, TOKENIZER, Form, OnnxNetwork, graph_name, sha256_of
from features.onnx_samples import SAMPLES
from features.torch_network import TorchNetwork

log = logging.getLogger(__name__)

#: Names how a network is written down; change it whenever that changes, and all are written anew.
_FORMAT = "1"
#: Cosines with torch's vectors: of full precision at least that for every text, of int8 that in the mean.
LEAST_FP32, LEAST_INT8 = 0.99999, 0.985
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OPSET = 17


class NotExported(Exception):
    """The network cannot be written down, or what was written gives other vectors."""


def faster(network: Network, folder: Path) -> Network:
    """The network by ONNX Runtime, from its files in the folder, made if need be; else as it is."""
    try:
        return OnnxNetwork(exported(network, folder))
    except (NotExported, OSError, ValueError) as error:
        log.warning("the encoder is run by torch: %s", error)
        return network


def exported(network: Network, folder: Path) -> Path:
    """Where the network's files are in the folder; missing or damaged ones are made.

    Whole or not at all, and once however many ask. Raises `NotExported`.
    """
    target = folder / f"{network.weights_fingerprint[:16]}-{_FORMAT}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if target.is_dir():
            try:
                form = Form.read(target)
                form.check(target, *form.files)
                return target
            except (OSError, ValueError) as error:
                log.warning("the encoder is exported anew: %s", error)
                shutil.rmtree(target)
        for left in folder.glob("new-*"):  # by whoever was killed at it: nobody else holds the lock
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=folder))
        try:
            export(network, new)
            new.rename(target)
        except ValueError as error:
            raise NotExported(str(error)) from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return target


def export(network: Network, folder: Path) -> Form:
    """Write the network's graphs, tokenizer and form into the folder. Raises `NotExported`.

    The graph of full precision gives torch's vectors; the one of int8 is there only if it agrees with them.
    """
    if not isinstance(network, TorchNetwork) or not network.width or network.token_limit is None:
        raise NotExported("the model is no stack of transformer layers that reads so many tokens")
    tokenizer = network.model.tokenizer
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise NotExported("the model's tokenizer cannot be used without its library")
    (folder / TOKENIZER).write_text(tokenizer.backend_tokenizer.to_str())
    _write_graph(network, folder / graph_name("fp32"))
    form = _form(network, folder, {})
    form.write(folder)
    if (found := _least(_cosines(network, OnnxNetwork(folder)))) < LEAST_FP32:
        raise NotExported(f"what was written gives other vectors: their cosine is {found:.6f}")
    return _with_int8(network, folder, form)


def _with_int8(network: TorchNetwork, folder: Path, form: Form) -> Form:
    """The form, with an int8 graph beside the other if its vectors agree."""
    graph = folder / graph_name("int8")
    try:
        _write_int8(folder / graph_name("fp32"), graph)
    # The tool raises what it likes at a graph that it does not expect, and full precision does without it.
    except Exception as error:  # noqa: BLE001
        log.warning("the encoder has no int8 form: %s: %s", type(error).__name__, error)
        graph.unlink(missing_ok=True)
        return form
    form = _form(network, folder, {})
    form.write(folder)
    agreement = {
        name: float(one.mean()) for name, one in _cosines(network, OnnxNetwork(folder, "int8")).items()
    }
    told = ", ".join(f"{name} {cosine:.4f}" for name, cosine in agreement.items())
    if min(agreement.values()) < LEAST_INT8:
        log.warning("the encoder has no int8 form: mean cosines of %s", told)
        graph.unlink()
        agreement = {}
    else:
        log.info("the encoder's int8 form agrees: mean cosines of %s", told)
    form = _form(network, folder, agreement)
    form.write(folder)
    return form


def _form(network: TorchNetwork, folder: Path, agreement: dict[str, float]) -> Form:
    assert network.token_limit is not None
    files = [TOKENIZER, *(one.name for one in sorted(folder.glob("*.onnx")))]
    return Form(
        fingerprint=network.fingerprint,
        dimensions=network.dimensions,
        width=network.width,
        token_limit=network.token_limit,
        longest=int(network.model.max_seq_length),
        prompt=network.prompt,
        padding=int(network.model.tokenizer.pad_token_id or 0),
        files={name: sha256_of(folder / name) for name in files},
        agreement=agreement,
    )


def _write_graph(network: TorchNetwork, file: Path) -> None:
    import torch

    features = network.model.tokenizer(SAMPLES[:2], padding=True, return_tensors="pt")
    names = [name for name in _INPUTS if name in features]
    sizes = {name: {0: "texts", 1: "tokens"} for name in names}
    with warnings.catch_warnings(), torch.inference_mode():
        # Of what tracing takes for constant; whether it was is seen in the vectors.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                _graph(network.model, names),
                tuple(features[name] for name in names),
                str(file),
                dynamo=False,  # the newer exporter takes ten times as long, for a graph that is no faster
                opset_version=_OPSET,
                input_names=names,
                output_names=[END, LAYER_MEANS],
                dynamic_axes={**sizes, END: {0: "texts"}, LAYER_MEANS: {0: "texts"}},
            )
        # Whatever a model of another make has in it that the exporter or its own code does not expect.
        except Exception as error:
            raise NotExported(f"{type(error).__name__}: {error}") from error


def _graph(model: Any, names: list[str]) -> Any:
    """The model as a module of tensors: those inputs, by position, to its end and its layers' means."""
    import torch

    class Graph(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.stack, *rest = model[0].auto_model, *list(model)[1:]
            self.rest = torch.nn.ModuleList(rest)

        def forward(self, *inputs: Any) -> tuple[Any, Any]:
            known = dict(zip(names, inputs, strict=True))
            states = self.stack(**known, output_hidden_states=True).hidden_states
            mask = known["attention_mask"].unsqueeze(-1).to(states[0].dtype)
            means = [(states[place] * mask).sum(1) / mask.sum(1) for place in layer_places(len(states))]
            features = {"token_embeddings": states[-1], "attention_mask": known["attention_mask"]}
            for module in self.rest:
                features = module(features)
            return features["sentence_embedding"], torch.cat(means, 1)

    return Graph().eval()


def _write_int8(source: Path, file: Path) -> None:
    before = list(sys.path)
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.quant_utils import add_pre_process_metadata

        graph = onnx.load(source)
        add_pre_process_metadata(graph)  # the runtime optimises it when it is loaded; without this it warns
        quantize_dynamic(graph, file, per_channel=True, weight_type=QuantType.QInt8)
    finally:
        sys.path[:] = before  # its import adds a folder of modules with names such as `benchmark`


def _cosines(one: Network, other: Network) -> dict[str, Vectors]:
    """Of the sample texts' vectors (n,) by both, at the end and in each layer."""
    first, second = (LayeredEncoder(network).embed(SAMPLES) for network in (one, other))
    parts = np.split(first * second, LAYERS, axis=1)
    found = {f"layer {number}": part.sum(axis=1) for number, part in enumerate(parts, start=1)}
    ends = Encoder(one).embed(SAMPLES) * Encoder(other).embed(SAMPLES)
    return found | {END: ends.sum(axis=1)}


def _least(cosines: dict[str, Vectors]) -> float:
    return min(float(one.min()) for one in cosines.values())
