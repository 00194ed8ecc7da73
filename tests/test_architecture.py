"""The rules of the house that no linter knows: imports, the environment, the length of a module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bookshelf.settings import ROOT

FOLDERS = (
    "bookshelf",
    "ingestion",
    "features",
    "feature_repo",
    "training",
    "serving",
    "api",
    "walk",
    "benchmarks",
    "client",
)
WRITTEN = ("client/bookshelf_client/models.py", "client/bookshelf_client/operations.py")
MODULES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not path.as_posix().endswith(WRITTEN)
)

# Who else may touch os.environ, and why.
READS_ENVIRONMENT = {
    "bookshelf/settings.py": "it is the reader",
    "walk/programs.py": "it hands the whole environment on to child processes",
    "walk/launch.py": "it hands the whole environment on, with its mark added",
    "training/backend.py": "MLflow tells its plugins through the environment that they run in its server",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_import_rules_hold() -> None:
    lint_imports = Path(sys.executable).parent / "lint-imports"
    checked = subprocess.run([lint_imports], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    read = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        # A process's environment as psutil shows it is not ours.
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert not read or name_of(path) in READS_ENVIRONMENT


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_one_idea_told_in_its_docstring_and_of_readable_length(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= 300


def test_importing_a_web_worker_brings_no_model_library() -> None:
    heavy = "features pandas mlflow bentoml torch feast sklearn"
    code = f"import sys, api.app; print(sorted(set('{heavy}'.split()) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
