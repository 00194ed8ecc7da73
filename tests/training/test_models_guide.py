"""The guide to models names commands, addresses and events that there are, and its commands work."""

from __future__ import annotations

import re
import shlex

import pytest
from mlflow.projects import _project_spec

from bookshelf.catalogue import now
from bookshelf.events import EVENTS
from bookshelf.promotions import Change
from bookshelf.settings import ROOT, Settings
from training.__main__ import main, parser
from training.duty import Duty

GUIDE = (ROOT / "docs" / "models.md").read_text()
COMMANDS = re.findall(r"^\$ (.+)$", GUIDE, re.MULTILINE)
OURS = [one.removeprefix("python -m training ") for one in COMMANDS if one.startswith("python")]


@pytest.mark.parametrize("line", OURS)
def test_a_command_of_the_guide_is_one(line: str) -> None:
    words = shlex.split(line)
    assert parser(words).parse_args(words).command == words[0]


def test_the_entry_point_of_the_guide_is_one() -> None:
    [line] = [one for one in COMMANDS if one.startswith("mlflow run")]
    given = re.findall(r"-P (\w+)=", line)
    entry = _project_spec.load_project(ROOT).get_entry_point("tune")
    assert set(given) <= set(entry.parameters)


def test_the_events_of_the_guide_are_there() -> None:
    named = set(re.findall(r"`(model\.\w+)`", GUIDE + (ROOT / "docs" / "webhooks.md").read_text()))
    assert named == {event for event in EVENTS if event.startswith("model.")}


def test_its_commands_that_read_and_go_back_work(
    four_versions: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    duty = Duty.of(four_versions)
    for before, to in ((None, "1"), ("1", "2"), ("2", "3")):
        duty.change(
            Change(
                model="price",
                at=now(),
                action="promote",
                from_version=before,
                to_version=to,
                who="cli",
                reason="",
            )
        )
    for line in OURS:
        if line.startswith(("history", "rollback")):
            assert main(shlex.split(line)) == 0, capsys.readouterr().err
    assert duty.aliases("price") == {"champion": "1", "previous": "2"}
