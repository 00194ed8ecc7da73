"""Which price model it is to be: the best candidate if it knows something, the best constant if not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import schema
from features.price import PriceRegressor
from features.price_columns import read_columns
from training.contest import AModel, Contest, hold_contest
from training.skill import Skill, skill_of
from training.yardstick import Yardstick, yardstick_for

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The model, fitted on the training rows, beside the median's, and how it came to be chosen.

    `skill` is on the held-out rows and of the best candidate, whether or not it is the model; None where
    none was good enough on the training rows to be tried on them. `reason` says all this in a sentence.
    """

    model: PriceRegressor
    median: PriceRegressor
    contest: Contest
    skill: Skill | None
    yardstick: Yardstick
    candidate: str
    reason: str

    def metrics(self) -> dict[str, float]:
        """Every number that it rests on, by the name it is logged under."""
        return self.contest.metrics() | ({} if self.skill is None else self.skill.metrics())


def verdict_of(
    train: pd.DataFrame, held_out: pd.DataFrame, a_model: AModel, alpha: float, unit: str
) -> Verdict:
    """Choose by the training rows and try once on the held-out ones, with prices told in `unit`.

    The held-out rows only ever take a claim back: no candidate is chosen by them.
    """
    books, prices = read_columns(train), prices_of(train)
    yardstick = yardstick_for(prices, unit)
    median = a_model("median").fit(books, prices)
    contest = hold_contest(books, prices, a_model, alpha=alpha, yardstick=yardstick)
    model, skill, candidate, reason = median, None, "median", contest.reason
    if contest.informative:
        best = contest.entries[0]
        tried = best.model.fit(books, prices, out_of_fold=best.prices)
        skill = _skill_on(held_out, tried, median, yardstick)
        if skill.holds:
            model, candidate = tried, best.name
            reason = f"{contest.reason} On {len(held_out)} held-out books it has {skill}."
        else:
            reason = (
                f"No pattern holds: {best.name}, the best on training books, has {skill} on held-out ones."
            )
    return Verdict(
        model=model,
        median=median,
        contest=contest,
        skill=skill,
        yardstick=yardstick,
        candidate=candidate,
        reason=reason,
    )


def prices_of(rows: pd.DataFrame) -> Values:
    """The true prices (n,)."""
    return rows[schema.LABEL].to_numpy(dtype=np.float64)


def _skill_on(
    rows: pd.DataFrame, model: PriceRegressor, median: PriceRegressor, yardstick: Yardstick
) -> Skill:
    by_model, by_median = (one.predict(rows)["price"].to_numpy() for one in (model, median))
    return skill_of(prices_of(rows), by_model, by_median, yardstick, model.seed)
