"""The guide's snippets run as they stand, but for the address of the installation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bookshelf.settings import ROOT
from tests.client.conftest import Stack
from tests.guide import program_of

pytestmark = pytest.mark.slow


def test_every_snippet_runs(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "var").symlink_to(stack.home)
    program = program_of(ROOT / "docs" / "client.md").replace("http://127.0.0.1:8000", stack.url)
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'client')!r})\n{program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "A Light in the Attic" in found.stdout
