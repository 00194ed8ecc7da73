"""A network as sentence-transformers runs it, with torch: any model, nothing prepared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from features.network import LAYERS, Forward, Vectors, layer_places, side_by_side

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Names the way from text to vector around the model; change it whenever that way changes.
_POOLING = "sentences packed into chunks, unit vectors, mean by tokens, unit length"
_TRANSFORMER_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class TorchNetwork:
    """A `Network` of a sentence-transformers model."""

    def __init__(self, model: SentenceTransformer) -> None:
        import torch

        self.model = model.eval()
        # Asked now: of a thread that has begun while another ran the network, torch says that it has one.
        self._cores = torch.get_num_threads()
        # A tokenizer cuts and pads as it was last told to, and breaks when two threads tell it at once.
        self._tokenizing = Lock()

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of weights, vocabulary, configuration and pooling."""
        import torch

        digest = hashlib.sha256(json.dumps(self._configuration(), sort_keys=True, default=str).encode())
        for name, weights in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {weights.dtype} {tuple(weights.shape)}".encode())
            digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    @property
    def weights_fingerprint(self) -> str:
        return self.fingerprint

    @property
    def dimensions(self) -> int:
        return int(self.model.get_embedding_dimension())

    @property
    def width(self) -> int:
        return 0 if self._stack is None else int(self._stack.config.hidden_size)

    @property
    def prompt(self) -> str:
        """What the model wants in front of every text; "" for nothing, as with most models."""
        prompt: str = self.model.prompts.get(self.model.default_prompt_name or "", "")
        return prompt

    @property
    def token_limit(self) -> int | None:
        longest = self.model.max_seq_length
        if longest is None or longest > 1_000_000:  # how tokenizers spell "no limit"
            return None
        with self._tokenizing:
            reserved = len(self.model.tokenizer(self.prompt)["input_ids"])
        return max(int(longest) - reserved, 1)

    def smaller(self) -> None:
        """None: torch has no form that is faster at this."""

    def count_tokens(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        with self._tokenizing:
            # Not verbose: it would warn of a text that is too long, and cutting it up is the encoder's trade.
            found = self.model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [len(tokens) for tokens in found]

    def ends(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        return self._run(self._end, batches)

    def layers(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        return self._run(self._layers, batches)

    @cached_property
    def _stack(self) -> Any | None:
        """The transformer inside, whose layers can be read; None for a model of another kind."""
        stack = getattr(self.model[0], "auto_model", None)
        layers = getattr(getattr(stack, "config", None), "num_hidden_layers", 0)
        return stack if layers >= LAYERS else None

    def _run(self, forward: Forward, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        import torch

        try:
            yield from side_by_side(forward, batches, self._cores, lambda: torch.set_num_threads(1))
        finally:
            # A worker's one thread is also what threads started later would get.
            torch.set_num_threads(self._cores)

    def _end(self, texts: list[str]) -> Vectors:
        import torch

        with torch.inference_mode():
            found = self.model(self._read(texts))["sentence_embedding"]
        vectors: Vectors = found.float().cpu().numpy()[:, : self.dimensions]
        return vectors

    def _layers(self, texts: list[str]) -> Vectors:
        import torch

        assert self._stack is not None  # nobody asks for layers of no width
        features = self._read(texts)
        wanted = {name: features[name] for name in _TRANSFORMER_INPUTS if name in features}
        with torch.inference_mode():
            states = self._stack(**wanted, output_hidden_states=True).hidden_states
            mask = features["attention_mask"].unsqueeze(-1)
            means = [(states[place] * mask).sum(1) / mask.sum(1) for place in layer_places(len(states))]
        vectors: Vectors = torch.cat(means, dim=1).float().cpu().numpy()
        return vectors

    def _read(self, texts: list[str]) -> Any:
        from sentence_transformers.util import batch_to_device

        with self._tokenizing:
            features = self.model.preprocess(texts, prompt=self.prompt or None)
        return batch_to_device(features, self.model.device)

    def _configuration(self) -> dict[str, Any]:
        tokenizer = self.model.tokenizer
        return {
            "pooling": _POOLING,
            "max_seq_length": self.model.max_seq_length,
            "prompts": self.model.prompts,
            "modules": [
                [type(part).__name__, getattr(part, "get_config_dict", dict)()] for part in self.model
            ],
            "vocabulary": tokenizer.get_vocab(),
        }
