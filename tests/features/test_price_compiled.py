"""The price model's form for few books gives the prices of the model itself, or says that it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.compiled_check import TOLERANCE, compiled
from features.compiled_trees import CompiledTrees
from features.price import Kind, PriceRegressor
from features.price_boosted import StackedPrices
from features.price_columns import NUMBERS, VECTOR
from features.price_compiled import CompiledPrices

CHANCE = np.random.default_rng(7)
WORDS = ("dragon", "castle", "river", "Night", "love", "murder", "the", "ocean’s", "stone-cold", "été")
AUTHORS = ("", "A. Bell", "A. Bell & C. Day", "C. Day (Author), E. Fox", "unknown")
SHARES = {"category": 0.2, "author": 0.1, "shelf": 0.05, "steps": 0.1, "title": 0.1, "description": 0.1}


def books(n: int, *, width: int = 0) -> pd.DataFrame:
    """Books of which some fields are not known, with vectors of that width unless it is 0."""

    def some(*values: object) -> list[object]:
        return [values[place] for place in CHANCE.integers(len(values), size=n)]

    def words(most: int) -> list[str]:
        return [" ".join(CHANCE.choice(WORDS, size=CHANCE.integers(most))) for _ in range(n)]

    frame = pd.DataFrame(
        {
            "category": some("", "Fiction", "Poetry", "Travel"),
            "genre": some("", "Novel", "Novel, Crime"),
            "author": some(*AUTHORS),
            "publisher": some("", "Egerton"),
            "binding": some("", "Paperback", "Hardback – signed"),
            "language": some("", "English"),
            "title": words(6),
            "description": words(60),
            "rating": some(np.nan, 1.0, 3.0, 4.5),
            "reviews": some(np.nan, 0.0, 12.0, 3_000.0),
            "year": some(np.nan, 1813.0, 1990.0, 2021.0),
            "stock": some(np.nan, 0.0, 5.0, 19.0),
            "availability": some("", "In stock", "Out of stock"),
        }
    )
    return frame.assign(**{VECTOR: list(CHANCE.normal(size=(n, width)))}) if width else frame


def prices_of(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What follows from their fields, and a little chance."""
    known = frame["rating"].fillna(2) * 3 + frame["stock"].fillna(4)
    dear = 20 * (frame["category"] == "Travel") + 5 * frame["description"].str.count("dragon")
    return np.asarray(10 + known + dear + CHANCE.random(len(frame)))


def fitted(kind: Kind, *, log_price: bool = False, width: int = 0, n: int = 120) -> PriceRegressor:
    frame = books(n, width=width)
    shares = {**SHARES, **({"vectors": 0.1} if width else {}), "measures": 0.1, "rest": 0.2}
    model = PriceRegressor(kind, log_price=log_price, weights=(0.2, 0.3, 0.5), shares=shares, folds=2)
    return model.fit(frame, prices_of(frame))


def given_alone(compiled_model: CompiledPrices, frame: pd.DataFrame) -> list[tuple[float, float, float]]:
    rows = frame.astype(dict.fromkeys(NUMBERS, object)).where(frame.notna(), None)
    records: Any = rows.to_dict("records")
    return [compiled_model.predict(row) for row in records]


@pytest.fixture(scope="module")
def blend() -> PriceRegressor:
    return fitted("blend", log_price=True, width=8, n=240)  # so many that intervals are scaled


def test_a_blend_that_reads_everything_is_the_same_for_books_one_by_one(blend: PriceRegressor) -> None:
    assert blend.intervals_.scaled_
    assert blend.intervals_.own_
    shelf = books(200, width=8)
    apart = np.abs(np.array(given_alone(compiled(blend, shelf.head(3)), shelf)) - blend.predict(shelf))
    assert float(apart.to_numpy().max()) < TOLERANCE


@pytest.mark.parametrize(("kind", "log_price"), [("median", False), ("ridge", False), ("ridge", True)])
def test_so_are_the_simpler_kinds_without_an_example(kind: Kind, log_price: bool) -> None:
    model, shelf = fitted(kind, log_price=log_price), books(60)
    found = np.array(given_alone(compiled(model, None), shelf))
    assert found == pytest.approx(model.predict(shelf).to_numpy(), abs=TOLERANCE)


def test_a_book_of_which_nothing_is_known_has_a_price(blend: PriceRegressor) -> None:
    nothing = {name: None for name in blend.inputs if name != VECTOR} | {VECTOR: [1.0] * 8}
    price, low, high = compiled(blend, None).predict(nothing)
    assert 0 <= low <= price <= high


def test_a_row_on_the_border_of_a_split_goes_the_way_it_goes_in_scikit_learn(blend: PriceRegressor) -> None:
    assert isinstance(blend.learner_, StackedPrices)
    regressor = blend.learner_.trees_
    trees = CompiledTrees(regressor)
    borders = trees.borders(regressor.n_features_in_)
    for step in (-np.inf, None, np.inf):
        row = np.array([float(each[0]) if len(each) else 0.0 for each in borders])
        row = row if step is None else np.nextafter(row, step)
        assert trees.predict(row) == pytest.approx(float(regressor.predict(row[None])[0]), abs=1e-12)


def test_a_form_that_gives_another_price_is_refused(
    blend: PriceRegressor, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = PriceRegressor.predict
    monkeypatch.setattr(PriceRegressor, "predict", lambda self, rows: predict(self, rows) * 1.001)
    with pytest.raises(ValueError, match=r"^a price differs from scikit-learn's by 1.0e-03, more tha"):
        compiled(blend, None)


def test_a_model_that_is_not_ours_has_no_such_form(blend: PriceRegressor) -> None:
    strange = PriceRegressor("blend")
    strange.__dict__.update(blend.__dict__)
    strange.__dict__["learner_"] = object()
    with pytest.raises((ValueError, AttributeError)):
        compiled(strange, None)
