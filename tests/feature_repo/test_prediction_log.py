"""Predictions and feedback join in Feast, each as it was known at a time; a home without any is no matter."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import FeatureStore

from bookshelf.feature_store import feature_store_config, registry_file
from bookshelf.prediction import FeedbackRecord, PredictionRecord, as_fields, new_id
from bookshelf.prediction_files import Kind, PredictionFiles, schema
from bookshelf.settings import ROOT, Settings
from tests.guide import program_of

AT = datetime(2026, 2, 1, 12, tzinfo=UTC)
JUDGED_AT = AT + timedelta(days=2)


@pytest.fixture
def definitions(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The definitions as Feast imports them in the home of the settings."""
    assert settings.home != Settings.model_fields["home"].default  # nothing is read of the usual home
    monkeypatch.delitem(sys.modules, "feature_repo.prediction_log", raising=False)
    yield importlib.import_module("feature_repo.prediction_log")
    del sys.modules["feature_repo.prediction_log"]


@pytest.fixture
def store(settings: Settings, definitions: ModuleType) -> FeatureStore:
    """A store to which the views were applied before there was any log."""
    config = feature_store_config(settings, mlflow=False)
    registry = registry_file(config)
    assert registry is not None
    registry.parent.mkdir(parents=True)
    store = FeatureStore(config=config)
    store.apply([definitions.prediction, definitions.predictions, definitions.prediction_feedback])
    return store


def put(files: PredictionFiles, kind: Kind, record: PredictionRecord | FeedbackRecord) -> None:
    folder: Path = files.day(kind, record.model, AT.date())
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = [as_fields(record)]
    pq.write_table(pa.Table.from_pylist(rows, schema(kind)), folder / "rows.parquet")


def put_both(settings: Settings) -> str:
    """A prediction and feedback on it, where they lie at last; gives the prediction's id."""
    files, made = PredictionFiles(settings.home), new_id(AT)
    facts: dict[str, Any] = {"version": "3", "run_id": "abc", "inputs": "{}", "answer": "{}", "book_id": 7}
    put(files, "predictions", PredictionRecord(prediction_id=made, at=AT, model="price", value=35.0, **facts))
    told: dict[str, Any] = {"feedback_id": "1", "prediction_id": made, "model": "price", "value": 51.77}
    put(files, "feedback", FeedbackRecord(at=JUDGED_AT, **told))
    return made


def test_feedback_joins_to_predictions_as_it_was_known_then(settings: Settings, store: FeatureStore) -> None:
    made = put_both(settings)
    asked = pd.DataFrame({"prediction_id": [made, made], "when": ["before", "after"]})
    hours = [timedelta(hours=-1), timedelta(hours=1)]
    asked["event_timestamp"] = pd.to_datetime([JUDGED_AT + one for one in hours])
    features = ["predictions:value", "predictions:book_id", "prediction_feedback:value"]
    found = store.get_historical_features(asked, features=features, full_feature_names=True).to_df()
    by_time = found.set_index("when")
    assert by_time["predictions__value"].to_dict() == {"before": 35.0, "after": 35.0}
    assert by_time["predictions__book_id"].to_dict() == {"before": 7, "after": 7}
    assert by_time["prediction_feedback__value"].fillna(0).to_dict() == {"before": 0.0, "after": 51.77}


def test_the_columns_that_feast_is_told_of_are_the_logs(definitions: ModuleType) -> None:
    for view, kind in (
        (definitions.predictions, "predictions"),
        (definitions.prediction_feedback, "feedback"),
    ):
        declared = {field.name for field in view.schema}
        assert declared <= set(schema(kind).names)
        assert not view.online


@pytest.mark.usefixtures("store")
def test_the_guides_snippets_read_the_log(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    made = put_both(settings)
    exec(program_of(ROOT / "docs" / "predictions.md"), {})
    printed = capsys.readouterr().out
    assert "1 16.77" in printed
    assert re.search(r"3 +│ +1 │ +35.0 │", printed)
    assert re.search(rf"{made} .+ 51.77", printed)
