"""Whether a price model's form for few books gives its prices, seen on rows that reach all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from bookshelf.book import IN_STOCK, OUT_OF_STOCK
from features.compiled_trees import CompiledTrees
from features.price import PriceRegressor
from features.price_boosted import StackedPrices
from features.price_columns import NUMBERS, VECTOR, WORDS
from features.price_compiled import CompiledPrices

Values = NDArray[np.float64]

#: How far a number may be from scikit-learn's, as a share of it, or of 1 where it is less.
TOLERANCE = 1e-5

_MOST_EXAMPLES = 16
_ROWS = 48
_VECTORS = 4
_TREE_ROWS = 256
_UNKNOWN = float("nan")
_NUMBERS: Mapping[str, tuple[float, ...]] = {
    "rating": (_UNKNOWN, 1.0, 2.0, 3.0, 4.5, 5.0),
    "reviews": (_UNKNOWN, 0.0, 7.0, 900.0),
    "year": (_UNKNOWN, 1813.0, 1999.0, 2020.0),
    "stock": (_UNKNOWN, 0.0, 1.0, 3.0, 14.0),
}
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "availability": ("", IN_STOCK, OUT_OF_STOCK),
    "title": ("", "A Story of the Sea (Letters, #2)"),
    "description": ("", "The sea, the sea and those who live by it: a story told in letters."),
}


def compiled(model: PriceRegressor, example: pd.DataFrame | None, seed: int = 0) -> CompiledPrices:
    """The model's form for few books, once it has given the model's own prices.

    That is seen on the example, on books put together from its cells and from what the model knows, and for
    trees on the borders of their splits. Raises `ValueError` if a number is not the same to `TOLERANCE`, and
    whatever else a model raises that has no such form.
    """
    chance = np.random.default_rng(seed)
    found = CompiledPrices(model)
    rows = _rows(model, example, chance)
    told = np.array(
        [found.predict(dict(zip(model.inputs, row, strict=True))) for row in rows.itertuples(index=False)]
    )
    _check("a price", told, model.predict(rows).to_numpy())
    if model.informative and isinstance(model.learner_, StackedPrices):
        for trees in (model.learner_.trees_, model.learner_.corrections_):
            _check_trees(trees, chance)
    return found


def _rows(model: PriceRegressor, example: pd.DataFrame | None, chance: np.random.Generator) -> pd.DataFrame:
    """The example, and behind it books that nobody has seen."""
    names = list(model.inputs)
    given = pd.DataFrame(columns=names) if example is None else example[names].head(_MOST_EXAMPLES)
    columns = {name: _cells(name, model, given) for name in names if name != VECTOR}
    if VECTOR in names:
        columns[VECTOR] = [*given[VECTOR], *chance.normal(size=(_VECTORS, _dimensions(model)))]
    drawn: dict[str, list[Any]] = {
        name: [cells[place] for place in chance.integers(len(cells), size=_ROWS)]
        for name, cells in columns.items()
    }
    return pd.DataFrame({name: [*given[name], *drawn[name]] for name in names})


def _cells(name: str, model: PriceRegressor, given: pd.DataFrame) -> list[Any]:
    """What a column of a book that is put together may hold."""
    cells: list[Any] = list(given[name])
    if name in NUMBERS:
        return [*cells, *_NUMBERS[name]]
    if name == "category":
        cells += model.categories
    if name in WORDS:
        cells += [f"{one} {other}" for one in given["title"] for other in given["description"]]
    return [*cells, *_TEXTS.get(name, ("", "Some & others, of Elsewhere"))]


def _dimensions(model: PriceRegressor) -> int:
    learner = model.learner_
    linear = learner.hints_.linear if isinstance(learner, StackedPrices) else learner
    vectors: Any = linear.parts_["vectors"]
    return len(vectors.weights_)


def _check_trees(regressor: HistGradientBoostingRegressor, chance: np.random.Generator) -> None:
    """See rows on both sides of every split's border, where a rounding would send them the other way."""
    trees = CompiledTrees(regressor)
    columns = []
    for borders in trees.borders(regressor.n_features_in_):
        cells = np.concatenate([[0.0], borders, np.nextafter(borders, np.inf)])
        columns.append(cells[chance.integers(len(cells), size=_TREE_ROWS)])
    rows = np.column_stack(columns)
    _check("a sum of trees", np.array([trees.predict(row) for row in rows]), regressor.predict(rows))


def _check(what: str, found: Values, wanted: Values) -> None:
    apart = np.abs(found - wanted) / np.maximum(np.abs(wanted), 1)
    if not np.all(apart <= TOLERANCE):  # NaN is not
        worst = float(np.nanmax(apart)) if np.isfinite(apart).any() else float("nan")
        raise ValueError(f"{what} differs from scikit-learn's by {worst:.1e}, more than {TOLERANCE:.0e}")
