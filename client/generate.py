"""Write the client's models and operations as the API's OpenAPI document has them.

    python client/generate.py

from the repository's root, after an operation was added or changed. A test holds them against what this
writes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from api.app import create_app
from bookshelf.secrets import draw_secrets
from bookshelf.settings import load_settings
from generator.models import models_module
from generator.operations import operations_module

PACKAGE = Path(__file__).parent / "bookshelf_client"


def document() -> dict[str, Any]:
    """The OpenAPI document of the API as it stands."""
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings().model_copy(update={"home": Path(home), "database_url": ""})
        draw_secrets(settings)
        answer = create_app(settings).test_client().get("/apidocs/openapi.json")
    found: dict[str, Any] = json.loads(answer.data)
    return found


def written(document: dict[str, Any]) -> dict[Path, str]:
    """Each generated file's text, laid out as the linter wants it."""
    texts = {"models.py": models_module(document), "operations.py": operations_module(document)}
    return {PACKAGE / name: _laid_out(text, PACKAGE / name) for name, text in texts.items()}


def _laid_out(text: str, path: Path) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (["check", "--select", "F401,I", "--fix", "--quiet"], ["format", "--quiet"]):
        whole = [str(ruff), *command, "--stdin-filename", str(path), "-"]
        text = subprocess.run(whole, input=text, check=True, stdout=subprocess.PIPE, text=True).stdout
    return text


def main() -> int:
    for path, text in written(document()).items():
        path.write_text(text)
        print(f"{path.relative_to(PACKAGE.parent.parent)}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
