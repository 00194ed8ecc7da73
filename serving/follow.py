"""Following the registry: whom it names `champion` is loaded beside the old, checked, and takes its place."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Protocol

from bookshelf.catalogue import now
from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import ModelUnavailable
from serving import metrics
from serving.appointment import Appointment
from serving.champions import Champion
from serving.retries import Retries
from serving.shelf import Shelf

if TYPE_CHECKING:
    from serving.answers import Answers

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0


class Registry(Protocol):
    """What following needs of the registry."""

    def appointed(self, name: ModelName) -> Appointment | None: ...

    def last_on_duty(self, name: ModelName) -> Appointment | None: ...

    def champion(self, appointed: Appointment, *, beside: bool = False) -> Champion: ...

    def note_on_duty(self, champion: Champion, at: str) -> None: ...

    def note_refused(self, appointed: Appointment, reason: str) -> None: ...


class Follower:
    """Keeps a shelf as the registry has it. `prepare` makes a champion ready to answer, or refuses it.

    One thread looks and loads; the shelf is read by all. Who is on duty stays there until another has
    passed every check, whatever the registry says and whether or not it can be read.
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
        #: Why the registry cannot be read; None while it can.
        self.away: str | None = None

    def look(self) -> None:
        """Bring every place to what the registry says now, one after the other."""
        try:
            self._look()
        # Whatever nobody foresaw: who is on duty stays, and the next look may do better.
        except Exception:
            log.exception("following the registry failed")

    def _look(self) -> None:
        away = None
        for name in MODEL_NAMES:
            # Once it did not answer, the others need not wait for it too.
            away = away or self._look_up(name)
            if away is not None:
                self._do_without(name, away)
        if (away is None) != (self.away is None):
            log.warning("the registry %s", "can be read again" if away is None else f"is away: {away}")
            self._retries.clear()  # what failed for want of it need not wait
        self.away = away

    def _look_up(self, name: ModelName) -> str | None:
        """Bring that place to what the registry says; the reason if it cannot be read."""
        try:
            wanted = self._registry.appointed(name)
        except ModelUnavailable as error:
            return str(error)
        if wanted is None:
            self._retries.forget(name)
            self._shelf.want(name, None, f"no version of {name} is champion: promote one")
        elif self._is_on_duty(wanted):
            self._retries.forget(name)
            self._shelf.want(name, wanted.version, None)
        else:
            self._try(wanted)
        return None

    def _do_without(self, name: ModelName, away: str) -> None:
        """Fill a place that is empty while the registry cannot be read with who was there last."""
        if self._shelf[name].answers is not None:
            return
        last = self._registry.last_on_duty(name)
        if last is None:
            self._shelf.want(name, None, away)
        else:
            self._try(last, kept=True)

    def _is_on_duty(self, wanted: Appointment) -> bool:
        answers = self._shelf[wanted.name].answers
        return answers is not None and answers.champion.appointment.key == wanted.key

    def _try(self, wanted: Appointment, *, kept: bool = False) -> None:
        """Load and check the version and put it on duty, unless that failed a short while ago.

        `kept` is the one that was on duty last, of which the registry need not be told.
        """
        if not self._retries.may_try(wanted):
            return
        try:
            self._put(wanted, tell=not kept)
        except ModelUnavailable as error:
            self._refuse(wanted, str(error), tell=not kept)
        self._shelf.leftovers.note()

    def _put(self, wanted: Appointment, *, tell: bool) -> None:
        replaces = self._shelf[wanted.name].answers is not None
        answers = self._prepare(self._registry.champion(wanted, beside=replaces))
        at = now()
        self._shelf.put(wanted.name, answers, at)
        self._retries.forget(wanted.name)
        if replaces:
            metrics.count_swap(wanted.name, "swapped")
        if tell:
            self._registry.note_on_duty(answers.champion, at.isoformat(timespec="seconds"))

    def _refuse(self, wanted: Appointment, reason: str, *, tell: bool) -> None:
        if self._shelf[wanted.name].answers is None:
            self._put_last(wanted)
        self._retries.failed(wanted)
        if tell:
            self._registry.note_refused(wanted, reason)
        if self._shelf.want(wanted.name, wanted.version, reason):
            metrics.count_swap(wanted.name, "refused")

    def _put_last(self, refused: Appointment) -> None:
        """Fill a place that is empty because a version is refused with who was there before this process."""
        last = self._registry.last_on_duty(refused.name)
        if last is None or last.key == refused.key:
            return
        try:
            self._put(last, tell=False)
        except ModelUnavailable as error:
            log.warning("%s version %s was on duty last: %s", last.name, last.version, error)


def follow(stop: Event, *looks: Callable[[], None]) -> None:
    """Look again and again, one look after the other, until told to stop."""
    while not stop.wait(LOOK_EVERY_SECONDS):
        for look in looks:
            look()
