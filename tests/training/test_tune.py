"""A search tries the default first, the same for the same seed, and its best is a challenger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.schema import RECOMMENDER_SERVICE
from features.text import clean_description
from ingestion.sample_shop.catalogue import sample_books
from training import commands
from training import tune as tuned
from training.aliases import CHALLENGER
from training.commands import params_type
from training.dataset import TrainingSet
from training.duty import Duty
from training.price import PriceParams, fit_price
from training.recommender import RecommenderParams
from training.retrain import champions_choice, params_of
from training.runs import tracking_client
from training.tune import tune
from training.tuning import SEARCHES

BooksOnSale = Callable[[int, int, bool], TrainingSet]

pytestmark = pytest.mark.slow


@pytest.fixture
def nested(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[dict[str, str]]]:
    """Tune alpha towards 3 without any training; gives the trials' parameters, the first trial first."""
    search = replace(SEARCHES["price"], prepare=lambda *_: lambda params: abs(float(params.alpha) - 3.0))
    monkeypatch.setattr(tuned, "SEARCHES", {"price": search})
    monkeypatch.setattr(commands, "train", lambda *asked: repr(asked[2].alpha))

    def trials(seed: int) -> list[dict[str, str]]:
        found = tune("price", settings, 6, seed, datetime.now().astimezone(), "")
        client = tracking_client(settings)
        experiment = client.get_experiment_by_name("price").experiment_id
        runs = client.search_runs([experiment])
        [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags][:1]
        inside = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
        inside.sort(key=lambda run: int(run.info.run_name.removeprefix("trial ")))
        best = min(inside, key=lambda run: run.data.metrics["cv_error"])
        assert float(best.data.params["alpha"]) == float(found)
        assert parent.data.metrics["best_cv_error"] == best.data.metrics["cv_error"]
        return [run.data.params for run in inside]

    return trials


def test_the_same_seed_tries_the_same_and_the_default_is_tried_first(
    nested: Callable[[int], list[dict[str, str]]],
) -> None:
    first, again, other = nested(1), nested(1), nested(2)
    assert len(first) == 6
    assert float(first[0]["alpha"]) == params_type("price")().alpha
    assert first == again != other


def test_the_best_of_a_real_search_is_a_challenger_and_serves_only_once_promoted(
    settings: Settings, books_on_sale: BooksOnSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    def data(*_asked: Any) -> TrainingSet:
        return books_on_sale(60, 1, True)

    monkeypatch.setattr("training.dataset.load_training_set", data)
    number = tune("price", settings, 2, 0, datetime.now().astimezone(), "")
    duty = Duty.of(settings)
    assert duty.aliases("price") == {CHALLENGER: number}
    version = duty.client.get_model_version("price", number)
    run = duty.client.get_run(version.run_id).data
    assert run.tags["tuned"] == "true"
    assert run.metrics["best_cv_error"] <= run.metrics["default_cv_error"]
    assert run.metrics["cv_error"] == run.metrics["best_cv_error"]
    duty.client.set_registered_model_alias("price", "champion", number)
    params, source = champions_choice(settings, "price")
    # Of the shop whose prices they were, though everybody's were asked for.
    assert (params.alpha, source) == (float(run.params["alpha"]), "shop")


def test_the_loss_of_a_price_model_is_that_of_its_training_without_the_held_out_rows(
    settings: Settings, books_on_sale: BooksOnSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = books_on_sale(60, 1, True)
    monkeypatch.setattr("training.dataset.load_training_set", lambda *_asked: data)
    loss = SEARCHES["price"].prepare(settings, PriceParams(), data.as_of, None)
    assert loss(PriceParams(alpha=3.0)) == fit_price(data, PriceParams(alpha=3.0)).metrics["cv_error"]


def test_prices_that_span_orders_of_magnitude_are_tuned_by_what_the_contest_judges(
    settings: Settings, books_on_sale: BooksOnSale, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = books_on_sale(60, 1, True)
    data.frame["price"] = (10 ** (data.frame["price"] / 15)).round(2)
    monkeypatch.setattr("training.dataset.load_training_set", lambda *_asked: data)
    loss = SEARCHES["price"].prepare(settings, PriceParams(), data.as_of, None)(PriceParams())
    assert loss < 1  # of log10; in money it is hundreds


def test_a_recommender_is_tuned_on_books_that_no_version_is_judged_by(
    settings: Settings, kept_vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = sample_books()[:80]
    frame = pd.DataFrame({name: [getattr(book, name) for book in books] for name in ("title", "category")})
    frame["description"] = [clean_description(book.description) for book in books]
    with KeptVectors(kept_vectors, Encoder.load) as kept:
        vectors = kept.embed(list(frame["description"]))
    data = TrainingSet(
        frame=frame.assign(embedding=pd.Series(list(vectors), dtype=object)),
        book_ids=tuple(range(1, 81)),
        sha256="0" * 64,
        service=RECOMMENDER_SERVICE,
        as_of=datetime.now().astimezone(),
        snapshot_id=7,
        sources=("shop",) * 80,
    )
    monkeypatch.setattr("training.dataset.load_training_set", lambda *_asked: data)
    params = RecommenderParams(held_out_books=30)
    loss = SEARCHES["recommender"].prepare(settings, params, data.as_of, None)
    assert 0 < loss(params) < 1


def test_every_searched_parameter_is_one_of_the_model_and_its_default_lies_within() -> None:
    for name, search in SEARCHES.items():
        default = params_type(name)()
        for parameter, span in search.space.items():
            assert span.low <= getattr(default, parameter) <= span.high, (name, parameter)


def test_parameters_of_a_run_are_read_back_and_what_it_does_not_tell_is_the_default() -> None:
    kind = params_type("price")
    found = params_of(kind, {"alpha": "3e0", "folds": "4", "candidate": "ridge_1", "source": "shop"})
    assert found == kind(alpha=3.0, folds=4)
