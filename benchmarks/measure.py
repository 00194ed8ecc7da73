"""Ways of doing one thing, measured in turns, and what their numbers say side by side.

A machine that is slow for a minute is slow for all of them, so the ratio holds where the seconds do not.
"""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Tell = Callable[[str], None]
#: What was measured of one way, round by round.
Readings: TypeAlias = "list[Mapping[Metric, float]]"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that is measured, its unit, and which way is better."""

    name: str
    unit: str
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way of doing it. `measure` does one round of it and gives every metric's value."""

    label: str
    measure: Callable[[], Mapping[Metric, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """One way's values of one metric, one a round, in the order of the rounds. Never empty."""

    way: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"nothing was measured of {self.way!r}")

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ways under one metric. Every ratio is ours / baseline, whichever way is better."""

    metric: Metric
    baseline: Series
    ours: Series

    def __post_init__(self) -> None:
        if len(self.baseline.values) != len(self.ours.values):
            raise ValueError(f"{self.ours.way!r} and {self.baseline.way!r} were not measured in turns")
        if min(self.baseline.values) <= 0:
            raise ValueError(f"{self.baseline.way!r} must be above 0 {self.metric.unit} in every round")

    @property
    def rounds(self) -> int:
        return len(self.ours.values)

    @property
    def ratio(self) -> float:
        """Our median over the baseline's."""
        return self.ours.median / self.baseline.median

    @property
    def ratios(self) -> tuple[float, ...]:
        """Round by round, each against its own neighbour in time."""
        pairs = zip(self.ours.values, self.baseline.values, strict=True)
        return tuple(ours / baseline for ours, baseline in pairs)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one benchmark found, on what, and what a reader must know to read it."""

    name: str
    setting: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = field(default=())


def compare(baseline: Way, ours: Sequence[Way], rounds: int, tell: Tell) -> tuple[Comparison, ...]:
    """Every way of `ours` beside `baseline`, metric by metric, after `rounds` of turns.

    All ways must measure the same metrics. Raises `ValueError` if they do not, or for no rounds.
    """
    taken = take_turns([baseline, *ours], rounds, tell)
    return tuple(one for way in ours for one in beside(taken, baseline.label, way.label))


def beside(taken: Mapping[str, Readings], baseline: str, ours: str) -> tuple[Comparison, ...]:
    """What was taken of one way beside what was taken of another, by their labels, metric by metric.

    Raises `ValueError` if they have not measured the same metrics.
    """
    metrics = list(taken[baseline][0])
    if any(set(reading) != set(metrics) for label in (baseline, ours) for reading in taken[label]):
        raise ValueError("all ways must measure the same metrics")
    return tuple(
        Comparison(metric, _series(taken, baseline, metric), _series(taken, ours, metric))
        for metric in metrics
    )


def take_turns(ways: Sequence[Way], rounds: int, tell: Tell) -> dict[str, Readings]:
    """Readings by label: the first way, the second, ..., then the first again, `rounds` times.

    Many short rounds pair better than a few long ones: what slows the machine for a while then meets
    every way alike.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds}")
    taken: dict[str, Readings] = {way.label: [] for way in ways}
    if len(taken) != len(ways):
        raise ValueError(f"two ways have the same label: {[way.label for way in ways]}")
    # Left in sight of the collector, the imports' objects would be walked in the middle of a call.
    gc.collect()
    gc.freeze()
    for number in range(1, rounds + 1):
        for way in ways:
            taken[way.label].append(way.measure())
        tell(f"  round {number}/{rounds}: " + " | ".join(_newest(taken, way) for way in ways))
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that `share` (0 to 1] of them do not exceed."""
    if not values or not 0 < share <= 1:
        raise ValueError(f"needs values and a share above 0 and up to 1, got {len(values)} and {share}")
    return sorted(values)[math.ceil(len(values) * share) - 1]


def _newest(taken: Mapping[str, Readings], way: Way) -> str:
    """The way's last reading in a few words: its first metric stands for the others."""
    metric, value = next(iter(taken[way.label][-1].items()))
    return f"{way.label} {value:.4g} {metric.unit}"


def _series(taken: Mapping[str, Readings], label: str, metric: Metric) -> Series:
    return Series(label, tuple(reading[metric] for reading in taken[label]))
