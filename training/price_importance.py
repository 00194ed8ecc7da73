"""Which inputs matter to a price model: how much worse it is on held-out books when one is dealt out anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.price import PriceRegressor
from features.price_columns import VECTOR
from training.yardstick import Yardstick

Values = NDArray[np.float64]

_DEALS = 3


def input_importance(
    model: PriceRegressor, inputs: pd.DataFrame, true: Values, yardstick: Yardstick, seed: int
) -> pd.DataFrame:
    """A row an input, the one that matters most first: by how much the mean loss grows, in shares of what it
    is, when the input's values are dealt out among the books, in the mean of three deals and from the least
    to the most. A description and its vector are one input. An input with one value has 0.
    """
    chance = np.random.default_rng(seed)
    loss = float(np.mean(yardstick.losses(true, model.predict(inputs)["price"].to_numpy())))
    rows = []
    for name in model.inputs:
        if name == VECTOR:
            continue
        together = [name, VECTOR] if name == "description" and model.reads_vectors else [name]
        deals = 0 if inputs[name].nunique(dropna=False) < 2 or loss <= 0 else _DEALS
        grown = [
            _loss_when_dealt(model, inputs, together, true, yardstick, chance) / loss - 1
            for _ in range(deals)
        ] or [0.0]
        rows.append({"input": name, "importance": np.mean(grown), "least": min(grown), "most": max(grown)})
    return pd.DataFrame(rows).sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _loss_when_dealt(
    model: PriceRegressor,
    inputs: pd.DataFrame,
    together: list[str],
    true: Values,
    yardstick: Yardstick,
    chance: np.random.Generator,
) -> float:
    order = chance.permutation(len(inputs))
    dealt = inputs.assign(**{name: inputs[name].to_numpy()[order] for name in together})
    return float(np.mean(yardstick.losses(true, model.predict(dealt)["price"].to_numpy())))
