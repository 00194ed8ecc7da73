"""Scores that can be worked out by hand, and intervals that tell luck from skill."""

from __future__ import annotations

import numpy as np
import pytest

from training import metrics
from training.yardstick import yardstick_for

TRUE = np.array([10.0, 20.0, 30.0, 40.0])
GUESS = np.array([12.0, 20.0, 27.0, 40.0])


def test_errors_are_in_the_unit_of_the_truth() -> None:
    assert metrics.mean_absolute_error(TRUE, GUESS) == pytest.approx(1.25)
    assert metrics.root_mean_squared_error(TRUE, GUESS) == pytest.approx(np.sqrt(13 / 4))


def test_the_mean_explains_no_variance_and_the_truth_all() -> None:
    assert metrics.r_squared(TRUE, np.full(4, 25.0)) == pytest.approx(0)
    assert metrics.r_squared(TRUE, TRUE) == 1
    assert np.isnan(metrics.r_squared(np.full(3, 5.0), np.zeros(3)))


def test_bounds_count_as_covered() -> None:
    assert metrics.coverage(TRUE, np.full(4, 10.0), np.full(4, 30.0)) == 0.75


def test_a_bootstrap_of_a_clear_gain_lies_above_nought_and_of_noise_around_it() -> None:
    noise = np.random.default_rng(1).normal(0, 1, size=500)
    clear, none = metrics.bootstrap_mean(noise + 0.5, seed=0), metrics.bootstrap_mean(noise, seed=0)
    assert 0 < clear.low < clear.mean < clear.high
    assert none.low < 0 < none.high
    assert clear.high - clear.low == pytest.approx(4 / np.sqrt(500), rel=0.15)


def test_a_bootstrap_is_the_same_for_the_same_seed() -> None:
    values = np.arange(50.0)
    assert metrics.bootstrap_mean(values, seed=3) == metrics.bootstrap_mean(values, seed=3)


def test_chance_seldom_comes_as_near_as_a_guess_that_knows() -> None:
    chance = np.random.default_rng(2)
    true = chance.normal(0, 1, size=200)
    assert metrics.permutation_p(true, true + chance.normal(0, 1, size=200), seed=0) == pytest.approx(
        1 / 1001
    )
    assert metrics.permutation_p(true, chance.normal(0, 1, size=200), seed=0) > 0.05
    assert metrics.permutation_p(true, np.zeros(200), seed=0) == 1


def test_the_skill_is_the_share_of_the_baselines_loss_that_is_saved() -> None:
    chance = np.random.default_rng(5)
    baseline = chance.uniform(1, 3, size=300)
    found = metrics.bootstrap_skill(0.6 * baseline, baseline, seed=0)
    assert (found.low, found.mean, found.high) == pytest.approx((0.4, 0.4, 0.4))
    unsure = metrics.bootstrap_skill(chance.permutation(baseline), baseline, seed=0)
    assert unsure.low < 0 < unsure.high
    assert metrics.bootstrap_skill(np.zeros(3), np.zeros(3), seed=0).mean == 0


def test_an_error_of_tenfold_costs_one_in_the_log_score() -> None:
    true = np.array([9.0, 99.0, 999.0])
    assert metrics.log_score(true, true) == 1
    assert metrics.log_score(true, 10 * (true + 1) - 1) == pytest.approx(0)


@pytest.mark.parametrize(("spread", "in_shares"), [(0.35, True), (None, False)])
def test_prices_are_judged_on_the_scale_on_which_they_lie_evenly(
    spread: float | None, in_shares: bool
) -> None:
    chance = np.random.default_rng(6)
    prices = chance.uniform(10, 60, size=500) if spread is None else 10 ** chance.normal(2.6, spread, 500)
    assert yardstick_for(prices, "pounds").in_shares is in_shares
    assert not yardstick_for(np.full(5, 3.0), "pounds").in_shares
