"""Following trials: the version that the registry has on trial is loaded and checked as champions are."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import ModelUnavailable
from bookshelf.trial import OnTrial
from serving.appointment import Appointment
from serving.champions import Champion
from serving.retries import Retries
from serving.shelf import Challenger, Shelf
from serving.wanted_trials import WantedTrial

if TYPE_CHECKING:
    from serving.answers import Answers

log = logging.getLogger(__name__)


class Registry(Protocol):
    """What following trials needs of the registry."""

    def on_trial(self, name: ModelName) -> WantedTrial | None: ...

    def champion(self, appointed: Appointment, *, beside: bool = False) -> Champion: ...

    def note_refused(self, appointed: Appointment, reason: str) -> None: ...


class TrialFollower:
    """Keeps the challengers on a shelf as the registry has them. `prepare` makes one ready, or refuses it.

    Whatever becomes of a challenger, the champions on the shelf are not touched.
    """

    def __init__(
        self,
        registry: Registry,
        shelf: Shelf,
        prepare: Callable[[Champion], Answers],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._shelf = shelf
        self._prepare = prepare
        self._retries = Retries(clock)
        # One model a look: asking for them all each second would cost the answers more than it is worth.
        self._turns = itertools.cycle(MODEL_NAMES)

    def look(self) -> None:
        """Bring the next model's trial to what the registry says now; as it is while that cannot be read."""
        name = next(self._turns)
        try:
            self._look_up(name, self._registry.on_trial(name))
        except ModelUnavailable:
            return  # who follows the champions says so
        # Whatever nobody foresaw: the champions answer, and the next look may do better.
        except Exception:
            log.exception("following the trial of %s failed", name)

    def _look_up(self, name: ModelName, wanted: WantedTrial | None) -> None:
        if wanted is None:
            self._retries.forget(name)
            self._shelf.try_out(name, None)
        elif wanted.version is None:
            self._retries.forget(name)
            self._shelf.try_out(name, Challenger(_told(wanted, wanted.reason)))
        elif (answers := self._loaded(wanted.version)) is not None:
            self._retries.forget(name)
            self._shelf.try_out(name, Challenger(_told(wanted), answers))
        elif self._retries.may_try(wanted.version):
            self._try(wanted, wanted.version)
        elif (refused := self._shelf.on_trial(name)) is not None:
            self._shelf.try_out(name, Challenger(_told(wanted, refused.trial.refused)))

    def _loaded(self, version: Appointment) -> Answers | None:
        """The version, where it is on the shelf already, on trial or on duty."""
        challenger = self._shelf.on_trial(version.name)
        for answers in (challenger and challenger.answers, self._shelf[version.name].answers):
            if answers and answers.champion.appointment.key == version.key:
                return answers
        return None

    def _try(self, wanted: WantedTrial, version: Appointment) -> None:
        try:
            answers = self._prepare(self._registry.champion(version, beside=True))
        except ModelUnavailable as error:
            log.warning("%s version %s is not tried: %s", version.name, version.version, error)
            self._retries.failed(version)
            self._registry.note_refused(version, str(error))
            self._shelf.try_out(version.name, Challenger(_told(wanted, str(error))))
        else:
            log.info("%s version %s is on trial", version.name, version.version)
            self._retries.forget(version.name)
            self._shelf.try_out(version.name, Challenger(_told(wanted), answers))
        self._shelf.leftovers.note()


def _told(wanted: WantedTrial, refused: str | None = None) -> OnTrial:
    number = wanted.trial.version if wanted.version is None else wanted.version.version
    shares = wanted.trial.model_dump(include={"shadow", "share"})
    return OnTrial(version=number, refused=refused, **shares)
