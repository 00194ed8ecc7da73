"""Models, features and a service small enough to be made for every run of the tests."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from bookshelf.book import Book, ListedBook
from bookshelf.catalogue import Catalogue
from bookshelf.feature_store import feature_store_config, open_feature_store
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from features.layers import LayeredEncoder
from features.price import PriceRegressor
from features.recommender import BookRecommender
from features.sentiment import SentimentClassifier
from features.tabular import book_frame
from serving import follow, service
from serving.appointment import Appointment
from serving.champions import Champion
from serving.online import OnlineFeatures
from serving.wanted_trials import WantedTrial
from tests.conftest import wait_until

TAKEN_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
CATEGORIES = ("Fiction", "Poetry", "Travel")


def a_book(number: int) -> Book:
    """One of a series: the price follows from category and rating, so that there is something to learn."""
    category, rating = CATEGORIES[number % 3], number % 5 + 1
    return Book(
        upc=f"upc{number:04}",
        title=f"Book number {number}",
        price=Decimal(10 + 5 * rating + 10 * (number % 3)),
        rating=rating,
        availability="In stock" if number % 4 else "Out of stock",
        stock=number % 4,
        category=category,
        image="https://shop.example/image.jpg",
        thumbnail="https://shop.example/thumbnail.jpg",
        description="" if number == 1 else _a_text(number),
        url=f"https://shop.example/{number}",
    )


def _a_text(number: int) -> str:
    """Words that no other book has, so that no two are taken for one work."""
    letters = np.random.default_rng(number).choice(list("abdegilmnorstu"), size=(12, 6))
    return f"A story in letters of {' '.join(''.join(word) for word in letters)} and the sea."


@pytest.fixture(scope="session")
def listed() -> list[ListedBook]:
    return [ListedBook(number, "https://shop.example/", a_book(number)) for number in range(1, 61)]


@pytest.fixture(scope="session")
def price_model(listed: Sequence[ListedBook]) -> PriceRegressor:
    frame = book_frame(listed, TAKEN_AT, TAKEN_AT).astype({"rating": "float64", "stock": "float64"})
    return PriceRegressor("ridge", alpha=0.1).fit(frame, frame[schema.LABEL].to_numpy())


def settings_in(folder: Path) -> Settings:
    """Settings whose every store lies in the folder, whatever the environment of the tests names."""
    inside = Settings(home=folder / "var", mlruns=folder / "mlruns")
    return inside.model_copy(update={"mlflow_tracking_uri": "", "database_url": ""})


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, listed: Sequence[ListedBook]) -> Settings:
    """A home whose catalogue has the books and one more that is not published to its online store."""
    folder: Path = tmp_path_factory.mktemp("serving")
    settings = settings_in(folder)
    offered = [*(one.book for one in listed), a_book(len(listed) + 1)]
    Catalogue.open(settings.catalogue_url).publish(offered, "https://shop.example/", TAKEN_AT)
    _publish_online(settings, book_frame(listed, TAKEN_AT, TAKEN_AT))
    return settings


@pytest.fixture
def online(home: Settings) -> OnlineFeatures:
    return OnlineFeatures(lambda: open_feature_store(home, mlflow=False))


@pytest.fixture(scope="session")
def recommender_model(listed: Sequence[ListedBook]) -> BookRecommender:
    frame = book_frame(listed, TAKEN_AT, TAKEN_AT)
    vectors = np.random.default_rng(0).normal(size=(len(frame), 384))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return BookRecommender().fit(frame, unit)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder.load()


@pytest.fixture(scope="session")
def sentiment_model(encoder: Encoder) -> SentimentClassifier:
    texts = {
        "negative": ("A dull and clumsy book, a waste of time.", "I hated every tedious page of this novel."),
        "neutral": (
            "The book has twelve chapters and an index.",
            "It was first printed in the spring of 1990.",
        ),
        "positive": ("A wonderful book, warm and funny.", "I loved every page of this delightful novel."),
    }
    labels = [label for label, many in texts.items() for _ in many]
    flat = [text for many in texts.values() for text in many]
    return SentimentClassifier(C=1.0).fit(flat, LayeredEncoder.over(encoder).embed(flat), labels)


@pytest.fixture(scope="session")
def champions(
    price_model: PriceRegressor, recommender_model: Any, sentiment_model: Any, encoder: Encoder
) -> dict[str, Champion]:
    """One version of each model, as the registry would give it."""
    return {
        "price": Champion("price", "3", "run-of-price", price_model, {"informative": "true"}),
        "recommender": Champion("recommender", "5", "run-of-recommender", recommender_model, {}, encoder),
        "sentiment": Champion("sentiment", "8", "run-of-sentiment", sentiment_model, {}, encoder),
    }


class KnownChampions:
    """In the place of the registry: champions that need not be registered."""

    def __init__(self, champions: dict[str, Champion]) -> None:
        self.champions = champions
        self.challengers: dict[str, Champion] = {}
        self.trials: dict[str, WantedTrial] = {}

    def appointed(self, name: str) -> Appointment:
        return self.champions[name].appointment

    def on_trial(self, name: str) -> WantedTrial | None:
        return self.trials.get(name)

    def champion(self, appointed: Appointment, **_beside: bool) -> Champion:
        return self.challengers.get(appointed.version, self.champions[appointed.name])

    def note_on_duty(self, champion: Champion, at: str) -> None:
        """There is nobody to tell."""


@pytest.fixture(scope="module")
def registry(champions: dict[str, Champion]) -> KnownChampions:
    """What `client` has in the place of the registry."""
    return KnownChampions(champions)


@pytest.fixture(scope="module")
def client(home: Settings, registry: KnownChampions) -> Iterator[TestClient]:
    """The service over HTTP in this process, with those champions and that home.

    Of a module and not of the session: what is patched must not be there for other files' tests.
    """
    bento: Any = service.Bookshelf
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "load_settings", lambda: home)
        patch.setattr(service, "Registry", lambda _settings, _loader: registry)
        patch.setattr(follow, "LOOK_EVERY_SECONDS", 0.05)
        # The worker of a real server shares its counts by files, in a folder that BentoML names.
        patch.setitem(bento.config, "metrics", {"enabled": False})
        with TestClient(bento.to_asgi()) as ready:
            wait_until(lambda: ready.get("/readyz").status_code == 200)
            yield ready
    # The service settles the heap of a process of its own; this one is shared with other tests.
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)


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
        self._uri = settings.tracking_uri
        self._client = self._own_mlflow().MlflowClient()
        location = str(settings.mlruns / "artifacts")
        self._experiment = self._client.create_experiment("tests", artifact_location=location)

    def add(
        self,
        name: str,
        model: Any,
        example: Any,
        *,
        trained_on: pd.DataFrame | None = None,
        champion: bool = True,
        **tags: str,
    ) -> str:
        """Register a new version of the model and make it champion unless told not to; returns its number.

        Its signature is told from the example; without one (None) it has no signature.
        """
        mlflow = self._own_mlflow()
        with mlflow.start_run(experiment_id=self._experiment), tempfile.TemporaryDirectory() as folder:
            if trained_on is not None:
                file = Path(folder) / "training_set.parquet"
                trained_on.to_parquet(file)
                mlflow.log_artifact(str(file))
            logged = _log(model, example)
        version = mlflow.register_model(logged.model_uri, name, tags=tags).version
        if champion:
            self.appoint(name, version)
        return str(version)

    def appoint(self, name: str, version: str) -> None:
        """Make that version the champion, as somebody would by hand."""
        self._client.set_registered_model_alias(name, "champion", version)

    def tags(self, name: str, version: str) -> dict[str, str]:
        """What is noted at a version."""
        return dict(self._client.get_model_version(name, version).tags)

    def demote(self, name: str) -> None:
        """Leave the model without a champion."""
        self._client.delete_registered_model_alias(name, "champion")

    def delete(self, name: str, version: str) -> None:
        """Delete a version."""
        self._client.delete_model_version(name, version)

    def add_files(self, name: str, version: str, folder: Path, under: str) -> None:
        """Put the folder's files beside those of a version, under that name."""
        model_id = self._client.get_model_version(name, version).source.rpartition("/")[2]
        self._own_mlflow().MlflowClient().log_model_artifacts(model_id, str(folder), under)

    def file(self, name: str, version: str, path: str) -> Path:
        """One file of a version, where the registry keeps it."""
        mlflow = self._own_mlflow()
        return Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}")) / path

    def _own_mlflow(self) -> Any:
        """MLflow, turned to this registry: what is under test turns it to others."""
        import mlflow

        mlflow.set_tracking_uri(self._uri)
        mlflow.set_registry_uri(self._uri)
        return mlflow


def _log(model: Any, example: Any) -> Any:
    import mlflow
    import skops.io
    from mlflow.models import infer_signature
    from sentence_transformers import SentenceTransformer

    if isinstance(model, SentenceTransformer):
        signature = infer_signature(example, model.encode(example))
        return mlflow.sentence_transformers.log_model(
            model, name="model", signature=signature, pip_requirements=[]
        )
    signature = None if example is None else infer_signature(example, model.predict(example))
    return mlflow.sklearn.log_model(
        model,
        name="model",
        signature=signature,
        input_example=example,
        pip_requirements=[],
        skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(model)),
    )


@pytest.fixture(scope="module")
def other_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with nothing in it."""
    return settings_in(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def registry_writer() -> type[RegistryWriter]:
    return RegistryWriter
