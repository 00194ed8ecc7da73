"""`MLproject` and the command line say the same."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

import pytest
from mlflow.projects import _project_spec

from bookshelf.settings import ROOT
from training.__main__ import parser
from training.commands import params_type

PROJECT = _project_spec.load_project(ROOT)
TRAINED = ("main", "price", "recommender", "sentiment")


def command_of(entry_point: str, **given: str) -> str:
    """The shell command that MLflow makes of an entry point."""
    return str(PROJECT.get_entry_point(entry_point).compute_command(given, None))


def parameters_of(entry_point: str) -> dict[str, Any]:
    """Names and defaults."""
    declared = PROJECT.get_entry_point(entry_point).parameters
    return {name: parameter.default for name, parameter in declared.items()}


def parsed(command: str) -> dict[str, Any]:
    """What the training command in a shell line comes out as."""
    words = shlex.split(command.split("python -m training ")[1].split(" || ")[0])
    return vars(parser(words).parse_args(words))


def test_every_entry_point_asked_for_is_there() -> None:
    for entry_point in (*TRAINED, "ingest", "promote", "tune"):
        assert command_of(entry_point)


@pytest.mark.parametrize("entry_point", [*TRAINED, "promote", "tune"])
def test_its_defaults_are_those_of_the_command(entry_point: str) -> None:
    bare, told = parsed(f"python -m training {entry_point}"), parsed(command_of(entry_point))
    for options in (bare, told):
        options.pop("as_of", None)  # the moment of parsing
    assert told == bare


@pytest.mark.parametrize("entry_point", ["price", "recommender", "sentiment"])
def test_it_has_every_parameter_of_the_training_with_its_default(entry_point: str) -> None:
    told = parameters_of(entry_point)
    assert (told.pop("as_of"), told.pop("source")) == ("now", "")
    assert told == {one.name: one.default for one in fields(params_type(entry_point))}


@pytest.mark.parametrize("entry_point", TRAINED)
def test_it_hands_on_what_it_is_given(entry_point: str) -> None:
    given = dict.fromkeys(parameters_of(entry_point), "7") | {"as_of": "2026-03-02T00:00:00Z"}
    told = parsed(command_of(entry_point, **given))
    assert told.pop("command") == entry_point
    assert told.pop("as_of").isoformat() == "2026-03-02T00:00:00+00:00"
    assert {float(value) for value in told.values()} <= {7.0}


@pytest.mark.parametrize("entry_point", [*TRAINED, "tune"])
def test_it_sees_to_its_data_first(entry_point: str) -> None:
    assert command_of(entry_point).startswith("python -m ingestion ensure && python -m training ")


def test_the_environment_for_conda_is_the_locked_one() -> None:
    assert PROJECT.env_config_path == str(ROOT / "conda.yaml")
    described = (ROOT / "conda.yaml").read_text()
    for part in ("python=3.11", "--requirement requirements.lock", "--editable ."):
        assert f"- {part}\n" in described
