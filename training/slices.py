"""How a version does on parts of its held-out rows, where its mean may hide what it does not know."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.cards import table
from training.metrics import bootstrap_mean

#: Of fewer rows a mean says little.
FEWEST_ROWS = 10
#: Values of one column that are told, the commonest first.
MOST_VALUES = 8

_COLUMNS = ("source", "category", "binding", "language", "part", "label")
_SEED = 0


def slice_table(rows: pd.DataFrame, losses: NDArray[np.float64], loss: str) -> str:
    """Markdown: the mean loss (n,) of held-out rows (n,), over all and each part that is large enough."""
    told = [_row("all", losses)]
    told += [_row(name, losses[chosen]) for name, chosen in _parts(rows) if chosen.sum() >= FEWEST_ROWS]
    sentence = (
        f"Mean loss of held-out rows ({loss}; lower is better), over all of them and over parts of "
        f"{FEWEST_ROWS} rows or more, with the bootstrap's 95 % interval."
    )
    return f"{sentence}\n\n" + table(("", "rows", "mean loss", "95 % interval"), told)


def _parts(rows: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for column in _COLUMNS:
        if column in rows and rows[column].nunique() > 1:
            values = rows[column].astype(str)
            for value in values.value_counts().index[:MOST_VALUES]:
                yield f"{column} {value or 'not told'}", (values == value).to_numpy()
    if "description" in rows:
        told = rows["description"].astype(str).str.strip().ne("").to_numpy()
        if not told.all():
            yield "with a description", told
            yield "without a description", ~told
    if "price" in rows and rows["price"].nunique() > FEWEST_ROWS:
        prices = rows["price"].to_numpy(dtype=np.float64)
        low, high = np.quantile(prices, [1 / 3, 2 / 3])
        yield f"price up to {low:.2f}", prices <= low
        yield f"price {low:.2f} to {high:.2f}", (prices > low) & (prices <= high)
        yield f"price above {high:.2f}", prices > high


def _row(name: str, losses: NDArray[np.float64]) -> tuple[str, str, str, str]:
    found = bootstrap_mean(losses, seed=_SEED)
    return name, str(len(losses)), f"{found.mean:.3f}", f"{found.low:.3f} to {found.high:.3f}"
