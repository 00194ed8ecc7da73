"""The price model on invented books whose prices we know the reasons of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.typing import NDArray

from features.price import OUTPUTS, PriceRegressor
from features.price import Kind as PriceKind
from features.price_columns import INPUTS, NUMBERS
from features.price_intervals import conformal_offsets

Values = NDArray[np.float64]

WORDS = ("dragon", "castle", "river", "night", "love", "murder", "garden", "ocean", "stone", "letter")
LEARNERS: tuple[PriceKind, ...] = ("ridge", "blend")
KINDS: tuple[PriceKind, ...] = ("median", *LEARNERS)


def books(n: int, seed: int) -> tuple[pd.DataFrame, Values]:
    """Books whose category, stars and the word `leather` make their price, give or take £2."""
    chance = np.random.default_rng(seed)
    category, rating = chance.integers(8, size=n), chance.integers(1, 6, size=n)
    leather, stock = chance.random(n) < 0.3, chance.integers(0, 20, size=n)
    texts = [" ".join(chance.choice(WORDS, size=30)) + " leather" * int(bound) for bound in leather]
    frame = pd.DataFrame(
        {
            "category": [f"Category {place}" for place in category],
            "rating": rating.astype(float),
            "stock": stock.astype(float),
            "availability": np.where(stock > 0, "In stock", "Out of stock"),
            "title": [f"Book {seed} {place}" for place in range(n)],
            "description": texts,
            **dict.fromkeys(("author", "publisher", "binding", "language", "genre"), ""),
            **dict.fromkeys(("year", "reviews"), np.nan),
        }
    )
    return frame, 12 + 3.0 * category + 2.0 * rating + 9.0 * leather + chance.normal(0, 2, size=n)


def error(model: PriceRegressor, shelf: pd.DataFrame, y: Values) -> float:
    return float(np.mean(np.abs(model.predict(shelf)["price"] - y)))


@pytest.mark.parametrize(("kind", "log_price"), [("ridge", False), ("ridge", True), ("blend", True)])
def test_a_learner_finds_what_makes_the_price(kind: PriceKind, log_price: bool) -> None:
    median = PriceRegressor("median").fit(*books(400, seed=1))
    model = PriceRegressor(kind, log_price=log_price).fit(*books(400, seed=1))
    assert error(model, *books(400, seed=2)) < 0.45 * error(median, *books(400, seed=2))


@pytest.mark.parametrize(
    ("kind", "log_price"), [("median", False), ("ridge", False), ("ridge", True), ("blend", False)]
)
def test_intervals_hold_the_share_they_promise(kind: PriceKind, log_price: bool) -> None:
    model = PriceRegressor(kind, log_price=log_price, coverage=0.9).fit(*books(600, seed=3))
    shelf, y = books(3000, seed=4)
    found = model.predict(shelf)
    assert 0.85 <= np.mean((found["low"] <= y) & (y <= found["high"])) <= 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_the_price_lies_in_its_interval_and_nothing_is_below_nought(kind: PriceKind) -> None:
    shelf, y = books(100, seed=5)
    found = PriceRegressor(kind, coverage=0.99).fit(shelf, np.maximum(y - 30, 0)).predict(shelf)
    assert tuple(found.columns) == OUTPUTS
    assert (found["low"] >= 0).all()
    assert (found["low"] <= found["price"]).all()
    assert (found["price"] <= found["high"]).all()


def test_the_median_answers_one_constant_and_the_range_of_the_prices() -> None:
    shelf, _ = books(99, seed=6)
    model = PriceRegressor("median", coverage=0.9).fit(shelf, np.arange(1.0, 100.0))
    assert model.predict(shelf).drop_duplicates().to_numpy().tolist() == [[50.0, 5.0, 95.0]]
    assert not model.informative


def test_the_conformal_ranks_are_those_of_one_more_residual() -> None:
    assert conformal_offsets(np.arange(1.0, 20.0), coverage=0.9) == (1.0, 19.0)
    assert conformal_offsets(np.arange(1.0, 40.0), coverage=0.9) == (2.0, 38.0)


def test_a_few_residuals_make_a_wider_interval_than_they_span() -> None:
    low, high = conformal_offsets(np.array([-1.0, 0.0, 1.0]), coverage=0.9)
    assert low < -2
    assert high > 2


def test_few_prices_are_covered_as_promised_all_the_same() -> None:
    chance = np.random.default_rng(7)
    shelf, _ = books(8, seed=7)
    held = []
    for _ in range(400):
        model = PriceRegressor("median").fit(shelf, chance.normal(30, 5, size=8))
        one = model.predict(shelf.head(1)).iloc[0]
        held.append(one["low"] <= chance.normal(30, 5) <= one["high"])
    assert 0.85 <= np.mean(held) <= 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_category_never_seen_and_everything_missing_still_have_a_price(kind: PriceKind) -> None:
    model = PriceRegressor(kind).fit(*books(60, seed=8))
    unknown = pd.DataFrame({name: [np.nan if name in NUMBERS else None] for name in INPUTS})
    unknown["category"] = "Never seen"
    assert np.isfinite(model.predict(unknown).to_numpy(dtype=float)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_one_category_and_no_texts_at_all_can_be_learned_from(kind: PriceKind) -> None:
    shelf, y = books(60, seed=9)
    bare = shelf.assign(category="Only", description="", stock=np.nan)
    assert np.isfinite(PriceRegressor(kind).fit(bare, y).predict(bare).to_numpy()).all()


@pytest.mark.parametrize("kind", LEARNERS)
def test_ten_books_can_be_learned_from(kind: PriceKind) -> None:
    shelf, y = books(10, seed=10)
    assert np.isfinite(PriceRegressor(kind).fit(shelf, y).predict(shelf).to_numpy()).all()


def test_out_of_fold_prices_never_come_from_another_edition_of_the_book() -> None:
    shelf, _ = books(120, seed=11)
    pair = np.arange(120) // 2
    # Pairs share a title, a category of their own and a price: whoever sees the twin knows the price.
    twins = shelf.assign(category=[f"Pair {place}" for place in pair], description="", rating=3.0, stock=1.0)
    twins["title"] = [
        f"Twin {place}" + " (Anniversary Edition)" * (row % 2) for row, place in enumerate(pair)
    ]
    y = np.random.default_rng(12).uniform(10, 60, size=60)[pair]
    guessed = PriceRegressor("ridge", alpha=0.01).out_of_fold(twins, y)
    assert np.mean(np.abs(guessed - y)) > 9


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_survives_its_file_and_holds_no_strange_type(kind: PriceKind) -> None:
    shelf, y = books(80, seed=13)
    model = PriceRegressor(kind, log_price=True).fit(shelf, y)
    model.measured_coverage = 0.88
    data = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith(("features.price", "sklearn.", "numpy.")) for name in types)
    again = skops.io.loads(data, trusted=types)
    pd.testing.assert_frame_equal(again.predict(shelf), model.predict(shelf))
    assert (again.coverage, again.measured_coverage) == (0.9, 0.88)
    assert (again.informative, again.categories) == (model.informative, model.categories)


def test_a_book_alone_has_the_price_it_has_among_others() -> None:
    shelf, y = books(80, seed=14)
    model = PriceRegressor("ridge").fit(shelf, y)
    alone = pd.concat([model.predict(shelf.iloc[[row]]) for row in range(5)])
    pd.testing.assert_frame_equal(alone, model.predict(shelf).head(5))


@pytest.mark.parametrize("kind", KINDS)
def test_no_books_have_no_prices(kind: PriceKind) -> None:
    shelf, y = books(60, seed=14)
    found = PriceRegressor(kind).fit(shelf, y).predict(shelf.head(0))
    assert (list(found), len(found)) == (list(OUTPUTS), 0)
    assert set(found.dtypes) == {np.dtype("float64")}


def test_a_missing_column_is_named() -> None:
    shelf, y = books(20, seed=15)
    with pytest.raises(ValueError, match="columns missing: title, stock"):
        PriceRegressor("median").fit(shelf.drop(columns=["stock", "title"]), y)


@pytest.mark.parametrize(
    ("prices", "told"),
    [([5.0], "a price for each"), ([5.0, -1.0], "0 or more"), ([5.0, float("nan")], "0 or more")],
)
def test_prices_that_are_none_are_refused(prices: list[float], told: str) -> None:
    shelf, _ = books(2, seed=16)
    with pytest.raises(ValueError, match=told):
        PriceRegressor("median").fit(shelf, np.array(prices))


def test_a_model_reads_vectors_only_where_they_tell_something() -> None:
    shelf, y = books(300, seed=17)
    chance = np.random.default_rng(18)
    noise = chance.normal(size=(300, 6))
    telling = noise + np.outer(y - y.mean(), np.ones(6))
    for vectors, reads in ((noise, False), (telling, True)):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        model = PriceRegressor("ridge").fit(shelf.assign(embedding=list(unit.astype(np.float32))), y)
        assert model.reads_vectors is reads
        assert ("embedding" in model.inputs) is reads


def test_intervals_are_wider_where_prices_are_harder_to_tell() -> None:
    shelf, y = books(900, seed=19)
    hard = (shelf["category"] == "Category 1").to_numpy()
    y = 40 + y + np.random.default_rng(20).normal(0, 8, size=900) * hard
    found = PriceRegressor("ridge").fit(shelf[:600], y[:600]).predict(shelf[600:])
    width = (found["high"] - found["low"]).to_numpy()
    assert np.median(width[hard[600:]]) > 1.8 * np.median(width[~hard[600:]])
    held = ((found["low"] <= y[600:]) & (y[600:] <= found["high"])).to_numpy()
    for chosen in (hard[600:], ~hard[600:]):
        assert held[chosen].mean() > 0.8
