"""What a worker imports, and what it need not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bookshelf.settings import ROOT

pytestmark = pytest.mark.slow

CODE = """
import json, sys
from serving.imports import import_skops
import_skops()
import_skops()
from skops.io._trusted_types import SKLEARN_ESTIMATOR_TYPE_NAMES as trusted
brought = "torch" in sys.modules
from sklearn.utils import all_estimators
import torch, sklearn.externals.array_api_compat.torch
every = [f"{each.__module__}.{name}" for name, each in all_estimators()]
print(json.dumps([brought, sorted(trusted), sorted(name for name in every if name.startswith("sklearn."))]))
"""


def test_skops_comes_without_torch_and_trusts_the_same_types() -> None:
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    brought, trusted, every = json.loads(found.stdout)
    assert not brought
    assert trusted == every
    assert len(trusted) > 100
