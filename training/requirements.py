"""What a metric found of a version must be before the version may serve, told as data with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One bound of one metric: `at_least`, `at_most`, or another metric that it `beats`.

    To beat is to differ, the right way, from the other by more than nothing, and by `by` at least and
    `by_share` of the other at least; the right way is up unless `lower_is_better`. `why` completes the
    sentence "This is asked because …". A metric that was not measured, or is no number, is a breach.
    `if_measured`: not asked where it was not measured, because the data it needs may rightly not be there.
    `unless_uninformative`: not asked of a model that says itself that it knows no more than its baseline.
    Raises `ValueError` for no bound or several.

        Requirement(metric="ndcg_at_10", beats="tfidf_ndcg_at_10", by_share=0.2,
                    why="one part alone would be simpler")
    """

    metric: str
    why: str
    at_least: float | None = None
    at_most: float | None = None
    beats: str | None = None
    by: float = 0.0
    by_share: float = 0.0
    lower_is_better: bool = False
    unless_uninformative: bool = False
    if_measured: bool = False

    def __post_init__(self) -> None:
        bounds = [one for one in (self.at_least, self.at_most, self.beats) if one is not None]
        if len(bounds) != 1:
            raise ValueError(f"{self.metric} must have one bound, got {len(bounds)}")

    def breach(self, metrics: Mapping[str, float]) -> str | None:
        """What is wrong, in one sentence, and why it is asked; None if nothing is."""
        if self.if_measured and self.metric not in metrics:
            return None
        wanted = [self.metric] if self.beats is None else [self.metric, self.beats]
        if missing := [name for name in wanted if not isfinite(metrics.get(name, float("nan")))]:
            return f"its {missing[0]} was not measured, and must be because {self.why}"
        found = metrics[self.metric]
        if (bound := self._bound(metrics, found)) is None:
            return None
        return f"its {self.metric} of {found:.4g} must be {bound} because {self.why}"

    def _bound(self, metrics: Mapping[str, float], found: float) -> str | None:
        """The bound in words if it is broken."""
        if self.at_least is not None:
            return f"at least {self.at_least:.4g}" if found < self.at_least else None
        if self.at_most is not None:
            return f"at most {self.at_most:.4g}" if found > self.at_most else None
        assert self.beats is not None
        other = metrics[self.beats]
        margin = max(self.by, self.by_share * abs(other))
        gain = other - found if self.lower_is_better else found - other
        if gain > 0 and gain >= margin:
            return None
        way = "below" if self.lower_is_better else "above"
        return f"{way} the {other:.4g} of {self.beats} by {margin:.4g}" if margin else f"{way} {other:.4g}"
