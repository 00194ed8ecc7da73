"""The champions: the versions that the registry names `champion`, loaded, checked and warmed up.

This is the only reader of the registry. Nothing is asked of it but aliases, versions and artifacts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bookshelf.contracts import ENCODER_NAME, ModelName, ModelRef, ServedModel
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.settings import Settings

# MLflow takes seconds to import and is needed when models are loaded, not when the service is declared.
if TYPE_CHECKING:
    from mlflow import MlflowClient

    from features.embedding import Encoder

ALIAS = "champion"
TRAINING_SET = "training_set.parquet"

_FINGERPRINT_TAG = "encoder_fingerprint"
_READ_VECTORS_OF_TEXTS: frozenset[ModelName] = frozenset({"recommender", "sentiment"})


@dataclass(frozen=True)
class Champion:
    """One model on duty, under the version number that was loaded, ready to answer.

    `tags` are the version's. `encoder` makes the vectors that the model reads; None if it reads none.
    """

    name: ModelName
    version: str
    run_id: str
    model: Any
    tags: Mapping[str, str]
    encoder: Encoder | None = None

    @cached_property
    def ref(self) -> ModelRef:
        return ModelRef(name=self.name, version=self.version)

    @property
    def served(self) -> ServedModel:
        informative = self.tags.get("informative")
        return ServedModel(
            name=self.name,
            version=self.version,
            run_id=self.run_id,
            informative=None if informative is None else informative == "true",
        )


class Registry:
    """MLflow's model registry as serving needs it. What cannot be had raises `ModelUnavailable`."""

    def __init__(self, settings: Settings) -> None:
        self._uri = settings.tracking_uri
        # One copy of the weights, however many models and versions read its vectors.
        self._encoder = cache(self._load_encoder)
        self._training_set = cache(self._fetch_training_set)

    def champion(self, name: ModelName) -> Champion:
        """The version that is champion now, loaded by its number, so that the number told is the one used."""
        with _reading(f"the champion of {name}"):
            version, run_id, tags = self._resolve(name)
        with _reading(f"{name} version {version}"):
            model = self._load(name, version)
            encoder = self._encoder_of(name, version, tags) if name in _READ_VECTORS_OF_TEXTS else None
        return Champion(name, version, run_id, model, tags, encoder)

    def training_set(self, champion: Champion) -> Path:
        """Local file with the rows the champion was trained on. Raises `NotFound` if its run has none."""
        with _reading(f"the training set of {champion.name} version {champion.version}"):
            if (path := self._training_set(champion.run_id)) is not None:
                return path
        raise NotFound("model", f"{champion.name} version {champion.version} has no {TRAINING_SET}")

    @cached_property
    def _client(self) -> MlflowClient:
        import mlflow

        # For the whole process, because MLflow resolves `models:` addresses there whatever a call names.
        mlflow.set_tracking_uri(self._uri)
        mlflow.set_registry_uri(self._uri)
        return mlflow.MlflowClient()

    def _resolve(self, name: ModelName) -> tuple[str, str, dict[str, str]]:
        """Version number, run id and tags of the champion."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(name, ALIAS)
        except MlflowException as error:
            # A name that was never registered, and one without this alias.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise ModelUnavailable(f"no version of {name} is {ALIAS}: promote one") from error
            raise
        return str(found.version), str(found.run_id), dict(found.tags)

    def _load(self, name: str, version: str) -> Any:
        """The estimator of that version, once it has answered its own input example."""
        import mlflow.sklearn

        folder, example = self._fetch(name, version)
        with _without_logged_code():
            model = mlflow.sklearn.load_model(folder)
        if example is not None:
            model.predict(example)  # a model that fails here would fail every caller; it also warms it up
        return model

    def _encoder_of(self, name: str, version: str, tags: Mapping[str, str]) -> Encoder:
        """The encoder that the version was trained with. Vectors of other weights would pass for its own."""
        number = tags.get("encoder_version")
        if number is None:
            raise ModelUnavailable(f"{name} version {version} has no tag encoder_version")
        encoder = self._encoder(number)
        if tags.get(_FINGERPRINT_TAG, encoder.fingerprint) != encoder.fingerprint:
            raise ModelUnavailable(
                f"{name} version {version} was not trained with encoder version {number}, which its tag names"
            )
        return encoder

    def _load_encoder(self, number: str) -> Encoder:
        import mlflow.sentence_transformers

        from features.embedding import Encoder

        folder, _ = self._fetch(ENCODER_NAME, number)
        with _without_logged_code():
            encoder = Encoder.of(mlflow.sentence_transformers.load_model(folder))
        encoder.embed(["A short text.", "A longer text, so that a second shape is seen. " * 40])
        return encoder

    def _fetch(self, name: str, version: str) -> tuple[str, Any]:
        """Local folder of the version, and its input example or None. Refuses one without a signature."""
        import mlflow
        from mlflow.models import Model

        folder = mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{version}")
        description = Model.load(folder)
        if description.signature is None:
            raise ModelUnavailable(f"{name} version {version} has no signature")
        return folder, description.load_input_example(folder)

    def _fetch_training_set(self, run_id: str) -> Path | None:
        import mlflow

        if TRAINING_SET not in {artifact.path for artifact in self._client.list_artifacts(run_id)}:
            return None
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=TRAINING_SET))


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Translate whatever goes wrong while something is read from the registry into a reason to refuse it."""
    try:
        yield
    except ModelUnavailable:
        raise
    # A store, its driver or the file of a model can raise anything, and one that is broken must not
    # take the others off duty.
    except Exception as error:
        raise ModelUnavailable(f"{what} cannot be served: {type(error).__name__}: {error}") from error


@contextmanager
def _without_logged_code() -> Iterator[None]:
    """Keep the copy of our code that is logged with a model, for machines without it, off `sys.path`."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path = before
