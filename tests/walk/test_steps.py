"""What `make run` does again, and how it is ended while it is at work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import MODEL_NAMES, ModelName, ModelStatus
from bookshelf.settings import ROOT, Settings
from tests.conftest import free_port, wait_until
from walk import steps
from walk.launch import marked
from walk.programs import mark
from walk.supervise import running_walk


def a_model(name: ModelName, snapshot_id: int | None, feature_service: str | None) -> ModelStatus:
    return ModelStatus(
        name=name,
        version="1",
        metric="MAE",
        unit="pounds",
        score=1.0,
        baseline=2.0,
        informative=None,
        promotion="champion",
        champion="1",
        snapshot_id=snapshot_id,
        feature_service=feature_service,
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The entry points that are run, with nothing behind them."""
    run: list[str] = []

    def note(_settings: Settings, entry_point: str, experiment: str) -> int:
        run.append(entry_point if entry_point == experiment else "promote")
        return 0

    monkeypatch.setattr(steps, "_mlflow_run", note)
    monkeypatch.setattr(steps, "_python", lambda *_arguments: 0)
    return run


def known(monkeypatch: pytest.MonkeyPatch, *models: ModelStatus) -> None:
    monkeypatch.setattr(steps, "model_statuses", lambda _settings: list(models))


def test_nothing_that_is_valid_is_trained_again(
    settings: Settings, trained: list[str], monkeypatch: pytest.MonkeyPatch, a_book: Callable[..., Book]
) -> None:
    Catalogue.open(settings.catalogue_url).publish([a_book()], "shop", now())
    known(
        monkeypatch,
        a_model("price", 1, "price_model"),
        a_model("recommender", 1, "recommender_model"),
        a_model("sentiment", None, None),
    )
    steps.do_main_job(settings, lambda _line: None)
    assert trained == []


def test_another_source_makes_models_of_books_stale_and_not_the_one_of_a_corpus(
    settings: Settings, trained: list[str], monkeypatch: pytest.MonkeyPatch, a_book: Callable[..., Book]
) -> None:
    catalogue = Catalogue.open(settings.catalogue_url)
    catalogue.publish([a_book()], "shop", now())
    catalogue.publish([a_book()], "list", now())
    known(
        monkeypatch,
        a_model("price", 1, "price_model"),
        a_model("recommender", 2, "recommender_model"),
        a_model("sentiment", None, None),
    )
    steps.do_main_job(settings, lambda _line: None)
    assert trained == ["price", "promote"]


def test_on_an_empty_registry_everything_is_trained(
    settings: Settings, trained: list[str], monkeypatch: pytest.MonkeyPatch, a_book: Callable[..., Book]
) -> None:
    Catalogue.open(settings.catalogue_url).publish([a_book()], "shop", now())
    known(monkeypatch)
    steps.do_main_job(settings, lambda _line: None)
    assert trained == [*MODEL_NAMES, "promote"]


@pytest.mark.slow
def test_make_stop_ends_a_walk_that_is_still_at_its_steps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(
        "SOURCE", f"http://127.0.0.1:{free_port()}/"
    )  # nobody is there: it asks again and again
    for name in ("API_PORT", "BENTO_PORT", "MLFLOW_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    with (tmp_path / "said.txt").open("wb") as said:
        walk = subprocess.Popen(
            [sys.executable, "-m", "walk", "up"], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            wait_until(lambda: any(marked(mark(settings, "step"))))
            assert running_walk(settings) is not None
            refused = subprocess.run(
                [sys.executable, "-m", "walk", "up"], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert "already running" in refused.stderr
            stop = subprocess.Popen(
                [sys.executable, "-m", "walk", "stop"], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            assert walk.wait(30) == 0
            assert stop.communicate(timeout=30)[0].strip() == "stopped"
            assert list(marked(mark(settings))) == []
        finally:
            walk.kill()
