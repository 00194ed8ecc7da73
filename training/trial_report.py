"""A trial in numbers: how far challenger and champion are apart, and which of them was right more often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.metrics import Estimate, Values, bootstrap_mean
from training.trial_log import Answered, TrialLog

Apart = Callable[[Answered, Answered], float]
Loss = Callable[[Answered, Any], float]

_SEED = 0
# The mean of so many is as good as normal, and the bootstrap would only take longer.
_MANY = 5_000
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a trial: a mean over `n` questions; its interval is not known (None) for fewer than 2."""

    name: str
    unit: str
    n: int
    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        interval = "" if self.low is None else f"{self.low:.4g} … {self.high:.4g}"
        return f"{self.name:<46} {self.n:>8,}  {self.mean:>9.4g}  {interval:<22} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What `compare` tells, line by line."""

    model: str
    champion: str
    challenger: str
    measures: tuple[Measure, ...]

    def __str__(self) -> str:
        head = f"{self.model}: version {self.challenger} on trial beside version {self.champion}"
        columns = f"{'':<46} {'n':>8}  {'mean':>9}  95 % interval"
        return "\n".join([head, columns, *map(str, self.measures)])

    def metrics(self) -> dict[str, float]:
        """Every number, by the name that it is logged under."""
        told: dict[str, float] = {}
        for one in self.measures:
            name = re.sub(r"\W+", "_", one.name.replace("−", "less").replace("'s", ""))
            told |= {f"{name}_n": one.n, name: one.mean}
            if one.low is not None and one.high is not None:
                told |= {f"{name}_low": one.low, f"{name}_high": one.high}
        return told

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report(trial: TrialLog) -> TrialReport:
    """Everything that the log lets one say; what nobody has given feedback on is compared without it."""
    measures = [*_shadow(trial), *_arms(trial)]
    told = tuple(one for one in measures if one is not None)
    return TrialReport(trial.model, trial.champion, trial.challenger, told)


def _shadow(trial: TrialLog) -> list[Measure | None]:
    """The two answers to one question beside each other, and to what somebody knows better since."""
    judged = [(one, other, one.truth) for one, other in trial.pairs if one.truth is not None]
    name, unit, loss = LOSSES[trial.model]
    before = np.array([loss(one, truth) for one, _, truth in judged])
    after = np.array([loss(other, truth) for _, other, truth in judged])
    return [
        *(
            measure(f"shadow, {name}", unit, [apart(one, other) for one, other in trial.pairs])
            for name, unit, apart in _APART[trial.model]
        ),
        measure(f"shadow, {name} of the champion", unit, before),
        measure(f"shadow, {name} of the challenger", unit, after),
        measure(f"shadow, {name}, challenger − champion", unit, after - before),
    ]


def _arms(trial: TrialLog) -> list[Measure | None]:
    """What callers of either arm were answered, and how right that was."""
    name, unit, loss = LOSSES[trial.model]
    found: list[Measure | None] = []
    losses: dict[str, Values] = {}
    for arm, answered in trial.arms.items():
        losses[arm] = np.array([loss(one, one.truth) for one in answered if one.truth is not None])
        said = [float(one.truth is not None) for one in answered]
        values = [one.value for one in answered if one.value is not None]
        found += [
            measure(f"{arm}'s arm, {_VALUES[trial.model][0]}", _VALUES[trial.model][1], values),
            measure(f"{arm}'s arm, with feedback", "share", said),
            measure(f"{arm}'s arm, {name}", unit, losses[arm]),
        ]
    difference = _difference(losses["champion"], losses["challenger"])
    if difference is not None:
        n = len(losses["champion"]) + len(losses["challenger"])
        bounds = difference.mean, difference.low, difference.high
        found.append(Measure(f"arms, {name}, challenger − champion", unit, n, *bounds))
    return found


def measure(name: str, unit: str, told: Sequence[float] | Values) -> Measure | None:
    """The mean of what is told with its interval; None for nothing."""
    values = np.asarray(told, dtype=np.float64)
    if not len(values):
        return None
    if len(values) == 1:
        return Measure(name, unit, 1, float(values[0]), None, None)
    found = _normal(values) if len(values) > _MANY else bootstrap_mean(values, seed=_SEED)
    return Measure(name, unit, len(values), found.mean, found.low, found.high)


def _normal(values: Values) -> Estimate:
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - _NORMAL_95 * error, mean + _NORMAL_95 * error)


def _difference(before: Values, after: Values) -> Estimate | None:
    """How much more the one arm loses than the other, whose questions were others; None for too few."""
    if min(len(before), len(after)) < 2:
        return None
    mean = float(after.mean() - before.mean())
    error = float(np.sqrt(after.var(ddof=1) / len(after) + before.var(ddof=1) / len(before)))
    return Estimate(mean, mean - _NORMAL_95 * error, mean + _NORMAL_95 * error)


def _values_apart(one: Answered, other: Answered) -> float:
    assert one.value is not None, one
    assert other.value is not None, other
    return other.value - one.value


def _shared(one: Answered, other: Answered) -> float:
    """Share of the champion's books that the challenger names among as many; 1 where both name none."""
    k = len(one.books)
    return len(set(one.books) & set(other.books[:k])) / k if k else float(not other.books)


_APART: Mapping[str, Sequence[tuple[str, str, Apart]]] = {
    "price": (
        ("absolute difference", "currency", lambda one, other: abs(_values_apart(one, other))),
        ("difference, challenger − champion", "currency", _values_apart),
    ),
    "recommender": (
        ("overlap@k", "share", _shared),
        ("same first book", "share", lambda one, other: float(one.books[:1] == other.books[:1])),
    ),
    "sentiment": (
        ("same label", "share", lambda one, other: float(one.label == other.label)),
        ("absolute difference of scores", "score", lambda one, other: abs(_values_apart(one, other))),
    ),
}
#: By model, what is counted against an answer of which the truth is known: its name, unit and amount.
LOSSES: Mapping[str, tuple[str, str, Loss]] = {
    "price": ("absolute error", "currency", lambda one, truth: abs((one.value or 0.0) - truth)),
    "recommender": ("chosen book not named", "share", lambda one, truth: float(truth not in one.books)),
    "sentiment": ("wrong label", "share", lambda one, truth: float(one.label != truth)),
}
_VALUES = {
    "price": ("price", "currency"),
    "recommender": ("first book's score", "score"),
    "sentiment": ("score", "score"),
}
