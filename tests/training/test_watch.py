"""The trainer: orders carried out, given back and taken up again; schedule, publications, changes by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError, SettingsError
from bookshelf.model_orders import ModelOrders, Order
from bookshelf.promotions import Change
from bookshelf.schedule import RETRAIN, next_run_at
from bookshelf.settings import ROOT, Settings
from tests.conftest import wait_until
from training import after_publish, following, watch
from training.__main__ import parser
from training.aliases import CHAMPION
from training.child import Child
from training.duty import Duty
from training.following import Following
from training.rollback import rollback as go_back
from training.watch import Trainer

NAME = "price"


class AChild:
    """Stands for a child of the trainer: it ends when it is told to, with what it is told to say."""

    started: list[AChild]

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = tuple(arguments)
        self.ending: int | None = None
        self.lines = ["price version 3: champion in place of version 2"]
        self.interrupted = False
        AChild.started.append(self)

    def status(self) -> int | None:
        return self.ending

    def said(self) -> list[str]:
        return self.lines

    def end(self) -> None:
        self.interrupted = True


@pytest.fixture
def home(four_versions: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Version 2 is on duty and 1 was before; children are under the test's hand."""
    AChild.started = []
    monkeypatch.setattr(watch, "Child", AChild)
    monkeypatch.setattr(watch, "_LOOK_AROUND_EVERY", timedelta(0))
    duty = Duty.of(four_versions)
    for before, to in ((None, "1"), ("1", "2")):
        duty.change(
            Change(
                model=NAME,
                at=now(),
                action="promote",
                from_version=before,
                to_version=to,
                who="cli",
                reason="it passed its gate",
            )
        )
    return four_versions


@pytest.fixture
def orders(home: Settings) -> Iterator[ModelOrders]:
    catalogue = Catalogue.open(home.catalogue_url)
    yield ModelOrders(catalogue.engine)
    catalogue.engine.dispose()


@pytest.fixture
def trainer(home: Settings) -> Trainer:
    return Trainer(home)


def rollback(orders: ModelOrders, version: str = "1") -> Order:
    return orders.request("rollback", NAME, "admin", "odd prices", now(), version)


def champion(home: Settings) -> str | None:
    return Duty.of(home).aliases(NAME).get(CHAMPION)


def test_a_rollback_takes_effect_at_the_next_look(
    trainer: Trainer, orders: ModelOrders, home: Settings
) -> None:
    order = rollback(orders)
    rest = trainer.look()
    assert rest <= timedelta(seconds=0.5)
    done = orders.get(order.id)
    assert (done.status, done.outcome) == ("succeeded", "version 1 is champion in place of version 2")
    assert champion(home) == "1"
    [entry, *_] = Duty.of(home).log.page(NAME, number=1, size=1)[0]
    assert (entry.action, entry.who, entry.reason) == ("rollback", "admin", "odd prices")


def test_a_rollback_cut_short_behind_its_last_step_is_done_once(
    trainer: Trainer, orders: ModelOrders, home: Settings
) -> None:
    order = rollback(orders)
    orders.claim("a trainer that died", now() - timedelta(hours=1))
    go_back(Duty.of(home), NAME, "1", who="admin", reason="odd prices")
    trainer.look()
    assert (orders.get(order.id).status, orders.get(order.id).attempts) == ("succeeded", 2)
    assert champion(home) == "1"
    assert Duty.of(home).log.page(NAME, number=1, size=10)[1] == 3


def test_a_rollback_that_cannot_be_is_refused_with_the_reason(trainer: Trainer, orders: ModelOrders) -> None:
    order = rollback(orders, "3")
    trainer.look()
    done = orders.get(order.id)
    assert done.status == "refused"
    assert "was never on duty" in str(done.outcome)


def test_a_training_is_a_child_and_a_rollback_of_another_model_does_not_wait_for_it(
    trainer: Trainer, orders: ModelOrders
) -> None:
    training = orders.request("retrain", "sentiment", "schedule", "weekly", now())
    trainer.look()
    [child] = AChild.started
    assert child.arguments == ("retrain", "--name=sentiment", "--by=schedule", "--reason=weekly")
    back = rollback(orders)
    waiting = orders.request("retrain", "recommender", "admin", "", now())
    trainer.look()
    assert [orders.get(one.id).status for one in (training, back, waiting)] == [
        "running",
        "succeeded",
        "queued",
    ]
    child.ending = 0
    trainer.look()
    assert orders.get(training.id).outcome == child.lines[-1]
    assert [one.arguments[1] for one in AChild.started] == ["--name=sentiment", "--name=recommender"]


@pytest.mark.parametrize(
    ("status", "line", "ended", "outcome"),
    [
        (0, "price version 3: champion", "succeeded", "price version 3: champion"),
        (3, "price version 3: refused: it is worse", "refused", "price version 3: refused: it is worse"),
        (1, "error: nothing was on offer", "failed", "nothing was on offer"),
        (-9, "", "failed", "it ended with status -9"),
    ],
)
def test_an_order_ends_as_its_child_does(
    trainer: Trainer, orders: ModelOrders, status: int, line: str, ended: str, outcome: str
) -> None:
    order = orders.request("promote", NAME, "admin", "a try", now(), "3")
    trainer.look()
    [child] = AChild.started
    assert child.arguments[-1] == "--version=3"
    child.ending, child.lines = status, [line] if line else []
    trainer.look()
    assert (orders.get(order.id).status, orders.get(order.id).outcome) == (ended, outcome)


def test_an_end_that_the_database_does_not_take_is_put_on_record_at_the_next_look(
    trainer: Trainer, orders: ModelOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = orders.request("retrain", NAME, "admin", "", now())
    trainer.look()
    AChild.started[0].ending = 0

    def locked(*_asked: object) -> Order:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(ModelOrders, "finish", locked)
        assert trainer.look() > timedelta(seconds=1)
    assert orders.get(order.id).status == "running"
    trainer.look()
    assert (orders.get(order.id).status, len(AChild.started)) == ("succeeded", 1)


@pytest.mark.parametrize("reason", ["--help", "-x", "", "two words = 'quoted' \n new line"])
def test_any_reason_reaches_the_child_as_it_is(trainer: Trainer, orders: ModelOrders, reason: str) -> None:
    orders.request("retrain", NAME, "admin", reason, now())
    trainer.look()
    words = AChild.started[0].arguments
    assert parser(words).parse_args(words).reason == reason


def test_a_trainer_that_is_told_to_stop_gives_its_order_back(trainer: Trainer, orders: ModelOrders) -> None:
    order = orders.request("retrain", NAME, "admin", "", now())
    trainer.look()
    trainer.stop()
    assert AChild.started[0].interrupted
    assert (orders.get(order.id).status, orders.get(order.id).attempts) == ("queued", 0)


def test_an_order_that_was_taken_from_it_is_left_alone(home: Settings, orders: ModelOrders) -> None:
    trainer = Trainer(home.model_copy(update={"run_lease": timedelta(0)}))
    order = orders.request("retrain", NAME, "admin", "", now())
    trainer.look()
    orders.claim("another", now() + timedelta(hours=1))
    trainer.look()
    assert AChild.started[0].interrupted
    assert orders.get(order.id).status == "running"


def test_what_is_set_by_hand_is_noticed(trainer: Trainer, home: Settings) -> None:
    duty = Duty.of(home)
    duty.client.set_registered_model_alias(NAME, CHAMPION, "3")
    trainer.look()
    assert duty.log.standing()[NAME].action == "by_hand"


def test_all_models_are_trained_again_at_the_scheduled_time_and_once(
    home: Settings, orders: ModelOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    saturday, due = datetime(2026, 3, 7, 6, tzinfo=UTC), datetime(2026, 3, 8, 4, tzinfo=UTC)
    monkeypatch.setattr(watch, "now", lambda: saturday)
    trainer = Trainer(home.model_copy(update={"retrain_schedule": "0 4 * * 0"}))
    trainer.begin(saturday)
    assert next_run_at(orders.engine, RETRAIN) == due
    trainer.look()
    assert orders.page(number=1, size=9)[1] == 0
    monkeypatch.setattr(watch, "now", lambda: due + timedelta(seconds=1))
    for _ in range(2):
        trainer.look()
    found, total = orders.page(number=1, size=9)
    assert total == 3
    assert {one.requested_by for one in found} == {"schedule"}
    assert {one.model for one in found} == {"price", "recommender", "sentiment"}


def test_a_schedule_that_is_off_is_told_as_such_and_a_wrong_one_by_its_variable(
    home: Settings, orders: ModelOrders
) -> None:
    Trainer(home).begin(now())
    assert next_run_at(orders.engine, RETRAIN) is not None
    Trainer(home.model_copy(update={"retrain_schedule": "off"})).begin(now())
    assert next_run_at(orders.engine, RETRAIN) is None
    with pytest.raises(SettingsError, match=r"^BOOKSHELF_RETRAIN_SCHEDULE='weekly'"):
        Trainer(home.model_copy(update={"retrain_schedule": "weekly"}))


def test_each_publication_of_features_is_followed_once(
    trainer: Trainer, home: Settings, a_book: Callable[..., Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_publish, "JOBS", ("training.drift:check_drift",))
    catalogue = Catalogue.open(home.catalogue_url)
    snapshot = catalogue.publish([a_book()], "https://shop.test/", now())
    trainer.look()
    assert AChild.started == []
    catalogue.snapshots.mark_features_published(snapshot.id, now())
    trainer.look()
    [child] = AChild.started
    assert child.arguments == ("after-publish",)
    child.ending = 0
    for _ in range(2):
        trainer.look()
    assert len(AChild.started) == 1


def test_jobs_that_failed_are_tried_again_after_a_while(
    trainer: Trainer, home: Settings, a_book: Callable[..., Book], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    catalogue = Catalogue.open(home.catalogue_url)
    snapshot = catalogue.publish([a_book()], "https://shop.test/", now())
    catalogue.snapshots.mark_features_published(snapshot.id, now())
    trainer.look()
    AChild.started[0].ending = 1
    trainer.look()
    trainer.look()
    assert len(AChild.started) == 1  # not at once
    clock[0] += following.FIRST_WAIT.total_seconds()
    trainer.look()
    [_, again] = AChild.started
    assert again.arguments == ("after-publish",)
    again.ending = 0
    trainer.look()
    clock[0] += following.LONGEST_WAIT.total_seconds()
    trainer.look()
    trainer.look()
    assert len(AChild.started) == 2


def test_each_failure_in_a_row_doubles_the_wait_and_another_publication_has_none() -> None:
    first, second = (1, now()), (2, now())
    found = Following()
    found.begin(first)
    waits = []
    for _ in range(12):
        waits.append(found.end(failed=True, at=0.0))
        found.begin(first)
    assert waits[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert waits[-1] == timedelta(hours=1)
    assert found.is_due(second, 0.0)
    found.begin(second)
    assert found.end(failed=True, at=0.0) == timedelta(seconds=30)
    assert not found.is_due(second, 29.0)
    assert found.is_due(second, 30.0)


def test_a_job_that_fails_leaves_the_others_to_be_done(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_publish, "JOBS", ("training.nowhere:job", "training.status:model_statuses"))
    with pytest.raises(BookshelfError, match=r"training\.nowhere:job"):
        after_publish.follow_publication(settings)


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_a_real_child_says_what_it_said_and_can_be_ended() -> None:
    child = Child(["rollback"])
    wait_until(lambda: child.status() is not None)
    assert child.status() == 1
    assert child.said()[-1].startswith("error: name one of price")
    endless = Child(["watch"])
    endless.end()
    assert endless.status() is not None


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_a_child_ends_with_a_trainer_that_is_killed() -> None:
    # As in the background of a script: its shell has all of them ignore what interrupts.
    told = (
        "import signal, time; from training.child import Child;"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); Child(['watch']); time.sleep(600)"
    )
    trainer = subprocess.Popen([sys.executable, "-c", told], cwd=ROOT)
    child = _first_child(trainer.pid)
    trainer.kill()
    trainer.wait()
    wait_until(lambda: _is_gone(child))


def _first_child(pid: int) -> psutil.Process:
    trainer = psutil.Process(pid)
    wait_until(trainer.children)
    return trainer.children()[0]


def _is_gone(process: psutil.Process) -> bool:
    """Also where nobody takes note of its end, as in a container without an init."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
