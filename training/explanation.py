"""What a run tells about a fitted model: parameters, scores, data, plots and the model card."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.dataset import Dataset
from mlflow.entities import Run

from training.cards import check_card, with_slices
from training.fitted import Fitted
from training.gates import GATES
from training.slices import slice_table

TRAINING_SET_FILE = "training_set.parquet"
HELD_OUT_FILE = "held_out.parquet"
CARD_FILE = "model_card.md"

#: Column of a training set that is True where a row was kept from the model to judge it by.
HELD_OUT = "held_out"

_DIGEST_LENGTH = 36  # of MLflow's column for it


def log_explanation(client: MlflowClient, run: Run, fitted: Fitted, tags: Mapping[str, str]) -> None:
    """Write everything but the model itself into the active run."""
    # `mlflow run` wrote its parameters into the run it launched, spelled as the user did, and MLflow
    # refuses a second spelling of the same number.
    known = client.get_run(run.info.run_id).data.params
    mlflow.log_params({name: value for name, value in fitted.params.items() if name not in known})
    mlflow.log_metrics(dict(fitted.metrics))
    mlflow.set_tags(dict(tags))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*integer column.*")  # none of ours has a missing one
        mlflow.log_input(_dataset(fitted), context="training")
    for name, figure in fitted.figures.items():
        mlflow.log_figure(figure, f"plots/{name}.png", save_kwargs={"dpi": 130})
    for name, table in fitted.tables.items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
    mlflow.log_text(full_card(fitted), CARD_FILE)
    _log_frame(fitted.dataset, TRAINING_SET_FILE)
    if HELD_OUT in fitted.dataset:
        _log_frame(fitted.dataset[fitted.dataset[HELD_OUT]], HELD_OUT_FILE)


def full_card(fitted: Fitted) -> str:
    """The model's card with how it does on parts of its held-out rows.

    Raises `TrainingError` for one that does not tell everything that is to be told of a version.
    """
    card = fitted.card
    if HELD_OUT in fitted.dataset:
        rows = fitted.dataset[fitted.dataset[HELD_OUT]]
        losses = fitted.held_out_losses(fitted.model)
        card = with_slices(card, slice_table(rows, losses, GATES[fitted.name].loss))
    check_card(card, fitted.dataset_sha256)
    return card


def _log_frame(frame: pd.DataFrame, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        frame.to_parquet(path, index=False)
        mlflow.log_artifact(str(path))


def _dataset(fitted: Fitted) -> Dataset:
    """What MLflow shows of the training set; vectors are left out, for its schema has no place for them."""
    vectors = [column for column, cells in fitted.dataset.items() if _holds_vectors(cells)]
    return mlflow.data.from_pandas(
        fitted.dataset.drop(columns=vectors),
        source=CodeDatasetSource({"source": fitted.dataset_source, "sha256": fitted.dataset_sha256}),
        name=fitted.feature_service or fitted.name,
        digest=fitted.dataset_sha256[:_DIGEST_LENGTH],
    )


def _holds_vectors(cells: pd.Series[Any]) -> bool:
    return cells.dtype == object and any(isinstance(cell, np.ndarray | list) for cell in cells.head(1))
