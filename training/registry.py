"""Fitted models into MLflow: a run that explains each, and a registered version that can be served."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

import mlflow
import skops.io
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature, infer_signature
from mlflow.models.model import ModelInfo
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS, MLFLOW_RUN_NAME

from bookshelf.contracts import ENCODER_FORM, ENCODER_NAME
from bookshelf.errors import TrainingError
from bookshelf.settings import ROOT, Settings
from features.embedding import Encoder
from features.onnx_export import NotExported, exported
from training.aliases import CHALLENGER, CHAMPION
from training.explanation import log_explanation
from training.fitted import Fitted
from training.runs import model_run, tracking_client

log = logging.getLogger(__name__)

FINGERPRINT_TAG = "encoder_fingerprint"

# skops builds no object of a type that nobody vouches for. We vouch for our own and our libraries'.
_TRUSTED = ("features.", "sklearn.", "scipy.", "numpy.")
# Logged with each model, so that it loads where ours is not installed; `features` needs `bookshelf.book`.
_LOGGED_CODE = ("features", "bookshelf")
_DESCRIPTIONS = {
    "price": "Price of a book, in the currency it learnt from, with an interval, from its fields and text.",
    "recommender": "The books most like one book, by description, category and words.",
    "sentiment": "Tone of a description: negative, neutral or positive, and a score from -1 to 1.",
    ENCODER_NAME: "The sentence encoder whose vectors the recommender and the sentiment model read.",
}


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version in the model registry, and the run that made it."""

    name: str
    version: str
    run_id: str


def register(fitted: Fitted, settings: Settings) -> RegisteredVersion:
    """Log a run with everything about the model and make it the newest version of its registered model,
    and its challenger.

    Raises `TrainingError`, and leaves a failed run but no version, if the model's signature cannot be
    told from its input example or its file would hold types that are not ours or our libraries'.
    """
    client = tracking_client(settings)
    tags = _version_tags(fitted)
    if FINGERPRINT_TAG in tags and "encoder_version" not in tags:
        tags["encoder_version"] = ensure_encoder(settings)
    with model_run(client, settings, fitted.name) as run:
        log_explanation(client, run, fitted, tags)
        info = _log_model(fitted)
        number = _create_version(client, fitted.name, info, tags, describe(fitted))
        client.set_registered_model_alias(fitted.name, CHALLENGER, number)
        client.set_tag(run.info.run_id, MLFLOW_RUN_NAME, f"{fitted.name} v{number}")
    return RegisteredVersion(fitted.name, number, run.info.run_id)


def load_version(name: str, version: str) -> Any:
    """The estimator of a registered version, by the code of this process and not the copy logged with it."""
    with _own_code():
        return mlflow.sklearn.load_model(f"models:/{name}/{version}")


def ensure_encoder(settings: Settings) -> str:
    """Version of the registered encoder with the weights of `settings.encoder`, which becomes champion.

    Weights that the registry has are not logged again, however many ask at once.
    """
    encoder = Encoder.load(settings.encoder)
    client = tracking_client(settings)
    settings.mlruns.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.mlruns.resolve() / "encoder.lock"):
        number = _encoder_version(client, encoder.fingerprint)
        if number is None:
            number = _log_encoder(client, settings, encoder)
        _log_form(client, settings, encoder, number)
        client.set_registered_model_alias(ENCODER_NAME, CHAMPION, number)
    return number


def describe(fitted: Fitted) -> str:
    """One line for the registry: the score with its unit beside the baseline's."""
    score = fitted.score
    line = f"{score.metric} {score.value:.4g} {score.unit}, baseline {score.baseline:.4g} {score.unit}"
    return line if fitted.informative is not False else f"Uninformative: {line}; answers a constant."


def _version_tags(fitted: Fitted) -> dict[str, str]:
    score = fitted.score
    tags = {
        "metric": score.metric,
        "unit": score.unit,
        "score": repr(float(score.value)),
        "baseline": repr(float(score.baseline)),
        "higher_is_better": str(score.higher_is_better).lower(),
        "dataset_sha256": fitted.dataset_sha256,
        **fitted.tags,
    }
    if fitted.feature_service:
        tags["feature_service"] = fitted.feature_service
    if fitted.informative is not None:
        tags["informative"] = str(fitted.informative).lower()
    return tags


def _log_model(fitted: Fitted) -> ModelInfo:
    with _own_code():  # MLflow loads the model once, to try its input example
        return mlflow.sklearn.log_model(
            fitted.model,
            name="model",
            signature=_signature(fitted),
            input_example=fitted.input_example,
            skops_trusted_types=_trusted_types(fitted),
            code_paths=[str(ROOT / folder) for folder in _LOGGED_CODE],
            pip_requirements=_requirements(fitted.model),
        )


@contextmanager
def _own_code() -> Iterator[None]:
    """Take off `sys.path` what MLflow puts there: the folder of the code that was logged with a model."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


def _signature(fitted: Fitted) -> ModelSignature:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*integer column.*")  # ids are never missing
        signature = infer_signature(fitted.input_example, fitted.model.predict(fitted.input_example))
    if signature is None or signature.inputs is None or signature.outputs is None:
        raise TrainingError(f"model {fitted.name!r} has no signature: MLflow cannot tell it from the example")
    return signature


def _trusted_types(fitted: Fitted) -> list[str]:
    found: list[str] = skops.io.get_untrusted_types(data=skops.io.dumps(fitted.model))
    if strangers := [name for name in found if not name.startswith(_TRUSTED)]:
        raise TrainingError(f"model {fitted.name!r} holds types that nobody vouches for: {strangers}")
    return found


def _create_version(
    client: MlflowClient, name: str, info: ModelInfo, tags: Mapping[str, str], description: str
) -> str:
    """Number of a new version of the registered model, which is made if it is missing."""
    try:
        client.create_registered_model(name, description=_DESCRIPTIONS.get(name))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    created = client.create_model_version(
        name,
        source=info.model_uri,
        run_id=info.run_id,
        tags=dict(tags),
        description=description,
        model_id=info.model_id,
    )
    # What `mlflow.register_model` notes too: the page of the logged model links to its versions.
    links = json.dumps([{"name": name, "version": created.version}])
    client.set_logged_model_tags(info.model_id, {MLFLOW_MODEL_VERSIONS: links})
    return str(created.version)


def _requirements(model: Any) -> list[str]:
    """What must be installed where it is loaded, as it is installed here."""
    every = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")
    return _pinned(*every, *getattr(model, "libraries", ()))


def _pinned(*packages: str) -> list[str]:
    return [f"{package}=={installed(package)}" for package in packages]


def _encoder_version(client: MlflowClient, fingerprint: str) -> str | None:
    versions = client.search_model_versions(f"name='{ENCODER_NAME}'")
    return next((str(one.version) for one in versions if one.tags.get(FINGERPRINT_TAG) == fingerprint), None)


def _log_encoder(client: MlflowClient, settings: Settings, encoder: Encoder) -> str:
    from transformers.utils import logging  # seconds of imports, for a process that logs the weights

    logging.disable_progress_bar()  # bars for a second of writing and reading
    example = ["A gentle story about a lighthouse keeper."]
    tags = {FINGERPRINT_TAG: encoder.fingerprint, "dimensions": str(encoder.dimensions)}
    with model_run(client, settings, ENCODER_NAME):
        mlflow.log_params({"encoder": settings.encoder, "dimensions": encoder.dimensions})
        info = mlflow.sentence_transformers.log_model(
            encoder.model,
            name="model",
            signature=infer_signature(example, encoder.embed(example)),
            input_example=example,
            pip_requirements=_pinned("mlflow", "sentence-transformers", "torch"),
        )
        return _create_version(client, ENCODER_NAME, info, tags, f"{settings.encoder}, as installed")


def _log_form(client: MlflowClient, settings: Settings, encoder: Encoder, number: str) -> None:
    """Put the form in which the encoder is served beside its weights, unless it lies there or has none."""
    # The registry keeps no id of the logged model but in this address.
    model_id = client.get_model_version(ENCODER_NAME, number).source.rpartition("/")[2]
    if any(one.path == ENCODER_FORM for one in client.list_logged_model_artifacts(model_id)):
        return
    try:
        folder = exported(encoder.network, settings.encoders)
    except NotExported as error:
        log.warning("the encoder is registered without a faster form: %s", error)
        return
    client.log_model_artifacts(model_id, str(folder), ENCODER_FORM)
