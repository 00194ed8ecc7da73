"""Feast's store as `feature_repo/feature_store.yaml` describes it, in the home that the settings name."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bookshelf.errors import FeatureStoreError
from bookshelf.settings import ROOT, Settings

if TYPE_CHECKING:
    from feast import FeatureStore, RepoConfig

REPOSITORY = ROOT / "feature_repo"

_LOCK_WAIT_MS = 30_000


def open_feature_store(settings: Settings, *, mlflow: bool = True) -> FeatureStore:
    """The store that was last published to; each caller gets its own.

    With `mlflow`, a retrieval is tagged on the active MLflow run, in the backend that the settings name.
    Raises `FeatureStoreError` where nothing was ever published.
    """
    config = feature_store_config(settings, mlflow=mlflow)
    registry = registry_file(config)
    # Feast would make an empty registry and say later that no view was found.
    if registry is not None and not registry.exists():
        raise FeatureStoreError(
            f"no features were published to {settings.home}: run `python -m ingestion publish`"
        )
    return store_of(config)


def feature_store_config(settings: Settings, *, mlflow: bool) -> RepoConfig:
    """The repository's configuration, with every path under `../var` moved to the settings' home."""
    _leave_torch_out_of_feast()
    from feast.repo_config import load_repo_config  # seconds of imports, for those who open a store

    config = load_repo_config(REPOSITORY, REPOSITORY / "feature_store.yaml")
    for part in ("registry_config", "online_config", "offline_config"):
        setattr(config, part, _moved(getattr(config, part), settings.home))
    told = config.mlflow_config or {}
    config.mlflow_config = (
        {"tracking_uri": settings.tracking_uri, **told} if mlflow else {**told, "enabled": False}
    )
    return config


def store_of(config: RepoConfig) -> FeatureStore:
    """The store of that configuration; readers of a SQLite online store do not wait for its writer."""
    from feast import FeatureStore

    store = FeatureStore(repo_path=str(REPOSITORY), config=config)
    if config.online_store.type == "sqlite":
        connection = store._get_provider().online_store._get_conn(config)
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")  # Feast leaves it at 5 seconds
        connection.execute("PRAGMA journal_mode = WAL")
    return store


def _leave_torch_out_of_feast() -> None:
    """Have Feast import torch only when it is asked for tensors.

    Feast's own module of this name does so at once, which is half of the time that Feast's import takes.
    """
    if "feast" not in sys.modules:
        lazy = ModuleType("feast.torch_wrapper")
        lazy.__dict__["get_torch"] = lambda: import_module("torch")
        sys.modules[lazy.__name__] = lazy


def registry_file(config: RepoConfig) -> Path | None:
    """The file of a registry kept in a file; None for one kept elsewhere."""
    path: str = config.registry.path
    return None if "://" in path else REPOSITORY / path


def _moved(described: Any, home: Path) -> Any:
    """`described` with the home in place of `../var`, left as it is written where they are the same.

    As written, because Feast takes another spelling of the online store's path for another store, and
    drops the tables of the first when it next applies.
    """
    usual = (REPOSITORY / "../var").resolve()
    if isinstance(described, dict):
        return {key: _moved(value, home) for key, value in described.items()}
    if not isinstance(described, str) or home.resolve() == usual:
        return described
    target = (REPOSITORY / described).resolve()
    return str(home.resolve() / target.relative_to(usual)) if target.is_relative_to(usual) else described
