"""What is told of a price model beyond its scores: slices of the held-out books, and which inputs matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from training.price_importance import input_importance
from training.price_slices import category_coverage, price_slices
from training.price_verdict import Verdict, prices_of


@dataclass(frozen=True, kw_only=True)
class PriceReport:
    """Tables as `price_slices` and `input_importance` make them; the latter is empty for a constant."""

    slices: pd.DataFrame
    importance: pd.DataFrame

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Those with rows, by the name of their file."""
        tables = {"slices": self.slices, "importance": self.importance}
        return {name: table for name, table in tables.items() if not table.empty}

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers of them that are logged: how well intervals hold in each large category."""
        return category_coverage(self.slices)


def report_of(verdict: Verdict, held_out: pd.DataFrame, seed: int) -> PriceReport:
    """The report on the held-out rows."""
    model, true = verdict.model, prices_of(held_out)
    median = verdict.median.predict(held_out)["price"].to_numpy()
    importance = pd.DataFrame()
    if model.informative:
        importance = input_importance(model, held_out[list(model.inputs)], true, verdict.yardstick, seed)
    return PriceReport(
        slices=price_slices(held_out, model.predict(held_out), median, verdict.yardstick),
        importance=importance,
    )
