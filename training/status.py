"""What the registry holds now: the newest version of each model, and the one on duty."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from bookshelf.contracts import MODEL_NAMES, ModelStatus
from bookshelf.settings import Settings
from training.aliases import CHAMPION
from training.runs import tracking_client
from training.servable import why_unservable


def model_statuses(settings: Settings) -> list[ModelStatus]:
    """The status of each model that has a version; one that no training of ours registered is left out."""
    client = tracking_client(settings)
    newest = ((name, _newest(client, name)) for name in MODEL_NAMES)
    return [_status(client, name, version) for name, version in newest if version is not None]


def _newest(client: MlflowClient, name: str) -> ModelVersion | None:
    found = client.search_model_versions(f"name='{name}'")
    versions = [version for version in found if "metric" in version.tags]
    return max(versions, key=lambda version: int(version.version), default=None)


def _status(client: MlflowClient, name: str, version: ModelVersion) -> ModelStatus:
    tags = version.tags
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    return ModelStatus(
        name=name,
        version=str(version.version),
        metric=tags["metric"],
        unit=tags["unit"],
        score=float(tags["score"]),
        baseline=float(tags["baseline"]),
        informative=tags["informative"] == "true" if "informative" in tags else None,
        promotion=tags.get("promotion", ""),
        champion=None if champion is None else str(champion),
        source=tags.get("source"),
        feature_service=tags.get("feature_service"),
        snapshot_id=int(tags["snapshot_id"]) if tags.get("snapshot_id") else None,
        unservable=why_unservable(version),
    )
