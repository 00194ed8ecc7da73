"""The main job: crawl, publish, train, promote; each step skipped where its result is still valid."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from joblib import cpu_count
from pydantic import TypeAdapter

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import MODEL_NAMES, ModelStatus
from bookshelf.errors import BookshelfError, NotFound
from bookshelf.settings import ROOT, Settings
from walk.launch import MARK
from walk.programs import environment, mark

Say = Callable[[str], None]
#: Of `python`, in a process of its own.
Arguments = tuple[str, ...]

_LOOK_EVERY = timedelta(seconds=0.05)
_STATUSES = TypeAdapter(list[ModelStatus])


def do_main_job(settings: Settings, say: Say) -> None:
    """Bring catalogue, feature store and models up to date. Raises `BookshelfError` naming the step."""
    _do(settings, say, {"catalogue and features": ("-m", "ingestion", "ensure")})
    catalogue = Catalogue.open(settings.catalogue_url)
    if catalogue.snapshot() is None:
        raise BookshelfError("step catalogue and features left no snapshot")
    known = {model.name: model for model in model_statuses(settings)}
    stale = [name for name in MODEL_NAMES if is_stale(known.get(name), catalogue)]
    trainings = {f"train {name}": _mlflow_run(name, experiment=name) for name in reversed(stale)}
    # Most of a training keeps one core busy. The longest, of the sentiment model, begins first.
    _do(settings, say, trainings, at_once=cpu_count())
    # Only what nobody has judged: a version that was rolled back from must not come back by itself.
    unjudged = [name for name in MODEL_NAMES if name in stale or not known[name].promotion]
    for judged in ["all"] if len(unjudged) == len(MODEL_NAMES) else list[str](unjudged):
        step = _mlflow_run("promote", experiment="promotion", name=judged)
        _do(settings, say, {f"promote {judged}": step})
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


def _mlflow_run(entry_point: str, experiment: str, **parameters: str) -> Arguments:
    project = ("run", str(ROOT), "--entry-point", entry_point, "--env-manager", "local")
    given = [part for name, value in parameters.items() for part in ("-P", f"{name}={value}")]
    return ("-m", "mlflow", *project, "--experiment-name", experiment, *given)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A step that is under way."""

    title: str
    process: subprocess.Popen[bytes]
    at: float = field(default_factory=time.monotonic)

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def told(self) -> str:
        return f"✓ {self.title} ({_in_words(timedelta(seconds=time.monotonic() - self.at))})"


def _do(settings: Settings, say: Say, steps: Mapping[str, Arguments], at_once: int = 1) -> None:
    """Take steps that need nothing of each other, so many at once, and tell how long each took.

    Raises `BookshelfError` for those that fail, when all have ended.
    """
    waiting, running, failed = list(steps.items()), list[_Begun](), []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                title, step = waiting.pop(0)
                running.append(_Begun(title, _python(settings, *step)))
            for one in [begun for begun in running if begun.has_ended]:
                running.remove(one)
                if status := one.process.returncode:
                    failed.append(f"step {one.title!r} ended with status {status}")
                else:
                    say(one.told())
            time.sleep(_LOOK_EVERY.total_seconds())
    finally:  # whoever ends the walk ends its steps
        for left in running:
            left.process.kill()
    if failed:
        raise BookshelfError(f"{'; '.join(failed)}; what was said is above")


def _python(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    # Marked, so that what a step has started ends with the walk, however that is told to end.
    env = {**environment(settings), MARK: mark(settings, "step")}
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env)


def _in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
