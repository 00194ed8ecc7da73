"""The shelf: the models on duty in this process, and for each that is not, the reason."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import BookshelfError, ModelUnavailable
from serving.answers import Answers

log = logging.getLogger(__name__)

# More threads than this gain little on texts of one chunk and take the cores from everybody else.
_MOST_THREADS = 2
_GC_THRESHOLDS = (50_000, 20, 100)


class Shelf:
    """Empty until `fill` tries every champion once; closed until `open` says that the rest is ready too.

    Each model is put in its place by one assignment and asked for once a request, so that a request
    never sees two versions.
    """

    def __init__(self) -> None:
        self._answers: dict[ModelName, Answers] = {}
        self._reasons: dict[ModelName, str] = dict.fromkeys(MODEL_NAMES, "it is still being loaded")
        self._open = False

    def answers(self, name: ModelName) -> Answers:
        """The model on duty. Raises `ModelUnavailable` with the reason if there is none."""
        try:
            return self._answers[name]
        except KeyError:
            raise ModelUnavailable(f"the model {name!r} cannot answer: {self._reasons[name]}") from None

    def on_duty(self) -> list[Answers]:
        """Every model that can answer, in the order of `MODEL_NAMES`."""
        return [self._answers[name] for name in MODEL_NAMES if name in self._answers]

    def fill(self, load: Callable[[ModelName], Answers]) -> None:
        """Put every champion that `load` can have in its place, where it answers from that moment."""
        for name in MODEL_NAMES:
            try:
                answers = load(name)
            except BookshelfError as error:
                self._reasons[name] = str(error)
                log.warning("%s is not served: %s", name, error)
            else:
                self._answers[name] = answers
                log.info("%s version %s is on duty", name, answers.champion.version)

    def open(self) -> None:
        """Call the process ready if it can be."""
        self._open = True

    def check_ready(self) -> None:
        """Raises `ModelUnavailable` until the shelf is open with at least one model on duty.

        One that is missing does not make the process unready: the others answer, and its own endpoint
        says what is the matter.
        """
        if not self._open or not self._answers:
            away = [f"{name}: {self._reasons[name]}" for name in MODEL_NAMES if name not in self._answers]
            raise ModelUnavailable("; ".join(away) or "the rest of the service is still being loaded")


def limit_threads() -> None:
    """Hold torch to a few threads: by itself it takes every core of the machine."""
    import torch

    torch.set_num_threads(min(_MOST_THREADS, torch.get_num_threads()))


@contextmanager
def settled_heap() -> Iterator[None]:
    """Collect no garbage in the body, and take all that it leaves behind out of the collector's sight.

    Imports and models make objects that stay: looking through them again and again costs a fifth of the
    time that loading takes, and later stops a worker for a quarter of a second now and then.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.enable()
