"""A registered version can be explained, loaded where our code is not, and judged at its gate."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from bookshelf.contracts import ENCODER_FORM
from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.onnx_network import OnnxNetwork
from features.price import PriceRegressor
from training.cards import check_card
from training.dataset import TrainingSet
from training.duty import Duty
from training.fitted import Fitted
from training.price import PriceParams, example_of, fit_price, held_out_losses, measure
from training.promote import promote
from training.registry import RegisteredVersion, ensure_encoder, load_version, register
from training.runs import tracking_client
from training.skill import skill_of
from training.status import model_statuses
from training.yardstick import Yardstick

BooksOnSale = Callable[[int, int, bool], TrainingSet]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One home for all tests here: each registered version takes seconds."""
    folder = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("BOOKSHELF_HOME", str(folder / "var"))
        patch.setenv("BOOKSHELF_MLRUNS", str(folder / "mlruns"))
        yield Settings()


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return {}


@pytest.fixture
def fitted(known: dict[str, Any], books_on_sale: BooksOnSale) -> Fitted:
    if "fitted" not in known:
        known["fitted"] = fit_price(books_on_sale(200, 1, True), PriceParams())
    found: Fitted = known["fitted"]
    return found


@pytest.fixture
def registered(known: dict[str, Any], fitted: Fitted, home: Settings) -> RegisteredVersion:
    if "registered" not in known:
        known["registered"] = register(fitted, home)
    found: RegisteredVersion = known["registered"]
    return found


@pytest.fixture
def client(home: Settings) -> MlflowClient:
    return tracking_client(home)


def test_its_tags_tell_score_baseline_and_origin(
    registered: RegisteredVersion, fitted: Fitted, client: MlflowClient
) -> None:
    version = client.get_model_version("price", registered.version)
    assert version.run_id == registered.run_id
    assert float(version.tags["score"]) == fitted.score.value
    assert float(version.tags["baseline"]) == fitted.score.baseline
    expected = {
        "metric": "MAE",
        "unit": "pounds",
        "higher_is_better": "false",
        "informative": "true",
        "feature_service": "price_model",
        "dataset_sha256": fitted.dataset_sha256,
        "snapshot_id": "7",
        "source": "shop",
    }
    assert expected.items() <= version.tags.items()
    assert version.description.startswith("MAE ")


def test_its_run_holds_everything_that_explains_it(
    registered: RegisteredVersion, fitted: Fitted, client: MlflowClient
) -> None:
    run = client.get_run(registered.run_id)
    assert client.get_experiment(run.info.experiment_id).name == "price"
    assert run.info.run_name == f"price v{registered.version}"
    assert run.info.status == "FINISHED"
    assert {name: str(value) for name, value in fitted.params.items()} == run.data.params
    assert fitted.metrics.items() <= run.data.metrics.items()
    (given,) = run.inputs.dataset_inputs
    assert fitted.dataset_sha256.startswith(given.dataset.digest)
    card = mlflow.artifacts.load_text(f"runs:/{registered.run_id}/model_card.md")
    check_card(card, fitted.dataset_sha256)
    artifacts = {one.path for one in client.list_artifacts(registered.run_id)}
    assert artifacts == {"model_card.md", "training_set.parquet", "held_out.parquet", "plots", "tables"}
    plots = {one.path for one in client.list_artifacts(registered.run_id, "plots")}
    assert plots == {f"plots/{name}.png" for name in fitted.figures}
    path = mlflow.artifacts.download_artifacts(run_id=registered.run_id, artifact_path="tables/slices.csv")
    assert {"category", "price", "text"} == set(pd.read_csv(path)["by"])


def test_its_training_set_is_kept_row_by_row(registered: RegisteredVersion, fitted: Fitted) -> None:
    path = mlflow.artifacts.download_artifacts(run_id=registered.run_id, artifact_path="training_set.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), fitted.dataset)


def test_it_has_a_signature_of_doubles_and_texts(registered: RegisteredVersion) -> None:
    signature = mlflow.models.get_model_info(f"models:/price/{registered.version}").signature
    inputs = {column.name: column.type.name for column in signature.inputs}
    assert inputs["rating"] == inputs["stock"] == "double"
    assert inputs["category"] == inputs["description"] == "string"
    assert signature.outputs.input_names() == ["price", "low", "high"]


def test_it_loads_as_it_was_fitted(registered: RegisteredVersion, fitted: Fitted) -> None:
    before = list(sys.path)
    model = load_version("price", registered.version)
    assert sys.path == before
    pd.testing.assert_frame_equal(
        model.predict(fitted.input_example), fitted.model.predict(fitted.input_example)
    )
    assert (model.informative, model.categories) == (True, fitted.model.categories)


def test_it_loads_where_our_code_is_not_installed(
    registered: RegisteredVersion, home: Settings, tmp_path: Path
) -> None:
    told = f"""
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import warnings; warnings.simplefilter("ignore")  # MLflow, of the plugin it does not find
import mlflow
mlflow.set_tracking_uri({home.tracking_uri!r})
model = mlflow.pyfunc.load_model("models:/price/{registered.version}")
import features
assert "code" in features.__path__[0], features.__path__
print(len(model.predict(model.input_example)))
"""
    command = [sys.executable, "-c", told]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "3\n"), found.stderr


def test_a_model_without_a_signature_is_not_registered(
    fitted: Fitted, registered: RegisteredVersion, home: Settings, client: MlflowClient
) -> None:
    class Speechless:
        def predict(self, _rows: pd.DataFrame) -> None:
            return None

    losses = fitted.held_out_losses(fitted.model)
    with pytest.raises(TrainingError, match="has no signature"):
        register(replace(fitted, model=Speechless(), held_out_losses=lambda _model: losses), home)
    assert newest(client) == registered.version
    experiment = client.get_experiment_by_name("price")
    (latest, *_) = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])
    assert latest.info.status == "FAILED"


def test_a_model_that_holds_a_type_nobody_vouches_for_is_not_registered(
    fitted: Fitted, registered: RegisteredVersion, home: Settings, client: MlflowClient
) -> None:
    model = deepcopy(fitted.model)
    model.note = Fraction(1, 3)
    with pytest.raises(TrainingError, match=r"types that nobody vouches for: \['fractions.Fraction'\]"):
        register(replace(fitted, model=model), home)
    assert newest(client) == registered.version


def test_the_encoder_is_registered_once_and_gives_the_same_vectors(
    home: Settings, client: MlflowClient
) -> None:
    first = ensure_encoder(home)
    assert ensure_encoder(home) == first
    assert [str(one.version) for one in client.search_model_versions("name='encoder'")] == [first]
    assert str(client.get_model_version_by_alias("encoder", "champion").version) == first
    logged = Encoder.of(mlflow.sentence_transformers.load_model(f"models:/encoder/{first}"))
    assert logged.fingerprint == client.get_model_version("encoder", first).tags["encoder_fingerprint"]
    texts = ["A lighthouse keeper's last winter."]
    np.testing.assert_array_equal(logged.embed(texts), Encoder.load(home.encoder).embed(texts))
    form = OnnxNetwork(Path(mlflow.artifacts.download_artifacts(f"models:/encoder/{first}/{ENCODER_FORM}")))
    assert form.fingerprint == logged.fingerprint
    np.testing.assert_allclose(Encoder(form).embed(texts), logged.embed(texts), atol=1e-6)


def test_a_run_of_mlflow_in_the_models_experiment_is_written_into(
    fitted: Fitted, home: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = client.create_run(client.get_experiment_by_name("price").experiment_id).info.run_id
    client.log_param(launched, "alpha", "1e0")  # as the user spelled it
    monkeypatch.setenv("MLFLOW_RUN_ID", launched)
    assert register(fitted, home).run_id == launched
    assert client.get_run(launched).data.params["alpha"] == "1e0"


def test_a_run_of_mlflow_elsewhere_is_the_parent_of_each_models_run(
    fitted: Fitted, home: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", launched)
    for _ in range(2):
        run = client.get_run(register(fitted, home).run_id)
        assert run.data.tags["mlflow.parentRunId"] == launched


def test_the_first_version_becomes_champion_and_a_worse_one_is_refused(
    registered: RegisteredVersion, fitted: Fitted, home: Settings, client: MlflowClient
) -> None:
    first = promote("price", home, registered.version)
    assert (first.promoted, champion(client)) == (True, registered.version)
    assert tag(client, registered.version) == "champion"

    worse = register(spoiled(fitted), home).version
    refused = promote("price", home)
    assert (refused.version, refused.promoted, champion(client)) == (worse, False, registered.version)
    assert "worse than the incumbent" in refused.reason
    assert tag(client, worse) == f"refused: {refused.reason}"

    assert promote("price", home, registered.version).reason == "already champion"


def test_the_log_tells_who_promoted_what_and_what_was_refused(
    registered: RegisteredVersion, fitted: Fitted, home: Settings, client: MlflowClient
) -> None:
    promote("price", home, registered.version)
    refused = register(spoiled(fitted), home).version
    assert client.get_model_version_by_alias("price", "challenger").version == int(refused)
    promote("price", home, who="admin", reason="a try")
    entry, *_ = Duty.of(home).log.page("price", number=1, size=1)[0]
    assert (entry.action, entry.from_version, entry.to_version) == ("refused", registered.version, refused)
    assert (entry.who, entry.snapshot_id) == ("admin", 7)
    assert "worse than the incumbent" in entry.reason
    assert entry.scores["to"]["score"] > entry.scores["from"]["score"]
    assert entry.scores["loss_difference"]["low"] > 0


def test_a_score_that_is_only_claimed_is_refused(fitted: Fitted, home: Settings) -> None:
    number = register(replace(fitted, model=of_shuffled_prices(fitted)), home).version
    decision = promote("price", home, number)
    assert not decision.promoted
    assert "it claims an MAE of" in decision.reason
    assert "was measured on its held-out rows" in decision.reason


def test_a_model_of_shuffled_prices_that_tells_its_true_score_is_refused(
    registered: RegisteredVersion, fitted: Fitted, home: Settings
) -> None:
    promote("price", home, registered.version)
    model = of_shuffled_prices(fitted)
    value = float(np.mean(held_out_losses(model, held_out(fitted))))
    claim = replace(fitted.score, value=value)
    number = register(replace(fitted, model=model, score=claim, informative=True), home).version
    decision = promote("price", home, number)
    assert not decision.promoted
    assert "no better than the baseline's" in decision.reason or "not surely above 0" in decision.reason
    silent = register(replace(fitted, model=model, score=claim, informative=False), home).version
    assert promote("price", home, silent).reason == decision.reason


def test_a_model_of_shuffled_prices_is_refused_by_its_rows_alone(fitted: Fitted, home: Settings) -> None:
    """No incumbent to compare with, and every number of its run and its tags made up to please."""
    model = of_shuffled_prices(fitted)
    value = float(np.mean(held_out_losses(model, held_out(fitted))))
    claim = replace(fitted.score, value=value, baseline=2 * value)
    tags = {**fitted.tags, "source": "a shop of its own"}
    number = register(replace(fitted, model=model, score=claim, tags=tags), home).version
    decision = promote("price", home, number)
    assert not decision.promoted
    assert decision.reason.startswith("it claims a baseline's MAE of ")


def test_intervals_are_tried_at_the_gate_whatever_the_run_says_of_them(
    fitted: Fitted, home: Settings
) -> None:
    model = deepcopy(fitted.model)
    model.intervals_.low_, model.intervals_.high_ = model.intervals_.low_ / 9, model.intervals_.high_ / 9
    metrics = {**fitted.metrics, "coverage": 0.9}
    number = register(replace(fitted, model=model, metrics=metrics), home).version
    decision = promote("price", home, number)
    assert not decision.promoted
    assert decision.reason.startswith("its intervals promise to hold 90% of the truths and hold ")


def test_an_equal_version_takes_the_place_of_the_champion(
    registered: RegisteredVersion, fitted: Fitted, home: Settings, client: MlflowClient
) -> None:
    promote("price", home, registered.version)
    equal = register(fitted, home).version
    assert promote("price", home).promoted
    assert (champion(client), tag(client, registered.version)) == (equal, f"replaced by version {equal}")


def test_a_champion_of_another_source_is_no_yardstick(
    registered: RegisteredVersion, fitted: Fitted, home: Settings, client: MlflowClient
) -> None:
    promote("price", home, registered.version)
    other = replace(spoiled(fitted), tags={**fitted.tags, "source": "another shop"})
    number = register(other, home).version
    decision = promote("price", home)
    assert (decision.promoted, champion(client)) == (True, number)
    assert decision.reason.endswith("which learnt from other books and was not compared")
    worse_again = register(replace(spoiled(other), tags=other.tags), home).version
    assert "worse than the incumbent" in promote("price", home, worse_again).reason
    [status] = [one for one in model_statuses(home) if one.name == "price"]
    assert (status.source, status.unit, status.snapshot_id) == ("another shop", "pounds", 7)


def test_shuffled_prices_make_a_constant_or_are_refused(
    registered: RegisteredVersion, books_on_sale: BooksOnSale, home: Settings, client: MlflowClient
) -> None:
    promote("price", home, registered.version)
    data = books_on_sale(200, 1, True)
    data.frame["price"] = np.random.default_rng(0).permutation(data.frame["price"])
    honest = fit_price(data, PriceParams())
    assert (honest.informative, honest.params["candidate"]) == (False, "median")

    claiming = register(with_a_claim(honest), home).version
    refused = promote("price", home, claiming)
    assert not refused.promoted
    assert "no better than the baseline's" in refused.reason or "not surely above 0" in refused.reason
    assert champion(client) != claiming
    assert tag(client, claiming) == f"refused: {refused.reason}"


def test_a_champion_that_this_code_cannot_serve_is_told_and_replaced(
    registered: RegisteredVersion, fitted: Fitted, home: Settings, client: MlflowClient
) -> None:
    number = register(fitted, home).version
    model_id = client.get_model_version("price", number).source.removeprefix("models:/")
    files = Path(client.get_logged_model(model_id).artifact_location.removeprefix("file://"))
    (files / "model.skops").write_bytes(b"of another make")
    [status] = [one for one in model_statuses(home) if one.name == "price"]
    assert status.version == number
    assert status.unservable is not None
    client.set_registered_model_alias("price", "champion", number)
    decision = promote("price", home, registered.version)
    assert decision.promoted, decision.reason
    assert decision.reason.endswith("which cannot be served any more and was not compared")


def test_a_version_that_is_not_there_is_named(home: Settings, registered: RegisteredVersion) -> None:
    assert registered.name == "price"
    with pytest.raises(TrainingError, match="'price' has no version '99'; it has 1"):
        promote("price", home, "99")
    with pytest.raises(TrainingError, match="no version of 'sentiment' is registered"):
        promote("sentiment", home)


def of_shuffled_prices(fitted: Fitted) -> PriceRegressor:
    """The same learner, of prices that have been dealt out anew."""
    train = fitted.dataset[~fitted.dataset["held_out"]]
    shuffled = np.random.default_rng(3).permutation(train["price"].to_numpy())
    model: PriceRegressor = deepcopy(fitted.model).fit(train, shuffled)
    return model


def with_a_claim(honest: Fitted) -> Fitted:
    """The training with a learner in place of the constant, judged on the same rows, that claims to know."""
    train = honest.dataset[~honest.dataset["held_out"]]
    learner = PriceRegressor("blend").fit(train, train["price"].to_numpy())
    rows = held_out(honest)
    measured = measure(learner, honest.model, rows)
    true, by_learner, by_median = (
        rows["price"].to_numpy(),
        *(one.predict(rows)["price"].to_numpy() for one in (learner, honest.model)),
    )
    skill = skill_of(true, by_learner, by_median, Yardstick(in_shares=False, unit="pounds"), seed=0)
    return replace(
        honest,
        model=learner,
        informative=True,
        score=replace(honest.score, value=measured["mae"]),
        metrics={**honest.metrics, **measured, **skill.metrics()},
        input_example=example_of(rows, learner),
    )


def spoiled(fitted: Fitted) -> Fitted:
    """The same training, but for a model better than the median and £3 off, which its intervals allow for."""
    model = deepcopy(fitted.model)
    model.intervals_.low_ -= 3
    if model.kind == "blend":
        model.learner_.middle_ += 3
        model.learner_.hints_.linear.middle_ += 3
    else:
        model.learner_.middle_ += 3
    score = replace(fitted.score, value=float(np.mean(held_out_losses(model, held_out(fitted)))))
    assert score.beats_baseline
    return replace(fitted, model=model, score=score)


def held_out(fitted: Fitted) -> pd.DataFrame:
    return fitted.dataset[fitted.dataset["held_out"]]


def newest(client: MlflowClient) -> str:
    return str(max(int(one.version) for one in client.search_model_versions("name='price'")))


def champion(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias("price", "champion").version)


def tag(client: MlflowClient, version: str) -> str:
    return str(client.get_model_version("price", version).tags["promotion"])
