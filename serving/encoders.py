"""A registered encoder, ready to run: by the form that was registered with it, else by torch."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from bookshelf.contracts import ENCODER_FORM, ENCODER_NAME
from bookshelf.errors import ModelUnavailable
from features.embedding import Encoder
from features.network import Network
from features.onnx_network import FULL, OnnxNetwork, Precision

log = logging.getLogger(__name__)

# More threads than this gain little on texts of one chunk and take the cores from everybody else.
_MOST_THREADS = 2

_PATH = Lock()


@dataclass(frozen=True)
class EncoderLoader:
    """Makes an encoder of the files of its version; a form that they lack is made, and kept in `made`."""

    made: Path
    precision: Precision

    def __call__(self, folder: Path) -> Encoder:
        """The encoder in the folder, warm. Raises `ModelUnavailable` for one without a signature."""
        from mlflow.models import Model

        if Model.load(str(folder)).signature is None:
            raise ModelUnavailable(f"the {ENCODER_NAME} has no signature")
        encoder = Encoder(self._network(folder))
        encoder.embed(["A short text.", "A longer text, so that a second shape is seen. " * 40])
        return encoder

    def _network(self, folder: Path) -> Network:
        # Full precision, with which every model was trained, does for all, only slower.
        for precision in dict.fromkeys((self.precision, FULL)):
            try:
                return OnnxNetwork(folder / ENCODER_FORM, precision, _MOST_THREADS)
            except (OSError, ValueError) as error:
                log.warning("the %s is not served by its %s form: %s", ENCODER_NAME, precision, error)
        network = self._by_torch(folder)
        return network if self.precision == FULL else network.smaller() or network

    def _by_torch(self, folder: Path) -> Network:
        """The network as torch runs it, or in the form that is made of it here."""
        import mlflow.sentence_transformers
        import torch

        from features.onnx_export import faster

        torch.set_num_threads(min(_MOST_THREADS, torch.get_num_threads()))  # by itself it takes every core
        with without_logged_code():
            model = mlflow.sentence_transformers.load_model(str(folder))
        return faster(Encoder.of(model).network, self.made)


@contextmanager
def without_logged_code() -> Iterator[None]:
    """Keep the copy of our code that is logged with a model, for machines without it, off `sys.path`.

    One at a time: of two that load at once, as a replay may beside a swap, one would put back the path of the
    other.
    """
    with _PATH:
        before = list(sys.path)
        try:
            yield
        finally:
            sys.path = before
