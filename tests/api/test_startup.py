"""The web process stays small and starts at once; importing it does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bookshelf.settings import ROOT

HEAVY = "features pandas numpy mlflow bentoml torch feast sklearn matplotlib ingestion serving training"
PROBE = """
import json, psutil, sys, time
began = time.perf_counter()
import api.app, api.worker
print(json.dumps({
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
    "seconds": time.perf_counter() - began,
    "megabytes": psutil.Process().memory_info().rss / 2**20,
}))
"""


def test_importing_the_app_is_quick_small_and_leaves_no_trace(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "BOOKSHELF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert not set(HEAVY.split()) & set(found["modules"])
    assert found["megabytes"] < 150
    # Half a second on an idle machine; the bound is for a busy one.
    assert found["seconds"] < 10
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
