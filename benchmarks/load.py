"""Calling something many times: one call after the other, or from several clients at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from benchmarks.measure import Metric, percentile

Input = TypeVar("Input")

CLIENTS = 8

P50 = Metric("one call, p50", "ms", higher_is_better=False)
P95 = Metric("one call, p95", "ms", higher_is_better=False)
THROUGHPUT = Metric(f"{CLIENTS} clients at once", "calls/s", higher_is_better=True)


def measure_calls(call: Callable[[Input], object], inputs: Sequence[Input]) -> Mapping[Metric, float]:
    """p50 and p95 of one call, and calls a second from several clients at once, over the same inputs."""
    times = call_times(call, inputs)
    return {
        P50: percentile(times, 0.5),
        P95: percentile(times, 0.95),
        THROUGHPUT: calls_per_second(call, inputs, CLIENTS),
    }


def call_times(call: Callable[[Input], object], inputs: Sequence[Input]) -> list[float]:
    """Milliseconds of each call, made one after the other."""
    times = []
    for one in inputs:
        started = time.perf_counter()
        call(one)
        times.append((time.perf_counter() - started) * 1_000)
    return times


def calls_per_second(call: Callable[[Input], object], inputs: Sequence[Input], clients: int) -> float:
    """Calls that end in a second while `clients` threads share the inputs, each waiting for its answer."""
    _, per_second = calls_at_once(call, inputs, clients)
    return per_second


def calls_at_once(
    call: Callable[[Input], object], inputs: Sequence[Input], clients: int
) -> tuple[list[float], float]:
    """Milliseconds of each call while `clients` threads share the inputs, and calls that end in a second."""

    def share(first: int) -> list[float]:
        return call_times(call, inputs[first::clients])

    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        # Raises what a client raised.
        times = [one for shared in pool.map(share, range(clients)) for one in shared]
        return times, len(inputs) / (time.perf_counter() - started)
