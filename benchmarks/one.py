"""One benchmark, measured where none has been measured before."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from benchmarks.measure import Outcome
from bookshelf.errors import BookshelfError

T = TypeVar("T")


def alone(function: Callable[..., T], *arguments: object) -> T:
    """What it returns, or raises, in a process of its own.

    What one leaves behind, in memory or, as MLflow does, in the environment, is nothing to the next. Raises
    `BookshelfError` for a process that died.
    """
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as own:
            return own.submit(function, *arguments).result()
    except BrokenProcessPool as error:
        raise BookshelfError("its process died") from error


def run(name: str, rounds: int | None) -> Outcome:
    """Measure it, in so many rounds or its own number of them.

    Raises `BookshelfError` and none of its kinds, which might not come through to another process.
    """
    benchmark = importlib.import_module(f"benchmarks.{name}")
    try:
        outcome: Outcome = benchmark.run(rounds or benchmark.ROUNDS, say)
    except BookshelfError as error:
        raise BookshelfError(str(error)) from error
    return outcome


def say(line: str) -> None:
    """Tell who watches, at once."""
    print(line, flush=True)
