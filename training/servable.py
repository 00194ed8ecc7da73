"""Whether this code can still serve a version that another may have registered."""

from __future__ import annotations

from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model

from training.registry import load_version


def why_unservable(version: ModelVersion) -> str | None:
    """Why not: it does not load, or does not answer its own input example; None if it does both."""
    try:
        model = load_version(version.name, version.version)
        uri = f"models:/{version.name}/{version.version}"
        model.predict(Model.load(uri).load_input_example(uri))
    # Whatever a file, or a model of an older make, raises that is not what it should be.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return None
