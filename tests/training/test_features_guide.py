"""docs/features.md says what is: its snippet runs, its commands are understood, and its files are there."""

from __future__ import annotations

import re
import shlex

import pytest

from bookshelf.settings import ROOT
from tests.training.diary import Diary
from training.__main__ import parser

GUIDE = (ROOT / "docs" / "features.md").read_text()
COMMANDS = re.findall(r"^python -m training (.+)$", GUIDE, re.MULTILINE)


def test_its_snippet_gives_the_rows_that_were_asked_for(
    diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diary.settings.offline_store.exists()
    [snippet] = re.findall(r"```python\n(.+?)```", GUIDE, re.DOTALL)
    exec(compile(snippet, "docs/features.md", "exec"), {})
    sha256, _, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch("[0-9a-f]{64}", sha256)
    assert [row.split()[-1] for row in rows] == ["11.00", "19.99", "19.99"]


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command: str) -> None:
    words = shlex.split(command)
    assert parser(words).parse_args(words).command in ("dataset", "parity")


def test_the_files_that_it_names_are_there() -> None:
    named = re.findall(r"`((?:features|training|bookshelf|tests)/[\w/]+\.py)`", GUIDE)
    assert len(named) >= 5
    assert [name for name in named if not (ROOT / name).exists()] == []
