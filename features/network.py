"""The network in an encoder, by whatever library it is run: pieces of text in, vectors out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
#: Batch of texts -> its vectors.
Forward = Callable[[list[str]], Vectors]

#: The layers that are read of a network which has so many: a third of the way up, two thirds, and the last.
LAYERS = 3


class Network(Protocol):
    """One set of weights, ready to run. Threads may share it.

    `fingerprint` is that of the vectors, `weights_fingerprint` that of the weights as they were published:
    they differ where the network has been made smaller. `width` is the length of one layer's vector, 0 for
    a network that has no layers to read. `token_limit` are the tokens of text that fit into one reading;
    None for any number.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def weights_fingerprint(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def token_limit(self) -> int | None: ...

    def smaller(self) -> Network | None:
        """The same in whole numbers of eight bits; None where that does not agree, or was not made."""
        ...

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text, without those that every reading has."""
        ...

    def ends(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        """Vectors (n, dimensions) of each batch, in order, as the network gives them at its end."""
        ...

    def layers(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        """Means (n, 3 · width) over each text's tokens in three layers, side by side."""
        ...


def layer_places(states: int) -> list[int]:
    """Which of so many states are read; the first of them are the words' own vectors, before any layer."""
    return [round((states - 1) * part / LAYERS) for part in range(1, LAYERS + 1)]


def side_by_side(
    forward: Forward, batches: Iterable[list[str]], cores: int, begin: Callable[[], object] = lambda: None
) -> Iterator[Vectors]:
    """What `forward` makes of each batch, in order; `begin` is called once in each thread.

    Batches run side by side with one thread each: a forward pass spread over all cores waits at every
    layer for the slowest, and takes many times as long where other programs use them too.
    """
    with ThreadPoolExecutor(cores, "encoder", begin) as pool:
        yield from pool.map(forward, batches)
