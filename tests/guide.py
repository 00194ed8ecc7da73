"""A guide's snippets as one program: its Python in one namespace, its commands where they stand between."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def program_of(guide: Path) -> str:
    """What runs every snippet in its order and fails with the first that fails, naming its line.

    `python` blocks are Python, `console` blocks commands behind `$ `; others show what is printed, or what
    cannot be run as it stands.
    """
    text = guide.read_text()
    program = ["import subprocess"]
    for block in _BLOCK.finditer(text):
        kind, code = block.groups()
        line = text[: block.start()].count("\n") + 1
        if kind == "python":
            # Numbered as in the guide, so that a traceback leads there.
            source = "\n" * line + code
            program.append(f"exec(compile({source!r}, {str(guide)!r}, 'exec'))")
        elif kind == "console":
            commands = "\n".join(told[2:] for told in code.splitlines() if told.startswith("$ "))
            program.append(f"subprocess.run(['bash', '-eo', 'pipefail', '-c', {commands!r}], check=True)")
    assert len(program) > 1, f"{guide} has no snippet"
    return "\n".join(program) + "\n"
