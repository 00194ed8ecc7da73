"""Models, features and a service small enough to be made for every run of the tests."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bookshelf.book import Book, ListedBook
from bookshelf.catalogue import Catalogue
from bookshelf.feature_store import feature_store_config, open_feature_store
from bookshelf.settings import Settings
from features import schema
from features.price import PriceRegressor
from features.tabular import book_frame
from serving.online import OnlineFeatures

TAKEN_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
CATEGORIES = ("Fiction", "Poetry", "Travel")


def a_book(number: int) -> Book:
    """One of a series: the price follows from category and rating, so that there is something to learn."""
    category, rating = CATEGORIES[number % 3], number % 5 + 1
    return Book(
        upc=f"upc{number:04}",
        title=f"Book number {number}",
        price_gbp=Decimal(10 + 5 * rating + 10 * (number % 3)),
        rating=rating,
        availability="In stock" if number % 4 else "Out of stock",
        stock=number % 4,
        category=category,
        image="https://shop.example/image.jpg",
        thumbnail="https://shop.example/thumbnail.jpg",
        description="" if number == 1 else f"A story of the sea, told in {number} letters.",
        url=f"https://shop.example/{number}",
    )


@pytest.fixture(scope="session")
def listed() -> list[ListedBook]:
    return [ListedBook(number, a_book(number)) for number in range(1, 61)]


@pytest.fixture(scope="session")
def price_model(listed: Sequence[ListedBook]) -> PriceRegressor:
    frame = book_frame(listed, TAKEN_AT, TAKEN_AT).astype({"rating": "float64", "stock": "float64"})
    return PriceRegressor("ridge", alpha=0.1).fit(frame, frame[schema.LABEL].to_numpy())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, listed: Sequence[ListedBook]) -> Settings:
    """A home whose catalogue has the books and one more that is not published to its online store."""
    folder: Path = tmp_path_factory.mktemp("serving")
    settings = Settings(home=folder / "var", mlruns=folder / "mlruns")
    offered = [*(one.book for one in listed), a_book(len(listed) + 1)]
    Catalogue.open(settings.catalogue_url).publish(offered, "https://shop.example/", TAKEN_AT)
    _publish_online(settings, book_frame(listed, TAKEN_AT, TAKEN_AT))
    return settings


@pytest.fixture
def online(home: Settings) -> OnlineFeatures:
    return OnlineFeatures(lambda: open_feature_store(home, mlflow=False))


def _publish_online(settings: Settings, frame: pd.DataFrame) -> None:
    from feast import FeatureStore

    from feature_repo import definitions as defined

    store = FeatureStore(config=feature_store_config(settings, mlflow=False))
    views = (defined.book_details, defined.book_price, defined.book_embedding)
    store.apply([defined.book, *views, defined.price_model])
    vectors = np.eye(len(frame), 8, dtype=np.float32)
    frame = frame.assign(embedding=list(vectors))
    for view in views:
        keys = [schema.JOIN_KEY, schema.EVENT_TIMESTAMP, schema.CREATED_TIMESTAMP]
        store.write_to_online_store(view.name, frame[[*keys, *schema.VIEWS[view.name]]])


class RegistryWriter:
    """Puts versions into a real registry, some as they should be and some as they should not."""

    def __init__(self, settings: Settings) -> None:
        import mlflow

        mlflow.set_tracking_uri(settings.tracking_uri)
        mlflow.set_registry_uri(settings.tracking_uri)
        self._client = mlflow.MlflowClient()
        location = str(settings.mlruns / "artifacts")
        self._experiment = self._client.create_experiment("tests", artifact_location=location)

    def add(
        self,
        name: str,
        model: Any,
        example: Any,
        *,
        signed: bool = True,
        trained_on: pd.DataFrame | None = None,
        **tags: str,
    ) -> str:
        """Register a new version of the model and make it champion; returns its number."""
        import mlflow
        from mlflow.models import infer_signature

        with mlflow.start_run(experiment_id=self._experiment), tempfile.TemporaryDirectory() as folder:
            if trained_on is not None:
                trained_on.to_parquet(file := Path(folder) / "training_set.parquet")
                mlflow.log_artifact(str(file))
            # Without the example too: MLflow would tell a signature from it.
            signature = {
                "signature": infer_signature(example, model.predict(example)),
                "input_example": example,
            }
            logged = _log(model, **(signature if signed else {}))
        version = mlflow.register_model(logged.model_uri, name, tags=tags).version
        self._client.set_registered_model_alias(name, "champion", version)
        return str(version)


def _log(model: Any, **described: Any) -> Any:
    import mlflow
    from sentence_transformers import SentenceTransformer

    if isinstance(model, SentenceTransformer):
        return mlflow.sentence_transformers.log_model(model, name="model", **described)
    import skops.io

    types = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    return mlflow.sklearn.log_model(model, name="model", skops_trusted_types=types, **described)
