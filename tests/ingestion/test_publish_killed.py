"""A publish that is killed at any instant is made good by the next, as if it had never been begun."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import ROOT, Settings
from ingestion.publish import publish_features

pytestmark = pytest.mark.slow

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SEEDS = range(4)

# Counts how often our own code and Feast's online store are entered and left, and dies at one of these.
PUBLISH = """
import os, signal, sys
from datetime import UTC, datetime
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.publish import publish_features

dies_at, seen = int(sys.argv[1]), 0

def watch(frame, event, argument):
    global seen
    if event in ("call", "return") and any(part in frame.f_code.co_filename for part in WATCHED):
        seen += 1
        if seen == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

WATCHED = ("/ingestion/", "/online_stores/sqlite", "/bookshelf/snapshots", "/bookshelf/feature_store")
settings = Settings()
catalogue = Catalogue.open(settings.catalogue_url)
sys.setprofile(watch)
publish_features(catalogue, settings, datetime(2026, 4, 1, tzinfo=UTC))
sys.setprofile(None)
print(seen)
"""


def books() -> list[Book]:
    return [
        Book(
            upc=str(number), title=f"Tale {number}", price=Decimal(number), description=f"Of {number} lights."
        )
        for number in range(1, 6)
    ]


def run(home: Path, dies_at: int) -> subprocess.CompletedProcess[str]:
    environment = {"BOOKSHELF_HOME": str(home), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", PUBLISH, str(dies_at)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def files(home: Path) -> dict[str, bytes]:
    offline = home / "feast" / "offline"
    return {str(file.relative_to(offline)): file.read_bytes() for file in offline.glob("*/*.parquet")}


def settings_of(home: Path) -> Settings:
    return Settings(home=home, database_url="")


@dataclass(frozen=True)
class Scene:
    """A home before a publish, its offline rows after one that was left in peace, and that one's instants."""

    before: Path
    rows: dict[str, bytes]
    instants: int


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every scene is played: the feature store knows its files by their whole paths."""
    return tmp_path_factory.mktemp("killed") / "home"


@pytest.fixture(scope="module")
def scenes(home: Path) -> dict[str, Scene]:
    one, two, *others = books()
    catalogue = Catalogue.open(settings_of(home).catalogue_url)
    catalogue.publish([one, two, *others], "shop", MONDAY)
    first_load = left_in_peace(home, "first load")
    changed = replace(one, price=Decimal("9.99"))
    catalogue.publish([changed, replace(two, description="Another tale."), *others], "shop", MONDAY + DAY)
    catalogue.publish([changed, *others], "shop", MONDAY + 2 * DAY)
    catalogue.publish([replace(one, rating=2), *others], "shop", MONDAY + 3 * DAY)
    catalogue.engine.dispose()
    return {"first load": first_load, "next days": left_in_peace(home, "next days")}


def left_in_peace(home: Path, name: str) -> Scene:
    before = home.with_name(name)
    shutil.copytree(home, before)
    finished = run(home, 0)
    assert finished.returncode == 0, finished.stderr
    return Scene(before, files(home), int(finished.stdout))


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_kill_the_next_publish_completes(
    home: Path, scenes: dict[str, Scene], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    scene = scenes["first load" if seed % 2 else "next days"]
    shutil.rmtree(home)
    shutil.copytree(scene.before, home)
    killed = run(home, random.Random(seed).randint(1, scene.instants))
    assert killed.returncode == -9, killed.stderr

    settings = settings_of(home)
    monkeypatch.setenv("BOOKSHELF_HOME", str(home))
    catalogue = Catalogue.open(settings.catalogue_url)
    publish_features(catalogue, settings, MONDAY + 9 * DAY)

    assert files(home) == scene.rows
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is not None
    listed = catalogue.all_books(BookFilter())
    online = open_feature_store(settings, mlflow=False).get_online_features(
        features=["book_price:price", "book_details:description"],
        entity_rows=[{"book_id": one.id} for one in listed],
    )
    assert online.to_dict()["price"] == [float(one.book.price) for one in listed]
    assert online.to_dict()["description"] == [one.book.description for one in listed]
    assert publish_features(catalogue, settings, MONDAY + 10 * DAY).rows_written == 0
