"""A price training finds a pattern where there is one, and says so where there is none."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bookshelf.errors import TrainingError
from features.price import PriceRegressor
from training.dataset import TrainingSet
from training.explanation import HELD_OUT
from training.fitted import Fitted
from training.price import PriceParams, fit_price, held_out_losses
from training.price_card import call_of
from training.price_slices import logged
from training.split import held_out_rows

BooksOnSale = Callable[[int, int, bool], TrainingSet]


@pytest.fixture(scope="module")
def trained() -> dict[bool, Fitted]:
    """One training for all tests of what it hands over; each takes seconds."""
    return {}


@pytest.fixture
def fitted(trained: dict[bool, Fitted], books_on_sale: BooksOnSale) -> Callable[[bool], Fitted]:
    def fit(patterned: bool) -> Fitted:
        if patterned not in trained:
            trained[patterned] = fit_price(books_on_sale(400, 1, patterned), PriceParams())
        return trained[patterned]

    return fit


def test_a_pattern_in_the_prices_is_found(fitted: Callable[[bool], Fitted]) -> None:
    found = fitted(True)
    assert found.informative is True
    assert found.score.value < 0.5 * found.score.baseline
    assert found.metrics["r2"] > 0.7
    assert 0 < found.metrics["cv_skill_low"] < found.metrics["cv_skill"] <= 1
    assert found.metrics["skill_low"] > 0
    assert found.params["candidate"] in found.tags["verdict"]


def test_random_prices_are_answered_with_the_best_constant_and_no_claim(
    fitted: Callable[[bool], Fitted],
) -> None:
    found = fitted(False)
    assert found.informative is False
    assert found.score.value == found.score.baseline
    assert found.params["candidate"] == "median"
    prices = found.dataset.loc[~found.dataset[HELD_OUT], "price"]
    answers = found.model.predict(found.input_example)["price"]
    assert set(answers) == {prices.median()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 26))
def test_luck_is_not_taken_for_a_pattern(books_on_sale: BooksOnSale, seed: int) -> None:
    assert fit_price(books_on_sale(300, seed, False), PriceParams(seed=seed)).informative is False


@pytest.mark.slow
@pytest.mark.parametrize("patterned", [True, False])
def test_intervals_hold_nine_of_ten_prices_of_books_never_seen(
    books_on_sale: BooksOnSale, patterned: bool
) -> None:
    found = fit_price(books_on_sale(2000, 2, patterned), PriceParams(held_out_share=0.5))
    assert 0.87 <= found.metrics["coverage"] <= 0.93
    assert found.model.measured_coverage == found.metrics["coverage"]
    assert found.model.coverage == 0.9


def test_every_score_stands_beside_its_baseline(fitted: Callable[[bool], Fitted]) -> None:
    metrics = fitted(True).metrics
    for name in ("mae", "rmse", "r2", "log_score", "coverage", "interval_width", "cv_mae", "cv_log_score"):
        assert {name, f"baseline_{name}"} <= metrics.keys()


def test_coverage_is_measured_on_all_books_and_in_each_large_category(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(400, 1, True)
    data.frame["category"] = np.where(np.arange(400) % 2, "Poetry, & Prose", "Travel")
    found = fit_price(data, PriceParams(held_out_share=0.3))
    for name in ("cv_coverage", "cv_coverage_Poetry Prose", "cv_coverage_Travel"):
        assert 0.84 <= found.metrics[name] <= 0.96
    assert {"coverage_Poetry Prose", "coverage_Travel"} <= found.metrics.keys()
    assert f"Travel: {found.metrics['cv_coverage_Travel']:.1%}" in found.card


@pytest.mark.parametrize("category", ["Art//Design", "Art/Design/", " Art & Design", "/Art/ Design"])
def test_a_category_of_any_name_can_be_logged(category: str) -> None:
    assert logged(category) == "Art Design"


def test_slices_and_importance_tell_where_the_skill_is(fitted: Callable[[bool], Fitted]) -> None:
    tables = fitted(True).tables
    assert set(tables["slices"]["by"]) == {"category", "price", "text"}
    matters = tables["importance"].set_index("input")["importance"]
    assert set(matters.index[:2]) <= {"category", "description", "rating"}
    assert matters["publisher"] == matters["author"] == 0
    assert (
        tables["slices"].loc[tables["slices"]["by"] == "price", "books"].sum()
        == (fitted(True).params["held_out_rows"])
    )
    assert "importance" not in fitted(False).tables


def test_prices_that_span_orders_of_magnitude_are_judged_and_learned_as_shares(
    books_on_sale: BooksOnSale,
) -> None:
    data = books_on_sale(400, 11, True)
    data.frame["price"] = (10 ** (data.frame["price"] / 15)).round(2)
    found = fit_price(data, PriceParams())
    assert found.params["candidate"].endswith("_log")
    assert found.metrics["cv_log_score"] > found.metrics["baseline_cv_log_score"] + 0.3
    assert "(of log10)" in found.tags["verdict"]


def test_no_held_out_book_was_trained_on(fitted: Callable[[bool], Fitted]) -> None:
    found = fitted(True)
    held_out = found.dataset[HELD_OUT]
    assert held_out.sum() == found.params["held_out_rows"]
    assert (~held_out).sum() == found.params["training_rows"]
    assert 0.1 < held_out.mean() < 0.3


def test_the_losses_are_those_that_the_score_is_the_mean_of(fitted: Callable[[bool], Fitted]) -> None:
    found = fitted(True)
    assert np.mean(found.held_out_losses(found.model)) == pytest.approx(found.score.value)
    rows = found.dataset[found.dataset[HELD_OUT]]
    assert held_out_losses(found.model, rows) == pytest.approx(found.held_out_losses(found.model))


def test_the_card_tells_the_scores_the_data_and_the_truth(fitted: Callable[[bool], Fitted]) -> None:
    honest, skilled = fitted(False), fitted(True)
    assert "Nothing that is known of a book was found to tell its price" in honest.card
    assert "Prices here follow from what is known of a book" in skilled.card
    for found in (honest, skilled):
        assert f"£{found.score.value:.2f} | £{found.score.baseline:.2f}" in found.card
        assert found.dataset_sha256 in found.card


def test_the_call_on_the_card_survives_a_shelf_with_an_apostrophe() -> None:
    model = PriceRegressor("median")
    model.categories = ("Children's",)
    command = call_of(model).split("```")[-2]
    assert json.loads(shlex.split(command)[-1])["category"] == "Children's"


def test_the_plots_are_drawn(fitted: Callable[[bool], Fitted]) -> None:
    for patterned in (True, False):
        names = {"predicted_against_true", "residuals_by_category", "candidates", "slices"}
        assert fitted(patterned).figures.keys() == names | ({"importance"} if patterned else set())


def test_a_category_with_held_out_books_only_is_known_all_the_same(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(30, 3, False)
    held_out = fit_price(data, PriceParams()).dataset[HELD_OUT].to_numpy()
    data.frame.loc[np.flatnonzero(held_out)[0], "category"] = "One of its kind"
    assert "One of its kind" in fit_price(data, PriceParams()).model.categories


def test_ten_books_make_a_model_that_claims_nothing(books_on_sale: BooksOnSale) -> None:
    found = fit_price(books_on_sale(10, 4, True), PriceParams())
    assert found.informative is False
    assert "too few to tell a pattern from luck" in found.tags["verdict"]
    assert np.isfinite(found.model.predict(found.input_example).to_numpy()).all()


def test_one_category_and_no_descriptions_can_be_trained_on(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(60, 5, False)
    data.frame["category"], data.frame["description"] = "Only", ""
    assert isinstance(fit_price(data, PriceParams()).model, PriceRegressor)


def test_four_books_are_refused(books_on_sale: BooksOnSale) -> None:
    with pytest.raises(TrainingError, match="needs 5 books and two works at least, got 4 books"):
        fit_price(books_on_sale(4, 6, True), PriceParams())


def test_a_work_whose_editions_leave_one_book_to_train_on_is_refused(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(6, 6, True)
    # Of the two works the one that a hash holds out has all books but one.
    for alone in range(6):
        data.frame["title"] = ["Another" if place == alone else "The same" for place in range(6)]
        if int(held_out_rows(data.book_ids, list(data.frame["title"]), 0.2).sum()) == 5:
            break
    with pytest.raises(TrainingError, match="needs 2 books to train on, and of 6 all but 1 are held out"):
        fit_price(data, PriceParams())


@pytest.mark.parametrize(
    ("name", "value"),
    [("folds", 1), ("held_out_share", 0.9), ("coverage", 1.0), ("alpha", 0.0), ("alpha", float("nan"))],
)
def test_a_parameter_out_of_its_bounds_is_named(name: str, value: float) -> None:
    with pytest.raises(TrainingError, match=f"{name} must be"):
        PriceParams(**{name: value})  # type: ignore[arg-type]


def test_numbers_that_no_shop_or_some_do_not_give_are_no_hindrance(books_on_sale: BooksOnSale) -> None:
    for unknown in (slice(None), slice(0, 150)):
        data = books_on_sale(300, 7, True)
        data.frame.loc[data.frame.index[unknown], ["rating", "stock"]] = np.nan
        data.frame.loc[data.frame.index[unknown], "availability"] = ""
        found = fit_price(data, PriceParams())
        assert found.informative is True
        assert np.isfinite(found.model.predict(found.input_example).to_numpy()).all()


def test_that_a_rating_is_not_given_may_itself_tell_the_price(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(400, 8, False)
    data.frame.loc[::2, "rating"] = np.nan
    data.frame["price"] = np.where(data.frame["rating"].isna(), 10.0, 40.0) + data.frame["price"] / 20
    found = fit_price(data, PriceParams())
    assert found.score.value < 0.2 * found.score.baseline


def test_prices_in_two_currencies_are_refused_naming_the_sources(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(60, 9, True)
    data.frame.loc[:19, "currency"] = "EUR"
    mixed = replace(data, sources=("laden",) * 20 + ("shop",) * 40)
    expected = r"source must name books of one currency, got prices in GBP \(40 books\) and EUR \(20 books\)"
    with pytest.raises(TrainingError, match=f"{expected}: choose one .* of 'laden', 'shop'"):
        fit_price(mixed, PriceParams())


def test_scores_card_and_model_are_in_the_books_currency(books_on_sale: BooksOnSale) -> None:
    data = books_on_sale(200, 10, True)
    data.frame["currency"] = "EUR"
    found = fit_price(data, PriceParams())
    assert (found.score.unit, found.model.currency, found.tags["currency"]) == ("EUR", "EUR", "EUR")
    assert f"{found.score.value:.2f} EUR | {found.score.baseline:.2f} EUR" in found.card
    labels = [axes.get_xlabel() + axes.get_title() for plot in found.figures.values() for axes in plot.axes]
    assert "£" not in found.card + found.tags["verdict"] + "".join(labels)


def test_every_row_tells_its_source_and_the_version_tells_the_only_one(
    fitted: Callable[[bool], Fitted],
) -> None:
    found = fitted(True)
    assert found.dataset["source"].tolist() == ["shop"] * 400
    assert found.tags["source"] == "shop"
