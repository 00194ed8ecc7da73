"""What `make run` does again, and what it leaves as it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import ModelStatus
from bookshelf.errors import BookshelfError
from bookshelf.settings import Settings
from walk import steps
from walk.steps import do_main_job, is_stale

SHOP = "https://shop.test/"


def a_step(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", code])


def a_model(name: str = "price", **facts: object) -> ModelStatus:
    usual: dict[str, object] = {
        "name": name,
        "version": "2",
        "metric": "MAE",
        "unit": "pounds",
        "score": 3.0,
        "baseline": 9.0,
        "informative": True,
        "promotion": "champion",
        "champion": "2",
        "snapshot_id": 1,
        "source": SHOP,
        "feature_service": None if name == "sentiment" else f"{name}_model",
    }
    return ModelStatus.model_validate(usual | facts)


@pytest.fixture
def catalogue(settings: Settings, a_book: Callable[..., Book]) -> Catalogue:
    opened = Catalogue.open(settings.catalogue_url)
    opened.publish([a_book()], SHOP, now())
    return opened


def test_a_model_of_the_shops_there_are_is_up_to_date(
    catalogue: Catalogue, a_book: Callable[..., Book]
) -> None:
    assert not is_stale(a_model(), catalogue)
    catalogue.publish([a_book(), a_book(upc="new")], SHOP, now())
    assert not is_stale(a_model(), catalogue)
    catalogue.publish([a_book()], "https://another.test/", now())
    assert is_stale(a_model(), catalogue)


def test_a_source_in_another_currency_leaves_the_price_model_to_its_engineer(
    catalogue: Catalogue, a_book: Callable[..., Book]
) -> None:
    catalogue.publish([a_book(currency="EUR")], "another.csv", now())
    assert not is_stale(a_model(), catalogue)
    assert is_stale(a_model("recommender"), catalogue)
    assert is_stale(None, catalogue)


def test_no_model_or_one_of_a_catalogue_that_is_gone_is_to_be_trained(catalogue: Catalogue) -> None:
    assert is_stale(None, catalogue)
    assert is_stale(a_model(snapshot_id=99), catalogue)
    assert is_stale(a_model(snapshot_id=None, source=None), catalogue)


def test_a_model_of_a_corpus_is_never_out_of_date(catalogue: Catalogue) -> None:
    assert not is_stale(a_model("sentiment", snapshot_id=None, source=""), catalogue)


@pytest.mark.parametrize("name", ["price", "recommender", "sentiment"])
def test_a_version_that_this_code_cannot_serve_is_trained_anew(catalogue: Catalogue, name: str) -> None:
    assert is_stale(a_model(name, unservable="KeyError: 'layers'"), catalogue)


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        ([], ["train sentiment", "train recommender", "train price", "promote all"]),
        ([a_model(), a_model("recommender"), a_model("sentiment")], []),
        (
            [a_model(promotion="rolled back to version 1"), a_model("recommender", promotion="")],
            ["train sentiment", "promote recommender", "promote sentiment"],
        ),
    ],
    ids=["an empty home", "all there", "one rolled back, one unjudged, one missing"],
)
def test_only_what_is_missing_is_done(
    settings: Settings,
    catalogue: Catalogue,
    monkeypatch: pytest.MonkeyPatch,
    models: list[ModelStatus],
    asked: list[str],
) -> None:
    assert catalogue.snapshot() is not None
    done: list[str] = []

    def run(_settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
        if "mlflow" in arguments:
            named = [one.removeprefix("name=") for one in arguments if one.startswith("name=")]
            entry_point = arguments[arguments.index("--entry-point") + 1]
            done.append(f"{entry_point} {named[0]}" if named else f"train {entry_point}")
        return a_step("")

    monkeypatch.setattr(steps, "_python", run)
    monkeypatch.setattr(steps, "model_statuses", lambda _settings: models)
    do_main_job(settings, lambda _line: None)
    assert done == asked


def waits_for(other: Path, own: Path) -> str:
    """Code that says that it is there, and ends when the other one is; it fails where nobody comes."""
    return (
        f"import os, time; open({str(own)!r}, 'w').close(); until = time.monotonic() + 120\n"
        f"while not os.path.exists({str(other)!r}): assert time.monotonic() < until; time.sleep(0.01)"
    )


@pytest.mark.usefixtures("catalogue")
def test_models_are_trained_at_the_same_time_on_several_cores(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = tmp_path / "price", tmp_path / "sentiment"
    code = {
        "price": waits_for(other, one),
        "sentiment": waits_for(one, other),
        "recommender": "raise SystemExit(7)",
    }
    judged: list[str] = []

    def run(_settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
        judged.extend(one for one in arguments if one == "promote")
        return a_step(next((code[name] for name in code if name in arguments), ""))

    monkeypatch.setattr(steps, "cpu_count", lambda: 2)
    monkeypatch.setattr(steps, "_python", run)
    monkeypatch.setattr(steps, "model_statuses", lambda _settings: [])
    said: list[str] = []
    with pytest.raises(BookshelfError, match="train recommender' ended with status 7; what"):
        do_main_job(settings, said.append)
    assert {line.split(" (")[0] for line in said} == {
        "✓ catalogue and features",
        "✓ train price",
        "✓ train sentiment",
    }
    assert not judged


@pytest.mark.usefixtures("catalogue")
def test_a_walk_that_is_told_to_end_leaves_no_step_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def run(_settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
        if "price" in arguments:
            raise KeyboardInterrupt
        begun.append(a_step("import time; time.sleep(60)" if "mlflow" in arguments else ""))
        return begun[-1]

    monkeypatch.setattr(steps, "cpu_count", lambda: 3)
    monkeypatch.setattr(steps, "_python", run)
    monkeypatch.setattr(steps, "model_statuses", lambda _settings: [])
    with pytest.raises(KeyboardInterrupt):
        do_main_job(settings, lambda _line: None)
    assert [one.wait(120) for one in begun] == [0, -9, -9]


@pytest.mark.usefixtures("catalogue")
def test_on_one_core_models_are_trained_one_after_the_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    def run(_settings: Settings, *_arguments: str) -> subprocess.Popen[bytes]:
        assert all(one.poll() is not None for one in running)
        running.append(a_step(""))
        return running[-1]

    monkeypatch.setattr(steps, "cpu_count", lambda: 1)
    monkeypatch.setattr(steps, "_python", run)
    monkeypatch.setattr(steps, "model_statuses", lambda _settings: [])
    do_main_job(settings, lambda _line: None)
    assert len(running) == 5
