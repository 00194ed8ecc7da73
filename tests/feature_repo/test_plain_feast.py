"""A data scientist uses plain Feast from the repository root: notebook, command line and UI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bookshelf.settings import ROOT
from features import schema
from tests.conftest import free_port

pytestmark = pytest.mark.slow

PUBLISH = """
from datetime import UTC, datetime
from decimal import Decimal
from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.publish import publish_features

settings = Settings()
catalogue = Catalogue.open(settings.catalogue_url)
at = datetime.now(UTC)
book = Book(upc="1", title="A Light in the Attic", price=Decimal("51.77"), rating=3, stock=22,
            availability="In stock", category="Poetry", image="i", thumbnail="t", url="u",
            description="Rhymes for children.")
catalogue.publish([book], "test", at)
publish_features(catalogue, settings, at)
"""
NOTEBOOK = """
import pandas as pd
from feast import FeatureStore
store = FeatureStore("feature_repo")
asked = pd.DataFrame({"book_id": [1], "event_timestamp": [pd.Timestamp.now(tz="UTC")]})
history = store.get_historical_features(asked, features=store.get_feature_service("price_model")).to_df()
online = store.get_online_features(
    features=store.get_feature_service("price_model"), entity_rows=[{"book_id": 1}]
).to_dict()
print(history["price"].tolist(), online["price"])
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with features of one book in its own, usual home."""
    root = tmp_path_factory.mktemp("clone")
    for folder in ("bookshelf", "features", "feature_repo", "ingestion"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    run(root, sys.executable, "-c", PUBLISH)
    return root


def plain_environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOOKSHELF_")}
    return kept | {"PYTHONPATH": str(root), "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db"}


def run(root: Path, *command: str) -> str:
    finished = subprocess.run(
        command, cwd=root, env=plain_environment(root), capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def feast(root: Path, *arguments: str) -> str:
    return run(root, str(Path(sys.executable).with_name("feast")), "-c", "feature_repo", *arguments)


LISTS = """
from feast.cli.cli import cli  # what the command `feast` calls: to import it takes it longer than to list
for kind in ("feature-views", "feature-services"):
    cli(["-c", "feature_repo", kind, "list"], standalone_mode=False)
"""


def test_plain_feast_reads_both_stores_from_the_repository_root(clone: Path) -> None:
    assert run(clone, sys.executable, "-c", NOTEBOOK).split() == ["[51.77]", "[51.77]"]


def test_the_feast_command_lists_views_and_services(clone: Path) -> None:
    listed = run(clone, sys.executable, "-c", LISTS)
    assert all(view in listed for view in schema.VIEWS)
    assert all(service in listed for service in schema.SERVICES)


def test_applying_by_hand_leaves_the_online_rows_where_they_are(clone: Path) -> None:
    assert "No changes to infrastructure" in feast(clone, "apply")
    assert run(clone, sys.executable, "-c", NOTEBOOK).split() == ["[51.77]", "[51.77]"]


def test_the_feast_ui_shows_the_project(clone: Path) -> None:
    port = free_port()
    command = [str(Path(sys.executable).with_name("feast")), "-c", "feature_repo", "ui"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        cwd=clone,
        env=plain_environment(clone),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as ui:
        try:
            assert "bookshelf" in first_answer(f"http://127.0.0.1:{port}/projects-list.json", ui)
        finally:
            ui.terminate()


def first_answer(url: str, server: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                body: bytes = answer.read()
                return body.decode()
        except OSError:
            if server.poll() is not None:
                assert server.stderr is not None
                pytest.fail(f"feast ui ended: {server.stderr.read()[-2000:]}")
            time.sleep(0.25)
    pytest.fail("feast ui did not answer within five minutes")
