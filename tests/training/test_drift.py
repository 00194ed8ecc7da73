"""After each publish the champion's books are compared with those on offer, on real Feast and MLflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.drift import DriftWindow, DriftWindows
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.model_orders import ModelOrders
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import Settings
from features.price import PriceRegressor
from features.schema import PRICE_SERVICE
from ingestion.publish import publish_features
from tests.training.logged import Log
from training.__main__ import main
from training.aliases import CHAMPION
from training.cards import SECTIONS, model_card
from training.dataset import load_training_set
from training.drift import Outcome, follow_publication, watch_drift
from training.explanation import HELD_OUT
from training.fitted import Fitted, Score
from training.price import held_out_losses, labelled_rows
from training.registry import register
from training.runs import tracking_client

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
BOOKS = [
    Book(
        upc=f"upc-{number}",
        title=f"Tale {number}",
        price=Decimal(10 + number % 40),
        rating=number % 5 + 1,
        stock=number % 20,
        category="Poetry" if number % 3 else "Fiction",
        description=f"The tale of the {number} keepers of the light.",
    )
    for number in range(100)
]
SOLD_OUT = [replace(book, stock=0, availability="Out of stock") for book in BOOKS]


def champion_of(settings: Settings, as_of: datetime) -> str:
    """A median on what was known then, on duty; its version."""
    data = load_training_set(settings, PRICE_SERVICE, as_of, "shop")
    rows = labelled_rows(data, 0.2)
    model = PriceRegressor("median").fit(rows, rows["price"].to_numpy())
    fitted = Fitted(
        name="price",
        model=model,
        score=Score(metric="MAE", unit="pounds", value=1.0, baseline=1.0, higher_is_better=False),
        params={},
        metrics={},
        held_out_losses=partial(held_out_losses, frame=rows[rows[HELD_OUT]]),
        dataset=rows,
        dataset_sha256=data.sha256,
        dataset_source=data.origin,
        input_example=rows[list(model.inputs)].head(2),
        card=model_card("A median", "It knows nothing.", dict.fromkeys(SECTIONS, data.sha256)),
        feature_service=PRICE_SERVICE,
        tags={"snapshot_id": str(data.snapshot_id), "source": "shop"},
    )
    version = register(fitted, settings).version
    tracking_client(settings).set_registered_model_alias("price", CHAMPION, version)
    return version


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Four days of a shop that sells out on the second, of which the champion knows the first; and a list."""
    folder = tmp_path_factory.mktemp("drift")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "BOOKSHELF_DATABASE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("BOOKSHELF_HOME", str(folder / "var"))
        patch.setenv("BOOKSHELF_MLRUNS", str(folder / "mlruns"))
        settings = Settings()
        catalogue = Catalogue.open(settings.catalogue_url)
        for day, books in enumerate((BOOKS, SOLD_OUT, SOLD_OUT, SOLD_OUT)):
            catalogue.publish(books, "shop", START + day * DAY)
        catalogue.publish(BOOKS[:5], "list", START + 4 * DAY)
        publish_features(catalogue, settings, START + 5 * DAY)
        version = champion_of(settings, START)
        run_id = tracking_client(settings).get_model_version("price", version).run_id
        log = Log(PredictionFiles(settings.home))
        facts: dict[str, Any] = {"run_id": run_id, "value": 90.0}
        told = [
            log.predict("price", version, START + DAY / 2, inputs=json.dumps({"year": year}), **facts)
            for year in range(40)
        ]
        log.judge("price", told[0], START + DAY / 2, value=80.0)
        yield settings


@pytest.fixture
def windows(settings: Settings) -> DriftWindows:
    return DriftWindows(Catalogue.open(settings.catalogue_url).engine)


def watched(settings: Settings, snapshot_id: int) -> Outcome:
    [outcome] = watch_drift(settings, ["price"], START + snapshot_id * DAY, snapshot_id)
    return outcome


def window_of(settings: Settings, snapshot_id: int) -> DriftWindow:
    outcome = watched(settings, snapshot_id)
    assert outcome.window is not None, outcome.told
    return outcome.window


def test_the_books_that_the_champion_learnt_from_have_not_moved(settings: Settings) -> None:
    window = window_of(settings, 1)
    assert not window.violated
    assert {one.psi for one in window.features} == {0.0}
    assert {
        "price",
        "stock",
        "category",
        "title_words",
        "embedding_centre",
        "embedding_axis_1",
        "prediction",
    } <= {one.feature for one in window.features}
    assert (window.reference_rows, window.window_rows, window.source) == (100, 100, "shop")
    assert (window.published_at, window.reference_at) == (START, START)


def test_what_moved_is_named_and_the_rest_is_not(settings: Settings) -> None:
    window = window_of(settings, 2)
    assert {one.feature for one in window.features if one.violated} == {"stock", "availability"}
    assert {one.feature for one in window.features[:2]} == {"stock", "availability"}


def test_what_callers_were_told_stands_beside_the_books_and_apart_from_them(
    settings: Settings, windows: DriftWindows
) -> None:
    before, after = (window_of(settings, snapshot).answers for snapshot in (1, 2))
    assert before is not None
    assert after is not None
    assert (before.questions, before.drift, before.error) == (0, None, None)
    assert (after.questions, after.violated) == (40, True)
    assert after.error is not None
    assert (after.error.n, after.error.mean, after.error.baseline, after.error.low) == (1, 10.0, 0.0, None)
    window = windows.find("price", "1", 2)
    assert window is not None
    assert (window.answers, "answer" in {one.feature for one in window.features}) == (after, False)
    assert "40 questions were answered, drift: answer (PSI " in watched(settings, 2).told
    client = MlflowClient()
    seen = client.get_run(window.run_id).data.metrics
    assert seen["answers_error"] == 10.0
    asked = client.get_metric_history(window.run_id, "answers_questions")
    assert {one.step: one.value for one in asked} == {1: 0, 2: 40}
    path = client.download_artifacts(window.run_id, "snapshot_00000002/drift.md")
    assert "40 questions were answered.\n\n| feature" in Path(path).read_text()


def test_a_window_is_measured_once(settings: Settings, windows: DriftWindows) -> None:
    first = window_of(settings, 2)
    again = watched(settings, 2)
    assert again.window == first
    assert again.told.startswith("measured before: version 1, snapshot 2: drifts in ")
    assert windows.page("price", number=1, size=10)[1] == 2


def test_publishes_that_were_missed_are_made_up_for_and_the_third_violation_orders_one_retraining(
    settings: Settings, windows: DriftWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = ModelOrders(windows.engine)

    def died(*_asked: object) -> None:
        raise RuntimeError("killed between the order and its note")

    with monkeypatch.context() as patch:
        patch.setattr(DriftWindows, "note_order", died)
        missed, cut_short = watch_drift(settings, ["price"], START + 5 * DAY)
    second = missed.window
    assert (cut_short.failed, orders.page(number=1, size=10)[1]) == (True, 0)
    [third] = (one.window for one in watch_drift(settings, ["price"], START + 5 * DAY))
    assert second is not None
    assert third is not None
    assert (second.snapshot_id, second.order_id, third.snapshot_id) == (3, None, 4)
    [order], total = orders.page(number=1, size=10, model="price")
    assert (total, order.kind, order.requested_by, order.id) == (1, "retrain", "drift", third.order_id)
    assert order.reason.startswith(
        "3 of the last 3 windows drift from what version 1 learnt from; in the newest "
    )
    [again] = watch_drift(settings, ["price"], START + 6 * DAY)
    assert again.window == third
    assert orders.page(number=1, size=10)[1] == 1


def test_mlflow_shows_a_step_a_snapshot_with_plot_and_table(settings: Settings) -> None:
    run_id = window_of(settings, 2).run_id
    assert window_of(settings, 4).run_id == run_id
    client = MlflowClient()
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "drift"
    assert (run.info.run_name, run.info.status) == ("price v1", "FINISHED")
    seen = {one.step: one.value for one in client.get_metric_history(run_id, "psi_stock")}
    assert seen.keys() == {1, 2, 3, 4}
    assert seen[1] == 0 < seen[2] == seen[4]
    assert len(client.get_metric_history(run_id, "ks_stock")) == 4
    assert {one.path for one in client.list_artifacts(run_id, "snapshot_00000002")} == {
        "snapshot_00000002/drift.md",
        "snapshot_00000002/worst_features.png",
    }


def test_a_publish_of_books_that_it_never_learnt_from_is_no_window(settings: Settings) -> None:
    outcome = watched(settings, 5)
    assert (outcome.window, outcome.failed) == (None, False)
    assert "another source" in outcome.told


def test_a_new_champion_begins_a_count_of_its_own(settings: Settings, windows: DriftWindows) -> None:
    version = champion_of(settings, START + 3 * DAY)
    follow_publication(settings)  # models that have no champion are no reason to fail
    window = windows.page("price", number=1, size=1)[0][0]
    assert (window.version, window.violated, window.reference_at) == (version, False, START + 3 * DAY)
    assert (window.snapshot_id, windows.page("price", number=1, size=10)[1]) == (4, 5)


def test_without_a_champion_there_is_nothing_to_compare_with(settings: Settings) -> None:
    [outcome] = watch_drift(settings, ["sentiment"], START)
    assert (outcome.window, outcome.failed) == (None, False)
    assert str(outcome) == "sentiment: no version serves, and there is nothing to compare with"


def test_what_learnt_from_a_corpus_before_there_were_books_is_no_failure(settings: Settings) -> None:
    client = tracking_client(settings)
    early = int((START - DAY).timestamp() * 1000)
    run = client.create_run(client.create_experiment("early"), start_time=early)
    client.create_registered_model("sentiment")
    version = client.create_model_version("sentiment", "file:///nowhere", run_id=run.info.run_id).version
    client.set_registered_model_alias("sentiment", CHAMPION, version)
    try:
        [outcome] = watch_drift(settings, ["sentiment"], START + DAY)
    finally:
        client.delete_registered_model("sentiment")
    assert (outcome.window, outcome.failed) == (None, False)
    assert outcome.told == "no book was on offer when version 1 learnt, and there is nothing to compare with"


def test_a_snapshot_that_is_not_there_is_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFound, match="no snapshot has the id 99"):
        list(watch_drift(settings, ["price"], START, 99))
    assert main(["drift", "--name", "price", "--snapshot", "99"]) == 1
    assert capsys.readouterr().err == "error: no snapshot has the id 99\n"


def test_the_command_says_how_it_stands(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    assert main(["drift", "--name", "price", "--snapshot", "2"]) == 0
    assert capsys.readouterr().out.startswith("price: ")


def test_a_champion_whose_books_are_nowhere_published_is_told_of_and_is_a_failure(
    settings: Settings, tmp_path: Path
) -> None:
    empty = settings.model_copy(update={"home": tmp_path})
    [outcome] = watch_drift(empty, ["price"], START)
    assert (outcome.window, outcome.failed) == (None, True)
    assert outcome.told.startswith("not measured: ")
    with pytest.raises(BookshelfError, match="price: not measured: "):
        follow_publication(empty)


def test_an_error_nobody_expected_of_one_model_leaves_the_others_to_be_measured(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def champion(_duty: object, _catalogue: object, name: str) -> None:
        if name == "price":
            raise RuntimeError("its file is gone")

    monkeypatch.setattr("training.drift.champion", champion)
    price, recommender = watch_drift(settings, ["price", "recommender"], START)
    assert (price.failed, price.told) == (True, "not measured: RuntimeError: its file is gone")
    assert recommender.told.startswith("no version serves")
