"""The trainer: carries out orders, keeps the schedule of trainings and the log true, until stopped."""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import MODEL_NAMES
from bookshelf.cron import read_cron
from bookshelf.errors import BookshelfError, Conflict, OrderInProgress
from bookshelf.model_orders import ModelOrders, Order, OrderStatus
from bookshelf.schedule import RETRAIN, Schedule, turn_off
from bookshelf.settings import Settings
from bookshelf.stopping import Stopped, stopped_by_signals
from bookshelf.trial import Shares
from training import after_publish
from training.child import Child
from training.commands import REFUSED
from training.duty import Duty
from training.following import Following
from training.rollback import AlreadyOnDuty, rollback
from training.trial import told_of, try_out

log = logging.getLogger(__name__)

# Soon enough for a rollback to take effect within a second, at the cost of one query.
_LOOK_EVERY = timedelta(seconds=0.4)
_AFTER_TROUBLE = timedelta(seconds=5)
# What is done by hand in the registry, what has been published, and what is due by schedule.
_LOOK_AROUND_EVERY = timedelta(seconds=3)
_STATUS: dict[int, OrderStatus] = {0: "succeeded", REFUSED: "refused"}


def watch(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; an order under way is then given back, for the next trainer.

    Raises `SettingsError` at once for a schedule that cannot be used.
    """
    trainer = Trainer(settings)
    with stopped_by_signals():
        try:
            trainer.begin(now())
            log.info("waiting for orders")
            while True:
                time.sleep(trainer.look().total_seconds())
        except Stopped:
            log.info("stopped")
        finally:
            trainer.stop()


class Trainer:
    """Looks for work, a piece at a time; trainings and judgements are children, at most one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalogue = Catalogue.open(settings.catalogue_url)
        self._duty = Duty.of(settings)
        self._orders = ModelOrders(self._catalogue.engine, settings.run_lease)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._schedule = self._scheduled()
        self._child: Child | None = None
        self._order: Order | None = None  # that the child carries out
        self._ended: tuple[Order, OrderStatus, str] | None = None  # an end that is not on record yet
        self._renewed = time.monotonic()
        self._around = 0.0
        self._following = Following()

    def begin(self, at: datetime) -> None:
        """Let the schedule take effect."""
        if self._schedule is None:
            turn_off(self._catalogue.engine, RETRAIN)
        else:
            self._schedule.take_effect(at)

    def look(self) -> timedelta:
        """Do what there is to do; returns how long to rest before the next look."""
        try:
            self._tend()
            self._take_orders()
            if time.monotonic() >= self._around:
                self._around = time.monotonic() + _LOOK_AROUND_EVERY.total_seconds()
                self._look_around()
        except BookshelfError as error:
            log.warning("%s", error)
        except Exception:  # whatever the registry or a database does, the next order deserves its turn
            log.exception("the work failed unexpectedly")
            return _AFTER_TROUBLE
        return _LOOK_EVERY

    def stop(self) -> None:
        """End what is under way and give its order back."""
        if self._child is not None:
            self._child.end()
        if self._order is not None:
            try:
                self._orders.give_back(self._order.id, self._holder)
            except (Conflict, SQLAlchemyError) as error:  # then its lease runs out
                log.warning("order %s was not given back: %s", self._order.id, error)
        self._child = self._order = None

    def _take_orders(self) -> None:
        """Do at once what takes moments whenever it is asked; begin anything else if nothing is under way."""
        while order := self._orders.claim(self._holder, now(), ("rollback", "trial")):
            self._do_at_once(order)
        if self._child is None and (order := self._orders.claim(self._holder, now(), ("promote", "retrain"))):
            log.info("order %s, to %s %s, begins", order.id, order.kind, order.model)
            self._order, self._renewed = order, time.monotonic()
            self._child = Child(_arguments(order))

    def _do_at_once(self, order: Order) -> None:
        status: OrderStatus = "succeeded"
        try:
            outcome = self._try_out(order) if order.kind == "trial" else self._go_back(order)
        except AlreadyOnDuty as error:  # an earlier try was cut short behind its last step
            outcome = str(error)
        except BookshelfError as error:
            status, outcome = "refused", str(error)
        except Exception as error:  # what ends the order must be on record before it is raised on
            self._finish(order, "failed", f"an error nobody expected ({type(error).__name__})")
            raise
        self._finish(order, status, outcome)

    def _go_back(self, order: Order) -> str:
        done = rollback(self._duty, order.model, order.version, who=order.requested_by, reason=order.reason)
        return f"version {done.to_version} is champion in place of version {done.from_version}"

    def _try_out(self, order: Order) -> str:
        shares = Shares.model_validate(order.trial)
        return told_of(try_out(self._duty.client, order.model, shares, order.version))

    def _tend(self) -> None:
        """Keep the child's order, and put its end on record."""
        self._put_on_record()
        if self._child is None:
            return
        status = self._child.status()
        if status is None:
            self._keep_order()
            return
        child, order = self._child, self._order
        self._child = self._order = None
        said = child.said()
        for line in said:
            log.info("%s | %s", child.arguments[0], line)
        if order is None:
            self._end_following(failed=status != 0)
        else:
            last = said[-1].removeprefix("error: ") if said else f"it ended with status {status}"
            self._ended = order, _STATUS.get(status, "failed"), last
            self._put_on_record()

    def _put_on_record(self) -> None:
        """The end of an order whose child has ended; it waits for a database that does not take it."""
        if self._ended is None:
            return
        try:
            self._finish(*self._ended)
        except Conflict as error:  # somebody else does it anew
            log.warning("%s", error)
        self._ended = None

    def _keep_order(self) -> None:
        if self._order is None or self._child is None:
            return
        beat = self._orders.lease / 5
        if time.monotonic() - self._renewed < beat.total_seconds():
            return
        try:
            self._orders.renew(self._order.id, self._holder, now())
            self._renewed = time.monotonic()
        except Conflict:
            log.warning("order %s was taken from us", self._order.id)
            self._child.end()
            self._child = self._order = None

    def _finish(self, order: Order, status: OrderStatus, outcome: str) -> None:
        self._orders.finish(order.id, self._holder, now(), status, outcome)
        log.info("order %s, to %s %s, %s: %s", order.id, order.kind, order.model, status, outcome)

    def _look_around(self) -> None:
        for entry in self._duty.settle():
            log.info("%s of %s: version %s serves", entry.action, entry.model, entry.to_version)
        if self._schedule is not None:
            self._schedule.look(now())
        self._follow_publication()

    def _follow_publication(self) -> None:
        """Begin the jobs that follow what is published, unless that is done, or failed lately, or we are
        busy."""
        if self._child is not None or not after_publish.JOBS:
            return
        snapshot = self._catalogue.snapshot()
        if snapshot is None or snapshot.features_published_at is None:
            return
        published = snapshot.id, snapshot.features_published_at
        if self._following.is_due(published, time.monotonic()):
            self._following.begin(published)
            self._child = Child(["after-publish"])

    def _end_following(self, *, failed: bool) -> None:
        wait = self._following.end(failed, time.monotonic())
        if wait is not None:
            log.warning("the jobs after the publication failed; they are tried again in %s", wait)

    def _scheduled(self) -> Schedule | None:
        spelled = self._settings.retrain_schedule, self._settings.schedule_time_zone
        cron = read_cron(*spelled, "BOOKSHELF_RETRAIN_SCHEDULE")
        if cron is None:
            return None
        return Schedule(self._catalogue.engine, RETRAIN, cron, spelled, self._ask_for_all)

    def _ask_for_all(self, due: datetime, at: datetime) -> bool:
        for name in MODEL_NAMES:
            try:
                self._orders.request("retrain", name, "schedule", f"scheduled for {due.isoformat()}", at)
            except OrderInProgress as error:
                log.warning("the training of %s scheduled for %s is skipped: %s", name, due, error)
        return True


def _arguments(order: Order) -> list[str]:
    # In one word each: a reason may look like an option.
    told = [f"--name={order.model}", f"--by={order.requested_by}", f"--reason={order.reason}"]
    if order.kind == "retrain":
        return ["retrain", *told]
    return ["promote", *told, f"--version={order.version}"]
