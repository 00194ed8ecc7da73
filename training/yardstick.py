"""How errors of prices are judged: in money, or as shares where prices span orders of magnitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.money import money

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Absolute errors in `unit`, or, where `in_shares`, squared errors of log10(price + 1)."""

    in_shares: bool
    unit: str

    def scaled(self, prices: Values) -> Values:
        """Prices on the scale whose distances count."""
        return np.log10(prices + 1) if self.in_shares else prices

    def losses(self, true: Values, predicted: Values) -> Values:
        """Loss of each row, lower is better."""
        distances = np.abs(self.scaled(true) - self.scaled(predicted))
        return distances**2 if self.in_shares else distances

    def error(self, true: Values, predicted: Values) -> float:
        """Mean absolute error, or root mean squared error of log10(price + 1)."""
        mean = float(np.mean(self.losses(true, predicted)))
        return float(np.sqrt(mean)) if self.in_shares else mean

    def told(self, error: float) -> str:
        """An error in words: `£12.50`, or `0.234 (of log10)`."""
        return f"{error:.4f} (of log10)" if self.in_shares else money(error, self.unit)


def yardstick_for(prices: Values, unit: str) -> Yardstick:
    """The one on whose scale the prices lie more like a bell: of Box and Cox's likelihoods the greater.

    A price of 0 counts as a hundredth, the smallest that there is. Prices that are all the same are judged
    in money.
    """
    above = np.maximum(prices, 0.01)
    logarithms = np.log(above)
    if np.var(logarithms) <= 0:
        return Yardstick(in_shares=False, unit=unit)
    as_shares = -0.5 * np.log(np.var(logarithms)) - np.mean(logarithms)
    return Yardstick(in_shares=bool(as_shares > -0.5 * np.log(np.var(above))), unit=unit)
