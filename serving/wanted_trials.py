"""What the registry says of a model's trial: a tag of the registered model, and the version that it tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bookshelf.contracts import ModelName
from bookshelf.field_messages import message_of
from bookshelf.trial import TRIAL_TAG, Trial
from serving.appointment import Appointment

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER = "challenger"
# What MLflow says of a name or version that is not there.
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True, slots=True)
class WantedTrial:
    """A trial that is on, and the version that it tries; None with the reason why there is none to try."""

    trial: Trial
    version: Appointment | None
    reason: str | None = None


def wanted_trial(client: MlflowClient, name: ModelName) -> WantedTrial | None:
    """The trial that is on; None if none is. Raises what MLflow raises while it cannot be read."""
    registered = _found(client.get_registered_model, name)
    told = None if registered is None else registered.tags.get(TRIAL_TAG)
    if told is None:
        return None
    try:
        trial = Trial.model_validate_json(told)
    except ValidationError as error:
        wrong = "; ".join(": ".join([*map(str, one["loc"]), message_of(one)]) for one in error.errors())
        return WantedTrial(Trial(), None, f"the tag {TRIAL_TAG!r} of {name} cannot be read: {wrong}")
    number = trial.version or registered.aliases.get(CHALLENGER)
    if trial.off:
        return None
    if number is None:
        return WantedTrial(trial, None, f"no version of {name} is {CHALLENGER}")
    found = _found(client.get_model_version, name, str(number))
    if found is None:
        return WantedTrial(trial, None, f"{name} has no version {number}")
    return WantedTrial(trial, Appointment(name, str(found.version), str(found.run_id), dict(found.tags)))


def _found(ask: Callable[..., Any], *what: str) -> Any:
    """What MLflow has under that name; None if there is nothing."""
    from mlflow.exceptions import MlflowException

    try:
        return ask(*what)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise
