"""A publish that is killed at any instant is made good by the next, as if it had never been begun."""

from __future__ import annotations

import os
import random
import shutil
import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import Pipe
from pathlib import Path

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import Settings
from ingestion.publish import publish_features
from tests.ingestion.processes import publish_dying_at, start

pytestmark = pytest.mark.slow

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SEEDS = range(4)


def books() -> list[Book]:
    return [
        Book(
            upc=str(number), title=f"Tale {number}", price=Decimal(number), description=f"Of {number} lights."
        )
        for number in range(1, 6)
    ]


def publish(home: Path, dies_at: int) -> tuple[int | None, int]:
    """Exit status of a publish that dies at that instant, and how many there were if there is none such."""
    environment = {**os.environ, "BOOKSHELF_HOME": str(home), "BOOKSHELF_DATABASE_URL": ""}
    told, tells = Pipe(duplex=False)
    with told, tells:
        process = start(environment, publish_dying_at, dies_at, tells)
        process.join()
        return process.exitcode, told.recv() if told.poll() else 0


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
    status, instants = publish(home, 0)
    assert status == 0
    return Scene(before, files(home), instants)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_kill_the_next_publish_completes(
    home: Path, scenes: dict[str, Scene], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    scene = scenes["first load" if seed % 2 else "next days"]
    shutil.rmtree(home)
    shutil.copytree(scene.before, home)
    status, _ = publish(home, random.Random(seed).randint(1, scene.instants))
    assert status == -signal.SIGKILL

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
