"""Texts as what a sentence encoder makes of them on its way up, and not at its end alone."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from features.embedding import Encoder, unit

_LAYERS = 3
# Names what is taken from the layers; change it whenever that changes.
_POOLING = "layers at 1/3, 2/3 and 3/3, mean by tokens, unit length each"
_TRANSFORMER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class LayeredEncoder(Encoder):
    """An encoder whose vectors are the means over a text's tokens in three layers, side by side.

    A third and two thirds of the way up, and the last; each of unit length. A sentence encoder is taught to
    keep what a text is about and to drop how it is said, and drops it late. Of a model that is no stack of
    transformer layers there is but the end, as `Encoder` gives it.
    """

    @classmethod
    def over(cls, encoder: Encoder) -> Self:
        """The same model, and the same turns at its tokenizer."""
        layered = cls(encoder.model)
        layered._tokenizing = encoder._tokenizing
        return layered

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return super().dimensions if self._stack is None else _LAYERS * int(self._stack.config.hidden_size)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 that differs from that of the encoder inside, as its vectors do."""
        return fingerprint_over(super().fingerprint)

    @cached_property
    def _stack(self) -> Any | None:
        """The transformer inside, whose layers can be read; None for a model of another kind."""
        stack = getattr(self._model[0], "auto_model", None)
        layers = getattr(getattr(stack, "config", None), "num_hidden_layers", 0)
        return stack if layers >= _LAYERS else None

    def _unit(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The vectors with each of their parts of unit length."""
        if self._stack is None:
            return unit(vectors)
        parts = unit(vectors.reshape(len(vectors) * _LAYERS, -1)) if len(vectors) else vectors
        return parts.reshape(len(vectors), -1)

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        if self._stack is None:
            return super()._forward(texts)
        import torch
        from sentence_transformers.util import batch_to_device

        with self._tokenizing:
            features = self._model.preprocess(texts, prompt=self._prompt)
        features = batch_to_device(features, self._model.device)
        wanted = {name: features[name] for name in _TRANSFORMER_INPUTS if name in features}
        with torch.inference_mode():
            states = self._stack(**wanted, output_hidden_states=True).hidden_states
            mask = features["attention_mask"].unsqueeze(-1)
            # The first of the states are the words' own vectors, before any layer.
            places = [round((len(states) - 1) * part / _LAYERS) for part in range(1, _LAYERS + 1)]
            means = [(states[place] * mask).sum(1) / mask.sum(1) for place in places]
        vectors: NDArray[np.float32] = torch.cat(means, dim=1).float().cpu().numpy()
        return vectors


def fingerprint_over(fingerprint: str) -> str:
    """The fingerprint of the layered encoder over an encoder with that one."""
    return hashlib.sha256(f"{fingerprint} {_POOLING}".encode()).hexdigest()
