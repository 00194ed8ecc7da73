"""The shelf: the models on duty or on trial in this process, and for each that is not, the reason."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from bookshelf.contracts import MODEL_NAMES, ModelName, ServedModel
from bookshelf.errors import ModelUnavailable
from bookshelf.trial import OnTrial
from serving.answers import Answers
from serving.leftovers import Leftovers

log = logging.getLogger(__name__)

_GC_THRESHOLDS = (50_000, 20, 100)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who answers for a model since when, and which version is wanted in its place.

    `reason` says why that version is not on duty, or why nobody is; None while all is as it should be.
    """

    answers: Answers | None = None
    since: datetime | None = None
    wanted: str | None = None
    reason: str | None = "it is still being loaded"


@dataclass(frozen=True, slots=True)
class Challenger:
    """A version on trial beside the champion; without answers, it is told why it cannot be tried."""

    trial: OnTrial
    answers: Answers | None = None


class Shelf:
    """One standing a model; closed until `open` says that the rest of the service is ready too.

    Each standing is put in its place by one assignment and asked for once a request, so that a request
    never sees two versions, and one under way keeps the version that it began with.
    """

    def __init__(self) -> None:
        self._standings: dict[ModelName, Standing] = dict.fromkeys(MODEL_NAMES, Standing())
        self._trials: dict[ModelName, Challenger] = {}
        self._open = False
        self.leftovers = Leftovers()

    def __getitem__(self, name: ModelName) -> Standing:
        return self._standings[name]

    def answers(self, name: ModelName) -> Answers:
        """The model on duty. Raises `ModelUnavailable` with the reason if there is none."""
        standing = self._standings[name]
        if standing.answers is None:
            raise ModelUnavailable(f"the model {name!r} cannot answer: {standing.reason}")
        return standing.answers

    def on_trial(self, name: ModelName) -> Challenger | None:
        """What is tried of that model, also if it cannot be; None where no trial is on."""
        return self._trials.get(name)

    def challenger(self, name: ModelName) -> Challenger | None:
        """What is tried beside the champion, if it can answer and is not the champion itself."""
        found = self._trials.get(name)
        if found is None or found.answers is None or _same(found.answers, self._standings[name].answers):
            return None
        return found

    def try_out(self, name: ModelName, challenger: Challenger | None) -> None:
        """From now on this one is on trial, or none."""
        if challenger is None:
            self._trials.pop(name, None)
        else:
            self._trials[name] = challenger

    def on_duty(self) -> list[Answers]:
        """Every model that can answer, in the order of `MODEL_NAMES`."""
        return [one.answers for one in self._standings.values() if one.answers is not None]

    def served(self) -> list[ServedModel]:
        """Every model as it stands, in the order of `MODEL_NAMES`."""
        return [_served(name, one, self._trials.get(name)) for name, one in self._standings.items()]

    def put(self, name: ModelName, answers: Answers, at: datetime) -> None:
        """From now on these answers, which are those that are wanted."""
        before = self._standings[name].answers
        self._standings[name] = Standing(answers, at, wanted=answers.champion.version, reason=None)
        instead = "" if before is None else f" in place of version {before.champion.version}"
        log.info("%s version %s is on duty%s", name, answers.champion.version, instead)

    def want(self, name: ModelName, version: str | None, reason: str | None) -> bool:
        """Note which version is wanted, and why it is not on duty; who is stays. Whether that is news."""
        before = self._standings[name]
        if (before.wanted, before.reason) == (version, reason):
            return False
        self._standings[name] = replace(before, wanted=version, reason=reason)
        if reason is not None:
            log.warning("%s: %s", name if before.answers is None else _keeps(before.answers), reason)
        return True

    def open(self) -> None:
        """Call the process ready if it can be."""
        self._open = True

    def check_ready(self) -> None:
        """Raises `ModelUnavailable` until the shelf is open with at least one model on duty.

        One that is missing does not make the process unready: the others answer, and its own endpoint
        says what is the matter.
        """
        if not self._open or not self.on_duty():
            away = [f"{name}: {one.reason}" for name, one in self._standings.items() if one.answers is None]
            raise ModelUnavailable("; ".join(away) or "the rest of the service is still being loaded")


def _served(name: ModelName, standing: Standing, challenger: Challenger | None) -> ServedModel:
    champion = None if standing.answers is None else standing.answers.champion
    return ServedModel(
        name=name,
        version=None if champion is None else champion.version,
        run_id=None if champion is None else champion.run_id,
        informative=None if champion is None else champion.informative,
        since=standing.since,
        wanted_version=standing.wanted,
        refused=standing.reason,
        trial=None if challenger is None else _tried(challenger, standing),
    )


def _tried(challenger: Challenger, standing: Standing) -> OnTrial:
    if challenger.answers is not None and _same(challenger.answers, standing.answers):
        return challenger.trial.model_copy(update={"refused": "it is the champion"})
    return challenger.trial


def _same(one: Answers, other: Answers | None) -> bool:
    """Whether both are the same version, which may have been loaded twice."""
    if other is None:
        return False
    versions = [(answers.champion.version, answers.champion.run_id) for answers in (one, other)]
    return versions[0] == versions[1]


def _keeps(answers: Answers) -> str:
    return f"{answers.champion.name} version {answers.champion.version} stays on duty"


@contextmanager
def settled_heap() -> Iterator[None]:
    """Collect no garbage in the body, and take all that it leaves behind out of the collector's sight.

    Imports and models make objects that stay: looking through them again and again costs a fifth of the
    time that loading takes, and later stops a worker for a quarter of a second now and then.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.enable()
