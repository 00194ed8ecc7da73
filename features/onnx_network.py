"""A network as ONNX Runtime runs it, from files that `onnx_export` wrote: without torch, and faster."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from features.network import Forward, Vectors, side_by_side

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

log = logging.getLogger(__name__)

#: Weights as they were published, or as whole numbers of eight bits.
Precision = Literal["fp32", "int8"]

FULL: Precision = "fp32"

FORM, TOKENIZER = "form.json", "tokenizer.json"
#: Outputs of the graph.
END, LAYER_MEANS = "end", "layer_means"
_IDS, _MASK = "input_ids", "attention_mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What must be known of an exported network besides its graph.

    `files` are the SHA-256 of each file. `agreement` is the mean cosine, over sample texts, of the int8
    vectors and those of torch, of the end and of each layer; empty where int8 was refused.
    """

    fingerprint: str
    dimensions: int
    width: int
    token_limit: int
    longest: int
    prompt: str
    padding: int
    files: dict[str, str]
    agreement: dict[str, float]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises `OSError` or `ValueError` for a folder without one that is whole."""
        try:
            return cls(**json.loads((folder / FORM).read_text()))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{folder / FORM} is no description of an exported encoder: {error}") from error

    def write(self, folder: Path) -> None:
        (folder / FORM).write_text(json.dumps(asdict(self), indent=2))

    def check(self, folder: Path, *names: str) -> None:
        """Raises `OSError` or `ValueError` for a file that is missing or not as it was written."""
        for name in names:
            if sha256_of(folder / name) != self.files.get(name):
                raise ValueError(f"{folder / name} is damaged")


class OnnxNetwork:
    """A `Network` of an exported graph, on one core a batch."""

    def __init__(self, folder: Path, precision: Precision = "fp32", cores: int | None = None) -> None:
        """The network in the folder, on so many cores at most, by default on all that the process has.

        Raises `OSError` or `ValueError` where there is none that is whole.
        """
        from joblib import cpu_count
        from tokenizers import Tokenizer

        self._folder = folder
        self._cores = min(cores or sys.maxsize, cpu_count())
        self._precision = precision
        self._form = Form.read(folder)
        self._form.check(folder, graph_name(precision), TOKENIZER)
        self._session = _session(folder / graph_name(precision))
        self._inputs = [one.name for one in self._session.get_inputs()]
        self._counting = Tokenizer.from_file(str(folder / TOKENIZER))
        self._counting.no_padding()
        self._counting.no_truncation()
        self._reading = Tokenizer.from_file(str(folder / TOKENIZER))
        self._reading.no_padding()
        self._reading.enable_truncation(self._form.longest)

    @property
    def fingerprint(self) -> str:
        if self._precision == FULL:
            return self._form.fingerprint
        return hashlib.sha256(f"{self._form.fingerprint} {self._precision}".encode()).hexdigest()

    @property
    def weights_fingerprint(self) -> str:
        return self._form.fingerprint

    def smaller(self) -> OnnxNetwork | None:
        try:
            return OnnxNetwork(self._folder, "int8", self._cores) if self._form.agreement else None
        except (OSError, ValueError) as error:
            log.warning("the encoder's int8 form cannot be used: %s", error)
            return None

    @property
    def dimensions(self) -> int:
        return self._form.dimensions

    @property
    def width(self) -> int:
        return self._form.width

    @property
    def token_limit(self) -> int | None:
        return self._form.token_limit

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(one.ids) for one in self._counting.encode_batch(texts, add_special_tokens=False)]

    def ends(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        return self._run(partial(self._forward, END), batches)

    def layers(self, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        return self._run(partial(self._forward, LAYER_MEANS), batches)

    def _run(self, forward: Forward, batches: Iterable[list[str]]) -> Iterator[Vectors]:
        """One batch here and now, several side by side: for one a thread takes longer than it saves."""
        rest = iter(batches)
        first, second = next(rest, None), next(rest, None)
        if first is None or second is None:
            return map(forward, [] if first is None else [first])
        return side_by_side(forward, chain([first, second], rest), self._cores)

    def _forward(self, output: str, texts: list[str]) -> Vectors:
        if self._precision == FULL:
            return self._together(output, texts)
        # Eight bits are spread over the range of all that is in a batch: beside others a text would get
        # another vector than alone, and its answer would depend on who else asks.
        return np.vstack([self._together(output, [text]) for text in texts])

    def _together(self, output: str, texts: list[str]) -> Vectors:
        read = self._reading.encode_batch([self._form.prompt + text for text in texts])
        longest = max(len(one.ids) for one in read)
        known: dict[str, NDArray[np.int64]] = {
            _IDS: _padded([one.ids for one in read], longest, self._form.padding),
            _MASK: _padded([one.attention_mask for one in read], longest, 0),
        }
        # Types of tokens tell two texts apart, and here is one.
        fed = {name: known.get(name, np.zeros_like(known[_IDS])) for name in self._inputs}
        [vectors] = self._session.run([output], fed)
        found: Vectors = vectors
        return found


def _session(graph: Path) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would remember one for each shape that ever came
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    # Its errors are the runtime's own, with no parent but this.
    except Exception as error:
        raise ValueError(f"{graph} cannot be run: {error}") from error


def _padded(rows: Sequence[Sequence[int]], length: int, filling: int) -> NDArray[np.int64]:
    """The rows (n, length), each filled up at its end."""
    return np.array([[*row, *[filling] * (length - len(row))] for row in rows], dtype=np.int64)


def graph_name(precision: Precision) -> str:
    return f"{precision}.onnx"


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
