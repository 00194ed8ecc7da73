"""The trial that is on, out of a real registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bookshelf.errors import ModelUnavailable
from bookshelf.trial import TRIAL_TAG
from serving.champions import Registry
from serving.wanted_trials import WantedTrial
from tests.serving.conftest import settings_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trials")


@pytest.fixture(scope="module")
def mlflow_client(folder: Path) -> Any:
    """A registry with two versions of a model that is not there; the second is the challenger."""
    import mlflow

    client = mlflow.MlflowClient(settings_in(folder).tracking_uri)
    client.create_registered_model("price")
    for number in ("1", "2"):
        client.create_model_version("price", "file:///nowhere", run_id=None, tags={"number": number})
    client.set_registered_model_alias("price", "challenger", "2")
    return client


def wanted(folder: Path, client: Any, tag: str | None) -> WantedTrial | None:
    if tag is None:
        client.delete_registered_model_tag("price", TRIAL_TAG)
    else:
        client.set_registered_model_tag("price", TRIAL_TAG, tag)
    return Registry(settings_in(folder)).on_trial("price")


def test_without_a_tag_or_a_share_nothing_is_on_trial(folder: Path, mlflow_client: Any) -> None:
    registry = Registry(settings_in(folder))
    assert registry.on_trial("price") is None
    assert registry.on_trial("sentiment") is None  # never registered
    assert wanted(folder, mlflow_client, '{"version": "1", "shadow": 0, "share": 0}') is None
    assert wanted(folder, mlflow_client, None) is None


@pytest.mark.parametrize(
    ("tag", "version"), [('{"version": "1", "shadow": 0.5}', "1"), ('{"shadow": 0.5}', "2")]
)
def test_the_version_that_is_named_is_tried_or_else_the_challenger(
    folder: Path, mlflow_client: Any, tag: str, version: str
) -> None:
    found = wanted(folder, mlflow_client, tag)
    assert found is not None
    assert found.version is not None
    assert (found.version.version, found.version.tags["number"]) == (version, version)
    assert (found.trial.shadow, found.trial.share, found.reason) == (0.5, 0.0, None)


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("rubbish", "cannot be read"),
        ('{"share": 7}', "share: must be less than or equal to 1"),
        ('{"share": 1, "shares": 1}', "shares: is not known here"),
        ('{"version": "9", "share": 1}', "price has no version 9"),
        ('{"version": "newest", "share": 1}', "version: must match"),
    ],
)
def test_a_trial_that_cannot_be_says_why(folder: Path, mlflow_client: Any, tag: str, reason: str) -> None:
    found = wanted(folder, mlflow_client, tag)
    assert found is not None
    assert found.version is None
    assert reason in str(found.reason)


def test_without_a_challenger_there_is_none_to_try(folder: Path, mlflow_client: Any) -> None:
    mlflow_client.delete_registered_model_alias("price", "challenger")
    found = wanted(folder, mlflow_client, '{"share": 1}')
    assert found is not None
    assert found.reason == "no version of price is challenger"


def test_a_registry_that_is_away_is_unavailable(tmp_path: Path) -> None:
    away = settings_in(tmp_path).model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(ModelUnavailable, match="the trial of price"):
            Registry(away).on_trial("price")
