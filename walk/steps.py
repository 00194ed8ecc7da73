"""The main job: crawl, publish, train, promote; each step skipped where its result is still valid."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from pydantic import TypeAdapter

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import MODEL_NAMES, ModelStatus
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.settings import ROOT, Settings
from walk.launch import MARK
from walk.programs import environment, mark

Say = Callable[[str], None]
_STATUSES = TypeAdapter(list[ModelStatus])


def do_main_job(settings: Settings, say: Say) -> None:
    """Bring catalogue, feature store and models up to date. Raises `BookshelfError` naming the step."""
    _timed("catalogue and features", say, partial(_python, settings, "-m", "ingestion", "ensure"))
    catalogue = Catalogue.open(settings.catalogue_url)
    if catalogue.snapshot() is None:
        raise BookshelfError("step catalogue and features left no snapshot")
    known = {model.name: model for model in model_statuses(settings)}
    stale = [name for name in MODEL_NAMES if is_stale(known.get(name), catalogue)]
    for name in stale:
        _timed(f"train {name}", say, partial(_mlflow_run, settings, name, experiment=name))
    # Only what nobody has judged: a version that was rolled back from must not come back by itself.
    unjudged = [name for name in MODEL_NAMES if name in stale or not known[name].promotion]
    for judged in ["all"] if len(unjudged) == len(MODEL_NAMES) else list[str](unjudged):
        step = partial(_mlflow_run, settings, "promote", experiment="promotion", name=judged)
        _timed(f"promote {judged}", say, step)
    for name in sorted(set(MODEL_NAMES) - set(stale)):
        say(f"  {name} version {known[name].version} is up to date")


def model_statuses(settings: Settings) -> list[ModelStatus]:
    """The newest version of each model that is registered."""
    answer = subprocess.run(
        [sys.executable, "-m", "training", "status", "--json"],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise BookshelfError(f"cannot read the model registry: {answer.stderr.strip()}")
    return _STATUSES.validate_json(answer.stdout)


def is_stale(model: ModelStatus | None, catalogue: Catalogue) -> bool:
    """Whether the model is to be trained: there is none that can be served, or it learnt from other shops.

    A later crawl of the same shops makes no model invalid; when to train again is for the schedule or its
    engineer to say. What learnt from a corpus, no shop makes invalid.
    """
    if model is None:
        return True
    if model.name == "price" and catalogue.overview().currency is None:
        return False  # no model learns prices of several currencies: which source's, its engineer says
    if model.unservable is not None:
        return True
    if model.feature_service is None:  # it learnt from a corpus
        return False
    if model.snapshot_id is None:
        return True
    try:
        snapshot = catalogue.snapshots.get(model.snapshot_id)
    except NotFound:  # the catalogue is younger than the model
        return True
    return catalogue.sources(as_of=snapshot.published_at) != catalogue.sources()


def _mlflow_run(settings: Settings, entry_point: str, experiment: str, **parameters: str) -> int:
    project = ("run", str(ROOT), "--entry-point", entry_point, "--env-manager", "local")
    given = [part for name, value in parameters.items() for part in ("-P", f"{name}={value}")]
    return _python(settings, "-m", "mlflow", *project, "--experiment-name", experiment, *given)


def _python(settings: Settings, *arguments: str) -> int:
    # Marked, so that what a step has started ends with the walk, however that is told to end.
    env = {**environment(settings), MARK: mark(settings, "step")}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, check=False).returncode


def _timed(title: str, say: Say, step: Callable[[], int]) -> None:
    """Run one step and tell how long it took."""
    started = time.monotonic()
    if status := step():
        raise BookshelfError(f"step {title!r} ended with status {status}; what it said is above")
    say(f"✓ {title} ({_in_words(timedelta(seconds=time.monotonic() - started))})")


def _in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
