"""The sender: empties the outbox of webhooks, several receivers at once, each message until it is taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import now
from bookshelf.webhooks import Claim, Webhooks
from ingestion.message import Answer, post

log = logging.getLogger(__name__)

_AFTER_TROUBLE = timedelta(seconds=5)

# Ten seconds, three times as long each time, at most four hours: a receiver that restarts hears at once, one
# that somebody repairs within four hours of it, and one that was down for a night is not given up. Twelve
# waits are 23 hours; after the attempt that follows the last of them a delivery has failed.
WAITS = tuple(min(timedelta(seconds=10) * 3**n, timedelta(hours=4)) for n in range(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How messages are sent.

    `waits` lie between the attempts of one delivery, longer ones where a Retry-After asks for them, up to
    `longest_asked`. An attempt that takes `patience` no longer keeps others from being begun. A claim must
    outlast an attempt and the wait for the database behind it, or a delivery would be sent twice.
    """

    waits: tuple[timedelta, ...] = WAITS
    longest_asked: timedelta = timedelta(days=1)
    at_once: int = 8
    timeout: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(seconds=30)
    claimed_for: timedelta = timedelta(minutes=3)
    look_every: timedelta = timedelta(seconds=1)
    time_to_stop: timedelta = timedelta(seconds=5)


class Sender:
    """Sends what is due from one outbox; any number of senders, here or elsewhere, may share it.

    At most one message is on its way to a webhook, so that one that never answers holds up its own alone.
    """

    def __init__(
        self,
        engine: Engine,
        how: Sending = Sending(),
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._webhooks = Webhooks(engine)
        self._how = how
        self._clock = clock
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = False
        # By webhook: its thread and when that began, in monotonic seconds.
        self._sending: dict[str, tuple[threading.Thread, float]] = {}
        # By webhook: whose turn was when. The one that had none for longest comes first.
        self._turns: dict[str, int] = {}

    def run(self) -> None:
        """Send what is due, as soon as it is due, until told to stop."""
        while not self._stopping:
            self._woken.clear()
            rest = self._how.look_every
            try:
                self.begin_due()
            except Exception:  # whatever the database does, the next look deserves its turn
                log.exception("deliveries cannot be looked up now")
                rest = _AFTER_TROUBLE
            self._woken.wait(rest.total_seconds())

    def stop(self) -> None:
        """Begin nothing more; from any thread."""
        self._stopping = True
        self._woken.set()

    def begin_due(self) -> None:
        """Begin to send what is due, as far as there is room; each in a thread of its own."""
        due = self._webhooks.due(self._clock())
        for delivery in sorted(due, key=lambda waiting: self._turns.get(waiting.webhook_id, 0)):
            if not self._room():
                return
            if delivery.webhook_id in self._sending:
                continue
            claim = self._webhooks.claim(delivery, self._clock() + self._how.claimed_for)
            if claim is not None:
                self._begin(claim)

    def wait(self, longest: timedelta) -> bool:
        """Wait for what is on its way; False if some of it still is after `longest`."""
        deadline = time.monotonic() + longest.total_seconds()
        with self._lock:
            threads = [thread for thread, _ in self._sending.values()]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _room(self) -> bool:
        recent = time.monotonic() - self._how.patience.total_seconds()
        with self._lock:
            return sum(began > recent for _, began in self._sending.values()) < self._how.at_once

    def _begin(self, claim: Claim) -> None:
        webhook_id = claim.delivery.webhook_id
        # A daemon: a receiver that is slow, or its name to be found, must not keep the process from ending.
        thread = threading.Thread(target=self._attempt, args=(claim,), name="webhook", daemon=True)
        with self._lock:
            self._turns[webhook_id] = max(self._turns.values(), default=0) + 1
            thread.start()
            self._sending[webhook_id] = thread, time.monotonic()

    def _attempt(self, claim: Claim) -> None:
        try:
            answer = post(claim, self._clock(), self._how.timeout)
            if not self._note_at_last(claim, answer):
                log.warning(
                    "delivery %s was sent again, or its webhook removed, meanwhile", claim.delivery.id
                )
        finally:
            with self._lock:
                del self._sending[claim.delivery.webhook_id]
            self._woken.set()

    def _note_at_last(self, claim: Claim, answer: Answer) -> bool:
        """Note it, trying for as long as the claim is ours: a long publish holds up all writers of SQLite."""
        until = claim.delivery.next_attempt_at
        while True:
            try:
                return self._note(claim, answer)
            except SQLAlchemyError as error:
                if self._stopping or until is None or self._clock() >= until:
                    # It is due again when the claim has run out: sent twice rather than never.
                    log.warning("delivery %s was attempted and cannot be noted: %s", claim.delivery.id, error)
                    return False
            time.sleep(self._how.look_every.total_seconds())

    def _note(self, claim: Claim, answer: Answer) -> bool:
        at = self._clock()
        if answer.error is None:
            assert answer.status is not None
            return self._webhooks.delivered(claim, at, answer.status)
        wait = self._wait(claim.delivery.attempts, answer)
        log.warning(
            "delivery %s of %s to %s: %s; %s",
            claim.delivery.id,
            claim.delivery.event,
            claim.url,
            answer.error,
            "given up" if wait is None else f"again in {wait}",
        )
        return self._webhooks.failed(
            claim,
            answer.error,
            response_status=answer.status,
            next_attempt_at=None if wait is None else at + wait,
        )

    def _wait(self, attempts: int, answer: Answer) -> timedelta | None:
        """How long until the next attempt, after so many; None if that was the last."""
        if attempts > len(self._how.waits):
            return None
        asked = min(answer.asked_to_wait or timedelta(0), self._how.longest_asked)
        return max(self._how.waits[attempts - 1], asked)


@contextmanager
def delivering(engine: Engine, how: Sending = Sending()) -> Iterator[None]:
    """Send what is due, in threads of this process, for as long as the context lasts.

    What is on its way when it ends is given a few seconds; what takes longer is sent again by the next
    sender, under the same id.
    """
    sender = Sender(engine, how)
    thread = threading.Thread(target=sender.run, name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        sender.stop()
        thread.join(how.time_to_stop.total_seconds())
        sender.wait(how.time_to_stop)
