"""The two tables that drift lies between: what a champion has learnt from, and what is on offer now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from bookshelf.catalogue import Catalogue
from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from features import schema
from training.aliases import CHAMPION
from training.dataset import TrainingSet, load_training_set
from training.duty import Duty
from training.explanation import TRAINING_SET_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The version on duty; `source` is the one whose books it learnt from as of `learnt_at`, "" all.

    `service` has the features that it reads of a book. A model that learnt from a corpus is compared by
    the books that were on offer when it learnt.
    """

    name: str
    version: str
    run_id: str
    tags: dict[str, str]
    source: str
    service: str
    learnt_at: datetime


def champion(duty: Duty, catalogue: Catalogue, name: str) -> Champion | None:
    """The version on duty, None if there is none."""
    number = duty.aliases(name).get(CHAMPION)
    if number is None:
        return None
    found = duty.client.get_model_version(name, number)
    return Champion(
        name=name,
        version=str(found.version),
        run_id=found.run_id,
        tags=dict(found.tags),
        source=found.tags.get("source", ""),
        service=found.tags.get("feature_service", schema.SENTIMENT_SERVICE),
        learnt_at=_learnt_at(duty.client, catalogue, found),
    )


def offered_rows(settings: Settings, of: Champion, as_of: datetime) -> pd.DataFrame:
    """The features of every book on offer then, `book_id` in front, as a training would read them."""
    return _table(load_training_set(settings, of.service, as_of, of.source or None))


def learnt_rows(settings: Settings, of: Champion) -> pd.DataFrame:
    """What the champion has learnt from, as its run has logged it, `book_id` in front.

    A feature that was not logged is read from the store as of then; so are all of a model that learnt
    from a corpus. Raises `TrainingError` if the log is gone, or the store knows other books of then.
    """
    wanted = [feature for view in schema.SERVICES[of.service].values() for feature in view]
    logged = _logged(of)
    if schema.JOIN_KEY not in logged.columns:
        return offered_rows(settings, of, of.learnt_at)
    if not set(wanted) - set(logged.columns):
        return logged
    stored = offered_rows(settings, of, of.learnt_at).set_index(schema.JOIN_KEY)
    ids = logged[schema.JOIN_KEY]
    if not ids.isin(stored.index).all():
        raise TrainingError(
            f"the feature store no longer knows the books that {of.name} version {of.version} learnt from"
        )
    missing = [feature for feature in wanted if feature not in logged.columns]
    return logged.assign(**{feature: stored.loc[ids, feature].to_numpy() for feature in missing})


def _logged(of: Champion) -> pd.DataFrame:
    try:
        path = mlflow.artifacts.download_artifacts(run_id=of.run_id, artifact_path=TRAINING_SET_FILE)
    except (MlflowException, OSError) as error:
        raise TrainingError(f"{of.name} version {of.version} has no {TRAINING_SET_FILE}") from error
    return pd.read_parquet(Path(path))


def _table(data: TrainingSet) -> pd.DataFrame:
    table = data.frame.reset_index(drop=True)
    table.insert(0, schema.JOIN_KEY, np.array(data.book_ids, dtype="int64"))
    return table


def _learnt_at(client: MlflowClient, catalogue: Catalogue, version: ModelVersion) -> datetime:
    """The moment as of which it learnt: its snapshot's, or that of the run where it names none."""
    if snapshot_id := version.tags.get("snapshot_id"):
        published_at = catalogue.snapshots.get(int(snapshot_id)).published_at
        assert published_at is not None
        return published_at
    started = client.get_run(version.run_id).info.start_time
    return datetime.fromtimestamp(started / 1000, UTC)
