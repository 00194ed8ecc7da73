"""Where a training is written down: the experiment of its model, and the run that MLflow launched it in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, MLFLOW_RUN_ID
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from bookshelf.settings import Settings


def tracking_client(settings: Settings) -> MlflowClient:
    """A client on the installation's MLflow, which is also made the one of `mlflow`'s own functions."""
    mlflow.set_tracking_uri(settings.tracking_uri)
    mlflow.set_registry_uri(settings.tracking_uri)
    if settings.tracking_uri.startswith("sqlite:"):
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # for files on the same disk
    return MlflowClient()


def given_params(run: Run) -> dict[str, str]:
    """The parameters of a run as they were given: `mlflow run` notes them as it quotes them for its shell."""
    return {name: _unquoted(value) for name, value in run.data.params.items()}


def _unquoted(value: str) -> str:
    if not (len(value) > 1 and value.startswith("'") and value.endswith("'")):
        return value
    try:
        parts = shlex.split(value)
    except ValueError:  # quotes that nobody closed are the value's own
        return value
    return parts[0] if len(parts) == 1 else value


@contextmanager
def model_run(client: MlflowClient, settings: Settings, name: str) -> Iterator[Run]:
    """An active run in the experiment `name`; it fails if the body raises.

    Whoever already logs into a run of that experiment goes on in it. Under `mlflow run` it is the
    launched run itself where that lies in this experiment, and otherwise a new one that names the
    launched run as its parent.
    """
    experiment_id = experiment_of(client, settings, name)
    active = mlflow.active_run()
    if active is not None and active.info.experiment_id == experiment_id:
        yield active
        return
    # Left set, `start_run` would resume that run whatever its experiment, and then forget it, so that
    # the second model of one process knew no parent.
    launched = MLFLOW_RUN_ID.get()
    MLFLOW_RUN_ID.unset()
    try:
        if launched and client.get_run(launched).info.experiment_id == experiment_id:
            run = mlflow.start_run(run_id=launched)
        else:
            tags = {MLFLOW_PARENT_RUN_ID: launched} if launched else None
            run = mlflow.start_run(
                experiment_id=experiment_id, run_name=name, tags=tags, nested=active is not None
            )
        with run:
            yield run
    finally:
        if launched:
            MLFLOW_RUN_ID.set(launched)


def experiment_of(client: MlflowClient, settings: Settings, name: str) -> str:
    """Id of the experiment, made if it is missing; whoever makes it first wins."""
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    # Where a server keeps the artifacts is the server's affair.
    local = settings.tracking_uri.startswith("sqlite:")
    location = str(settings.mlruns.resolve() / "artifacts" / name) if local else None
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
        return experiment_of(client, settings, name)
