"""Champions out of a real registry: loaded by number, and refused with a reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from bookshelf.contracts import ENCODER_FORM, PRECISION_TAG, ModelName
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.onnx_export import exported
from features.onnx_network import OnnxNetwork
from features.price import PriceRegressor
from features.price_columns import INPUTS, NUMBERS
from serving.champions import Champion, Registry
from serving.version_files import reading

pytestmark = pytest.mark.slow

EXAMPLE = pd.DataFrame({name: [4.0 if name in NUMBERS else "A text"] for name in INPUTS})


@pytest.fixture(scope="module")
def writer(other_home: Settings, registry_writer: Any) -> Any:
    return registry_writer(other_home)


@pytest.fixture
def registry(other_home: Settings) -> Registry:
    return Registry(other_home)


def champion(registry: Registry, name: ModelName) -> Champion:
    appointed = registry.appointed(name)
    assert appointed is not None
    return registry.champion(appointed)


def test_an_empty_registry_has_no_champion(registry: Registry) -> None:
    assert registry.appointed("recommender") is None


def test_a_champion_is_loaded_under_its_number_with_its_run_and_tags(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    rows = pd.DataFrame({"book_id": [1, 2], "price": [10.0, 20.0]})
    number = writer.add("price", price_model, EXAMPLE, trained_on=rows, informative="true")
    path = list(sys.path)
    found = champion(registry, "price")
    assert sys.path == path
    assert (found.name, found.version, found.informative, found.inputs) == ("price", number, True, INPUTS)
    pd.testing.assert_frame_equal(found.model.predict(EXAMPLE), price_model.predict(EXAMPLE))
    pd.testing.assert_frame_equal(pd.read_parquet(registry.training_set(found)), rows)


def test_a_champion_promoted_later_is_the_next_to_be_loaded(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    first = writer.add("price", price_model, EXAMPLE)
    assert champion(registry, "price").version == first
    second = writer.add("price", price_model, EXAMPLE)
    assert champion(registry, "price").version == second


def test_a_run_without_its_training_set_is_said_to_have_none(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    writer.add("price", price_model, EXAMPLE)
    with pytest.raises(NotFound, match=r"has no training_set.parquet"):
        registry.training_set(champion(registry, "price"))


def test_a_training_set_whose_download_was_tidied_away_is_fetched_anew(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    writer.add("price", price_model, EXAMPLE, trained_on=pd.DataFrame({"book_id": [1]}))
    found = champion(registry, "price")
    assert registry.training_set(found) == registry.training_set(found)
    registry.training_set(found).unlink()
    assert pd.read_parquet(registry.training_set(found))["book_id"].tolist() == [1]


def test_a_version_without_signature_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, None)
    with pytest.raises(ModelUnavailable, match=f"^price version {number} has no signature$"):
        champion(registry, "price")


def test_a_version_that_fails_on_its_own_example_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, EXAMPLE)
    example = writer.file("price", number, "input_example.json")
    example.write_text(example.read_text().replace("rating", "grating"))
    with pytest.raises(
        ModelUnavailable, match=f"price version {number} cannot be served: ValueError.*rating"
    ):
        champion(registry, "price")


def test_a_version_whose_file_is_broken_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, EXAMPLE)
    writer.file("price", number, "model.skops").write_bytes(b"rubbish")
    with pytest.raises(ModelUnavailable, match=f"price version {number} cannot be served"):
        champion(registry, "price")


def test_a_champion_comes_from_the_local_copy_while_the_registry_is_away(
    registry: Registry, writer: Any, price_model: PriceRegressor, other_home: Settings
) -> None:
    writer.add("price", price_model, EXAMPLE, informative="true")
    registry.note_on_duty(champion(registry, "price"), "2025-03-01")
    away = other_home.model_copy(update={"mlflow_tracking_uri": "sqlite:////proc/nowhere/mlflow.db"})
    last = Registry(away).last_on_duty("price")
    assert last is not None
    found = Registry(away).champion(last)
    assert (found.version, found.informative) == (last.version, True)
    pd.testing.assert_frame_equal(found.model.predict(EXAMPLE), price_model.predict(EXAMPLE))


def test_a_local_copy_that_is_damaged_is_fetched_anew(
    registry: Registry, writer: Any, price_model: PriceRegressor, other_home: Settings
) -> None:
    writer.add("price", price_model, EXAMPLE)
    found = champion(registry, "price")
    kept = other_home.home / "serving" / "versions" / found.appointment.key / "model.skops"
    kept.write_bytes(b"rubbish")
    assert champion(registry, "price").version == found.version
    assert kept.read_bytes() != b"rubbish"


def test_a_home_that_takes_no_files_keeps_nobody_off_duty(
    writer: Any, price_model: PriceRegressor, other_home: Settings, tmp_path: Path
) -> None:
    number = writer.add("price", price_model, EXAMPLE)
    (tmp_path / "a file").touch()
    full = Registry(other_home.model_copy(update={"home": tmp_path / "a file"}))
    found = champion(full, "price")
    full.note_on_duty(found, "2025-03-01")
    assert found.version == number


def test_a_version_is_tagged_with_what_became_of_it(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    first, second = (writer.add("price", price_model, EXAMPLE) for _ in range(2))
    writer.appoint("price", first)
    registry.note_on_duty(champion(registry, "price"), "Monday")
    writer.appoint("price", second)
    registry.note_on_duty(champion(registry, "price"), "Tuesday")
    told = [writer.tags("price", number)["serving"] for number in (first, second)]
    assert told == ["served until Tuesday", "serving since Tuesday"]
    refused = registry.appointed("price")
    assert refused is not None
    registry.note_refused(refused, "it has no signature")
    assert writer.tags("price", second)["serving"] == "refused: it has no signature"


def test_a_panic_while_a_version_is_read_is_a_reason_too() -> None:
    class Panic(BaseException):
        """As a tokenizer written in Rust raises it."""

    told = "encoder version 1 cannot be served: Panic: no such token"
    with pytest.raises(ModelUnavailable, match=told), reading("encoder version 1"):
        raise Panic("no such token")


def test_a_registry_that_cannot_be_reached_is_a_reason_too(other_home: Settings) -> None:
    away = other_home.model_copy(update={"mlflow_tracking_uri": "sqlite:////proc/nowhere/mlflow.db"})
    with pytest.raises(ModelUnavailable, match="the champion of price cannot be served"):
        Registry(away).appointed("price")


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> LogisticRegression:
    return LogisticRegression().fit(encoder.embed(["A fine book.", "A dull book."]), [1, 0])


@pytest.fixture(scope="module")
def encoder_version(writer: Any, encoder: Encoder) -> str:
    return str(writer.add("encoder", encoder.model, ["A text."]))


def test_the_sentiment_model_has_the_encoder_its_tags_name_and_only_once(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, encoder_version: str
) -> None:
    tags = {"encoder_version": encoder_version, "encoder_fingerprint": encoder.fingerprint}
    writer.add("sentiment", model, encoder.embed(["A text."]), **tags)
    first, second = champion(registry, "sentiment"), champion(registry, "sentiment")
    assert first.encoder is not None
    assert first.encoder is second.encoder
    again = first.encoder.embed(["The sea."])
    np.testing.assert_allclose(again, encoder.embed(["The sea."]), rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def form(encoder: Encoder, other_home: Settings) -> Path:
    return exported(encoder.network, other_home.encoders)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_encoder_is_served_by_the_form_that_is_registered_with_it(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, form: Path, precision: Any
) -> None:
    version = writer.add("encoder", encoder.model, ["A text."])
    writer.add_files("encoder", version, form, ENCODER_FORM)
    tags = {"encoder_fingerprint": encoder.fingerprint, PRECISION_TAG: precision}
    writer.add("sentiment", model, encoder.embed(["A text."]), encoder_version=version, **tags)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlflow.sentence_transformers.load_model", None)
        served = champion(registry, "sentiment").encoder
    assert served is not None
    assert served.fingerprint == Encoder(OnnxNetwork(form, precision)).fingerprint


def test_a_registered_form_that_is_damaged_is_made_anew_from_the_weights(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "form.json").write_text('{"fingerprint": "cut o')
    version = writer.add("encoder", encoder.model, ["A text."])
    writer.add_files("encoder", version, tmp_path, ENCODER_FORM)
    tags = {"encoder_fingerprint": encoder.fingerprint, PRECISION_TAG: "int8"}
    writer.add("sentiment", model, encoder.embed(["A text."]), encoder_version=version, **tags)
    served = champion(registry, "sentiment").encoder
    assert served is not None
    assert isinstance(served.network, OnnxNetwork)
    assert served.network.weights_fingerprint == encoder.fingerprint != served.fingerprint


def test_a_sentiment_model_that_names_no_encoder_is_refused(
    registry: Registry, writer: Any, model: Any, encoder: Encoder
) -> None:
    version = writer.add("sentiment", model, encoder.embed(["A text."]))
    with pytest.raises(ModelUnavailable, match=f"^sentiment version {version} has no tag encoder_version"):
        champion(registry, "sentiment")


def test_a_sentiment_model_of_other_weights_is_refused(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, encoder_version: str
) -> None:
    tags = {"encoder_version": encoder_version, "encoder_fingerprint": "of other weights"}
    writer.add("sentiment", model, encoder.embed(["A text."]), **tags)
    with pytest.raises(ModelUnavailable, match=f"was not trained with encoder version {encoder_version}"):
        champion(registry, "sentiment")
