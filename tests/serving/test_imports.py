"""What a worker imports, and what it need not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from bookshelf.settings import ROOT
from serving.encoders import without_logged_code

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


def test_two_that_load_at_once_leave_no_copy_of_our_code_behind() -> None:
    inside, left = threading.Event(), threading.Event()

    def load_meanwhile() -> None:
        with without_logged_code():
            inside.set()
            left.wait(10)

    other = threading.Thread(target=load_meanwhile)
    with without_logged_code():
        sys.path.append("/logged/code")
        other.start()
        inside.wait(0.2)
    left.set()
    other.join()
    assert "/logged/code" not in sys.path
