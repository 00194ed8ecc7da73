"""Drift is seen where there is some, and practically never where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from training.drift_statistics import (
    Limits,
    category_cells,
    compare_categories,
    compare_numbers,
    ks_by_chance,
    number_cells,
    psi_by_chance,
    stability_index,
)

Values = NDArray[np.float64]
Drawn = Callable[[np.random.Generator, int], Values]
DrawnNames = Callable[[np.random.Generator, int], list[str]]

LIMITS = Limits()
FEATURES = 25  # about as many as a price model has

NUMBERS: dict[str, Drawn] = {
    "a bell curve": lambda chance, n: chance.normal(size=n),
    "prices": lambda chance, n: chance.lognormal(3, 1, n).round(2),
    "stars": lambda chance, n: chance.integers(1, 6, n).astype(float),
    "copies": lambda chance, n: chance.poisson(3, n).astype(float),
    "mostly none": lambda chance, n: np.where(chance.random(n) < 0.95, 0, chance.lognormal(0, 1, n)),
    "often not known": lambda chance, n: np.where(chance.random(n) < 0.3, np.nan, chance.normal(size=n)),
    "a constant": lambda chance, n: np.zeros(n),  # noqa: ARG005
    "never known": lambda chance, n: np.full(n, np.nan),  # noqa: ARG005
}
_ZIPF = 1 / np.arange(1, 61)
NAMES: dict[str, DrawnNames] = {
    "shelves": lambda chance, n: [str(one) for one in chance.choice(60, p=_ZIPF / _ZIPF.sum(), size=n)],
    "authors": lambda chance, n: [str(one) for one in chance.zipf(1.3, n)],
    "each its own": lambda chance, n: [str(one) for one in chance.integers(10**12, size=n)],
    "one": lambda chance, n: ["GBP"] * n,  # noqa: ARG005
}
SIZES = [(1000, 1000), (200, 50), (50, 1000), (20, 20)]


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_one_distribution_practically_never_violate(kind: str) -> None:
    chance = np.random.default_rng(7)
    for rows, others in SIZES:
        samples = [(NUMBERS[kind](chance, rows), NUMBERS[kind](chance, others)) for _ in range(150)]
        found = [compare_numbers(kind, *pair, LIMITS, FEATURES).drift.violated for pair in samples]
        assert sum(found) == 0, (rows, others)


@pytest.mark.parametrize("kind", NAMES)
def test_categories_of_one_distribution_practically_never_violate(kind: str) -> None:
    chance = np.random.default_rng(8)
    for rows, others in SIZES:
        samples = [(NAMES[kind](chance, rows), NAMES[kind](chance, others)) for _ in range(150)]
        found = [compare_categories(kind, *pair, LIMITS, FEATURES).drift.violated for pair in samples]
        assert sum(found) <= 1, (rows, others)


def test_chance_moves_the_index_no_further_than_is_said() -> None:
    chance = np.random.default_rng(9)
    found = [
        stability_index(number_cells(chance.normal(size=400), chance.normal(size=300))) for _ in range(2_000)
    ]
    for rare in (0.1, 0.01):
        assert np.mean(np.array(found) >= psi_by_chance(400, 300, 10, rare)) == pytest.approx(rare, rel=0.5)


def test_chance_moves_the_distance_no_further_than_is_said() -> None:
    chance = np.random.default_rng(10)
    pairs = [(chance.normal(size=400), chance.normal(size=300)) for _ in range(1_000)]
    found = [compare_numbers("x", *pair, LIMITS, 1).drift.ks or 0 for pair in pairs]
    assert np.mean(np.array(found) >= ks_by_chance(400, 300, 0.05)) == pytest.approx(0.05, rel=0.5)


def drawn(*, shift: float = 0.0, spread: float = 1.0, n: int = 1000, seed: int = 1) -> Values:
    return np.random.default_rng(seed).normal(shift, spread, n)


@pytest.mark.parametrize(
    ("window", "by_ks"),
    [
        (drawn(shift=0.6, seed=2), True),
        (drawn(spread=2.0, seed=2), True),
        (np.where(np.arange(1000) % 3 == 0, np.nan, drawn(seed=2)), False),
        (np.zeros(1000), True),
    ],
    ids=["moved", "spread", "not known any more", "a constant now"],
)
def test_a_number_that_shifts_is_seen(window: Values, by_ks: bool) -> None:
    drift = compare_numbers("price", drawn(), window, LIMITS, FEATURES).drift
    assert drift.psi >= drift.psi_limit
    assert drift.ks is not None
    assert drift.ks_limit is not None
    assert (drift.ks >= drift.ks_limit) is by_ks


def test_a_shift_has_the_size_that_the_theory_gives_it() -> None:
    drift = compare_numbers("x", drawn(n=100_000), drawn(n=100_000, shift=0.5, seed=2), LIMITS, 1).drift
    assert drift.psi == pytest.approx(0.25, rel=0.1)  # the square of the shift, less what ten bins lose
    assert drift.ks == pytest.approx(0.1974, rel=0.05)  # 2 Φ(0.25) - 1
    assert drift.p is not None
    assert drift.p < 1e-100


def test_a_constant_that_changes_either_way_is_seen() -> None:
    for now in (4.0, 6.0):
        compared = compare_numbers("reviews", np.full(300, 5.0), np.full(300, now), LIMITS, FEATURES)
        assert compared.drift.psi > 1
        assert compared.drift.ks == 1
        assert compared.cells.labels == (("< 5", "5") if now < 5 else ("5", "> 5"))


def test_a_number_that_becomes_known_is_seen() -> None:
    drift = compare_numbers("year", np.full(300, np.nan), np.full(300, 1999.0), LIMITS, FEATURES).drift
    assert drift.violated
    assert (drift.ks, drift.p) == (None, None)


def test_each_of_few_values_has_a_cell_and_so_has_what_lies_between() -> None:
    cells = number_cells(np.repeat([1.0, 2.0, 3.0], 50), np.repeat([1.0, 2.5, 9.0, np.nan], [4, 3, 2, 1]))
    assert dict(zip(cells.labels, cells.window.tolist(), strict=True)) == {
        "1": 4,
        "2": 0,
        "2 to 3": 3,
        "3": 0,
        "> 3": 2,
        "not known": 1,
    }
    assert cells.reference.sum() == 150


def test_a_new_shelf_that_takes_over_is_seen() -> None:
    before = ["Poetry"] * 500 + ["Fiction"] * 500
    compared = compare_categories("category", before, before[:800] + ["Manga"] * 200, LIMITS, FEATURES)
    assert compared.drift.violated
    assert compared.cells.labels == ("Fiction", "Poetry", "new")


def test_authors_that_occur_once_let_expect_more_of_their_kind() -> None:
    before, after = ([f"{side} {number}" for number in range(300)] for side in ("one", "other"))
    cells = category_cells(before, after)
    assert cells.labels == ("other",)
    known = category_cells([name for name in before for _ in range(2)], after)
    assert known.labels == ("other", "new")  # where all occurred twice, 300 new ones are a surprise


def test_a_text_that_is_not_given_is_a_category_with_a_name() -> None:
    compared = compare_categories("author", ["A"] * 100, ["A"] * 50 + [""] * 50, LIMITS, FEATURES)
    assert compared.cells.labels == ("A", "new")
    assert category_cells([""] * 100, ["A"] * 100).labels == ("(none)", "new")


def test_few_rows_need_a_larger_shift() -> None:
    of_few, of_many = (
        compare_numbers("x", drawn(n=rows), drawn(n=rows, seed=3), LIMITS, FEATURES).drift
        for rows in (20, 1000)
    )
    assert of_many.psi_limit == LIMITS.psi < of_few.psi_limit
    assert of_many.ks_limit == LIMITS.ks
    assert of_few.ks_limit is not None
    assert of_few.ks_limit > 0.6


def test_a_single_book_on_either_side_is_no_error() -> None:
    for before, after in ((drawn(n=1), drawn(n=500)), (drawn(n=500), drawn(n=1)), (drawn(n=1), drawn(n=1))):
        assert not compare_numbers("x", before, after, LIMITS, FEATURES).drift.violated
