"""Comparing a trial: the prediction log in, an MLflow run with every number out."""

from __future__ import annotations

from datetime import datetime, timedelta

import mlflow

from bookshelf.contracts import ModelName
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import Settings
from training.runs import model_run, tracking_client
from training.trial_log import read_trial
from training.trial_report import TrialReport, report

EXPERIMENT = "trials"


def compare(
    settings: Settings, name: ModelName, at: datetime, days: int | None = None, version: str | None = None
) -> tuple[TrialReport, str]:
    """The trial in numbers, of the last `days` until `at` or of all there is, and the id of its run.

    Raises `TrainingError` where nothing was tried.
    """
    since = None if days is None else (at - timedelta(days=days - 1)).date()
    found = report(read_trial(PredictionFiles(settings.home), name, version, since))
    with model_run(tracking_client(settings), settings, EXPERIMENT) as run:
        told = {"model": name, "champion": found.champion, "challenger": found.challenger}
        mlflow.log_params(told | {"days": "all" if days is None else days})
        mlflow.log_metrics(found.metrics())
        mlflow.log_text(str(found), "comparison.txt")
        mlflow.log_dict(found.as_json(), "comparison.json")
    return found, str(run.info.run_id)
