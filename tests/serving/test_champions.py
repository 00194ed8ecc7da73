"""Champions out of a real registry: loaded by number, and refused with a reason."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.price import PriceRegressor
from features.price_columns import INPUTS, NUMBERS
from serving.champions import Registry

pytestmark = pytest.mark.slow

EXAMPLE = pd.DataFrame({name: [4.0 if name in NUMBERS else "A text"] for name in INPUTS})


@pytest.fixture(scope="module")
def writer(other_home: Settings, registry_writer: Any) -> Any:
    return registry_writer(other_home)


@pytest.fixture
def registry(other_home: Settings) -> Registry:
    return Registry(other_home)


def test_an_empty_registry_has_no_champion_and_says_what_to_do(registry: Registry) -> None:
    with pytest.raises(ModelUnavailable, match=r"^no version of recommender is champion: promote one$"):
        registry.champion("recommender")


def test_a_champion_is_loaded_under_its_number_with_its_run_and_tags(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    rows = pd.DataFrame({"book_id": [1, 2], "price": [10.0, 20.0]})
    number = writer.add("price", price_model, EXAMPLE, trained_on=rows, informative="true")
    path = list(sys.path)
    champion = registry.champion("price")
    assert sys.path == path
    assert (champion.name, champion.version, champion.served.informative) == ("price", number, True)
    pd.testing.assert_frame_equal(champion.model.predict(EXAMPLE), price_model.predict(EXAMPLE))
    pd.testing.assert_frame_equal(pd.read_parquet(registry.training_set(champion)), rows)


def test_a_champion_promoted_later_is_the_next_to_be_loaded(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    first = writer.add("price", price_model, EXAMPLE)
    assert registry.champion("price").version == first
    second = writer.add("price", price_model, EXAMPLE)
    assert registry.champion("price").version == second


def test_a_run_without_its_training_set_is_said_to_have_none(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    writer.add("price", price_model, EXAMPLE)
    with pytest.raises(NotFound, match=r"has no training_set.parquet"):
        registry.training_set(registry.champion("price"))


def test_a_version_without_signature_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, None)
    with pytest.raises(ModelUnavailable, match=f"^price version {number} has no signature$"):
        registry.champion("price")


def test_a_version_that_fails_on_its_own_example_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, EXAMPLE)
    example = writer.file("price", number, "input_example.json")
    example.write_text(example.read_text().replace("rating", "grating"))
    with pytest.raises(
        ModelUnavailable, match=f"price version {number} cannot be served: ValueError.*rating"
    ):
        registry.champion("price")


def test_a_version_whose_file_is_broken_is_refused(
    registry: Registry, writer: Any, price_model: PriceRegressor
) -> None:
    number = writer.add("price", price_model, EXAMPLE)
    writer.file("price", number, "model.skops").write_bytes(b"rubbish")
    with pytest.raises(ModelUnavailable, match=f"price version {number} cannot be served"):
        registry.champion("price")


def test_a_registry_that_cannot_be_reached_is_a_reason_too(other_home: Settings) -> None:
    away = other_home.model_copy(update={"mlflow_tracking_uri": "sqlite:////proc/nowhere/mlflow.db"})
    with pytest.raises(ModelUnavailable, match="the champion of price cannot be served"):
        Registry(away).champion("price")


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> LogisticRegression:
    return LogisticRegression().fit(encoder.embed(["A fine book.", "A dull book."]), [1, 0])


@pytest.fixture(scope="module")
def encoder_version(writer: Any, encoder: Encoder) -> str:
    return str(writer.add("encoder", encoder._model, ["A text."]))


def test_the_sentiment_model_has_the_encoder_its_tags_name_and_only_once(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, encoder_version: str
) -> None:
    tags = {"encoder_version": encoder_version, "encoder_fingerprint": encoder.fingerprint}
    writer.add("sentiment", model, encoder.embed(["A text."]), **tags)
    first, second = registry.champion("sentiment"), registry.champion("sentiment")
    assert first.encoder is not None
    assert first.encoder is second.encoder
    again = first.encoder.embed(["The sea."])
    np.testing.assert_allclose(again, encoder.embed(["The sea."]), rtol=0, atol=1e-6)


def test_a_sentiment_model_that_names_no_encoder_is_refused(
    registry: Registry, writer: Any, model: Any, encoder: Encoder
) -> None:
    version = writer.add("sentiment", model, encoder.embed(["A text."]))
    with pytest.raises(ModelUnavailable, match=f"^sentiment version {version} has no tag encoder_version$"):
        registry.champion("sentiment")


def test_a_sentiment_model_of_other_weights_is_refused(
    registry: Registry, writer: Any, model: Any, encoder: Encoder, encoder_version: str
) -> None:
    tags = {"encoder_version": encoder_version, "encoder_fingerprint": "of other weights"}
    writer.add("sentiment", model, encoder.embed(["A text."]), **tags)
    with pytest.raises(ModelUnavailable, match=f"was not trained with encoder version {encoder_version}"):
        registry.champion("sentiment")
