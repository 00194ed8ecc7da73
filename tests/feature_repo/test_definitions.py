"""What Feast is told equals the schema, and the store opens where the settings say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from feast.repo_config import load_repo_config

from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import REPOSITORY, feature_store_config, open_feature_store, registry_file
from bookshelf.settings import ROOT, Settings
from features import schema


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The definitions as Feast imports them where BOOKSHELF_HOME is set."""
    monkeypatch.setenv("BOOKSHELF_HOME", str(tmp_path / "var"))
    monkeypatch.delitem(sys.modules, "feature_repo.definitions", raising=False)
    yield importlib.import_module("feature_repo.definitions")
    del sys.modules["feature_repo.definitions"]


def test_every_view_of_the_schema_is_defined_with_its_features_and_types(definitions: ModuleType) -> None:
    types = {
        "text": "String",
        "count": "Int64",
        "number": "Float64",
        "amount": "Float64",
        "vector": "Array(Float32)",
    }
    for name, features in schema.VIEWS.items():
        view = getattr(definitions, name)
        assert view.name == name
        declared = {field.name: str(field.dtype) for field in view.features}
        assert declared == {feature: types[kind] for feature, kind in features.items()}
        assert [column.name for column in view.entity_columns] == [schema.JOIN_KEY]


def test_every_service_of_the_schema_is_defined_with_its_features(definitions: ModuleType) -> None:
    for name, views in schema.SERVICES.items():
        service = getattr(definitions, name)
        assert service.name == name
        chosen = {
            part.name: tuple(field.name for field in part.features)
            for part in service.feature_view_projections
        }
        assert chosen == views


def test_rows_are_read_from_every_file_in_the_homes_folder(definitions: ModuleType) -> None:
    offline = Settings().offline_store
    for name in schema.VIEWS:
        assert getattr(definitions, name).batch_source.path == str(offline / name / "*.parquet")


def test_the_repository_keeps_its_state_in_var_and_leaves_the_mlflow_backend_to_the_environment() -> None:
    told = load_repo_config(REPOSITORY, REPOSITORY / "feature_store.yaml")
    assert told.offline_store.type == "duckdb"
    assert told.mlflow_config == {"enabled": True}
    for path in (told.registry.path, told.online_store.path):
        assert (REPOSITORY / path).resolve().parent == (ROOT / "var" / "feast").resolve()


def test_the_stores_follow_the_home(settings: Settings) -> None:
    config = feature_store_config(settings, mlflow=True)
    home = settings.home.resolve() / "feast"
    assert registry_file(config) == home / "registry.db"
    assert config.online_store.path == str(home / "online.db")
    assert config.mlflow.tracking_uri == settings.tracking_uri


def test_in_the_usual_home_paths_are_spelled_as_plain_feast_spells_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BOOKSHELF_HOME", raising=False)
    config = feature_store_config(Settings(), mlflow=False)
    assert config.online_store.path == "../var/feast/online.db"
    assert not config.mlflow.enabled


@pytest.mark.slow
def test_torch_is_imported_only_where_tensors_are_asked_for() -> None:
    code = """
import sys
from bookshelf.feature_store import feature_store_config
from bookshelf.settings import Settings
feature_store_config(Settings(), mlflow=False)
import feast.feature_store, feast.repo_operations
from feast.online_response import get_torch
print("torch" in sys.modules, get_torch() is sys.modules["torch"])
"""
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "False True\n"


def test_a_home_without_features_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="python -m ingestion publish"):
        open_feature_store(settings, mlflow=False)
