"""The client says what the API's OpenAPI document says, operation by operation."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bookshelf.settings import ROOT
from bookshelf_client import Client
from generate import document, written


@pytest.fixture(scope="module")
def api_document() -> dict[str, Any]:
    return document()


def test_the_client_is_what_the_document_gives(api_document: dict[str, Any]) -> None:
    for path, text in written(api_document).items():
        assert path.read_text() == text, "run python client/generate.py"


def test_every_operation_has_a_method_with_its_name(api_document: dict[str, Any]) -> None:
    names = {each["operationId"] for path in api_document["paths"].values() for each in path.values()}
    assert len(names) > 40
    assert [name for name in sorted(names) if not callable(getattr(Client, name, None))] == []


def test_it_needs_nothing_of_the_platform() -> None:
    code = (
        "import bookshelf_client, json;"
        "print(json.dumps(sorted({one.partition('.')[0] for one in sys.modules} - sys.stdlib_module_names)))"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {sys.path!r}; {code}"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    brought = {name for name in json.loads(found.stdout) if not name.startswith(("_", "pydantic", "urllib3"))}
    assert brought <= {"bookshelf_client", "annotated_types", "typing_extensions", "typing_inspection"}
