"""Trials: which version serving puts beside the champion, and for how much of the questions."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from pydantic import ValidationError

from bookshelf.errors import TrainingError
from bookshelf.trial import TRIAL_TAG, Shares, Trial
from training.aliases import CHALLENGER, CHAMPION

_ABSENT = tuple(ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE))


def try_out(client: MlflowClient, name: str, shares: Shares, version: str | None = None) -> Trial | None:
    """Put a version on trial, the challenger if none is named, in place of any other trial of the model.

    It needs to pass no gate: whoever asks for a share of the callers answers for that. Shares of nothing
    end the trial. Serving follows within seconds; it checks the version as it checks a champion. Raises
    `TrainingError` if there is no such version, or if it is the champion.
    """
    if shares.off:
        end_trial(client, name)
        return None
    registered = _registered(client, name)
    aliases = {} if registered is None else registered.aliases
    number = version or aliases.get(CHALLENGER)
    if number is None:
        raise TrainingError(f"no version of {name!r} is {CHALLENGER}: there is none to try")
    known = sorted(int(one.version) for one in client.search_model_versions(f"name='{name}'"))
    if str(number) not in map(str, known):
        told = ", ".join(map(str, known)) or "none"
        raise TrainingError(f"{name!r} has no version {number!r}; it has {told}")
    if str(number) == str(aliases.get(CHAMPION)):
        raise TrainingError(f"version {number} of {name!r} is the champion: there is nothing to compare")
    trial = Trial(version=str(number), **shares.model_dump())
    client.set_registered_model_tag(name, TRIAL_TAG, trial.model_dump_json())
    return trial


def trial_of(client: MlflowClient, name: str) -> Trial | None:
    """The trial that is on; None if none is. Raises `TrainingError` for a tag that cannot be read."""
    registered = _registered(client, name)
    told = None if registered is None else registered.tags.get(TRIAL_TAG)
    try:
        trial = None if told is None else Trial.model_validate_json(told)
    except ValidationError as error:
        raise TrainingError(f"the tag {TRIAL_TAG!r} of {name!r} is no trial: {told!r}") from error
    return None if trial is None or trial.off else trial


def told_of(trial: Trial | None) -> str:
    """The trial in words."""
    if trial is None:
        return "no version is on trial"
    shadow, share = (f"{part:.3g}" for part in (trial.shadow, trial.share))
    return f"version {trial.version} is on trial: shadow {shadow}, share {share}"


def end_trial(client: MlflowClient, name: str) -> None:
    """Nothing of the model is on trial any more."""
    registered = _registered(client, name)
    if registered is not None and TRIAL_TAG in registered.tags:
        client.delete_registered_model_tag(name, TRIAL_TAG)


def end_trial_of(client: MlflowClient, name: str, version: str | None) -> None:
    """Nothing is left to try of a version that is champion now."""
    try:
        trial = trial_of(client, name)
    except TrainingError:  # a tag that is no trial tries nothing, and says so to whoever asks
        return
    if trial is None:
        return
    tried = trial.version or _registered(client, name).aliases.get(CHALLENGER)
    if str(tried) == str(version):
        client.delete_registered_model_tag(name, TRIAL_TAG)


def _registered(client: MlflowClient, name: str) -> Any:
    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise
        return None
