"""Whether a model knows more of prices than the median does: how much, how surely, and the rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import Estimate, bootstrap_skill, permutation_p
from training.yardstick import Yardstick

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a model must show to be called informative, on training rows left out in turn and again on
    rows held out: its skill's whole 95 % interval above 0, and the rest here."""

    #: With fewer books a pattern cannot be told from luck, and none is looked for.
    fewest_books: int = 40
    #: A smaller skill on rows left out in turn is of no use to anybody, however certain.
    smallest_skill: float = 0.01
    #: Stricter than the usual 0.05, for the candidate on trial is the best of several.
    largest_p: float = 0.01
    #: Of the rows held out there are few, and nothing was chosen by them.
    largest_held_out_p: float = 0.05


RULE = Rule()


@dataclass(frozen=True, slots=True)
class Skill:
    """Share of the median's loss that a model saves, and how often chance comes as near as it does."""

    share: Estimate
    p: float

    def __str__(self) -> str:
        share = self.share
        return (
            f"a skill of {share.mean:.1%}, 95 % interval {share.low:.1%} to {share.high:.1%}; "
            f"chance comes as near with probability {self.p:.3f}"
        ).replace("-", "−")

    @property
    def counts(self) -> bool:
        """Whether it is enough on rows left out in turn."""
        return self.share.low > 0 and self.share.mean >= RULE.smallest_skill and self.p <= RULE.largest_p

    @property
    def holds(self) -> bool:
        """Whether it is enough on rows held out."""
        return self.share.low > 0 and self.p <= RULE.largest_held_out_p

    def metrics(self, prefix: str = "") -> dict[str, float]:
        """Its numbers, by the name they are logged under."""
        return {
            f"{prefix}skill": self.share.mean,
            f"{prefix}skill_low": self.share.low,
            f"{prefix}skill_high": self.share.high,
            f"{prefix}permutation_p": self.p,
        }


def skill_of(true: Values, predicted: Values, median: Values, yardstick: Yardstick, seed: int) -> Skill:
    """The skill of predictions over those of the median, on the same rows (n,)."""
    share = bootstrap_skill(yardstick.losses(true, predicted), yardstick.losses(true, median), seed=seed)
    p = permutation_p(yardstick.scaled(true), yardstick.scaled(predicted), seed=seed)
    return Skill(share, p)
