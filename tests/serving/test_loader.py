"""Versions that are loaded in a process of its own: as here, refused as here, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import psutil
import pytest

from bookshelf.errors import ModelUnavailable
from bookshelf.settings import ROOT, Settings
from features.price import PriceRegressor
from features.price_columns import INPUTS, NUMBERS
from serving import loader as loader_module
from serving import loader_process
from serving.appointment import Appointment
from serving.champions import Registry
from serving.handing import unpacked
from serving.loader import QUIET_SECONDS, Loader, LoaderAway
from serving.loader_words import Unable, Wanted
from serving.loading import FormCheck, LoadedModel
from serving.version_files import VersionFiles
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

EXAMPLE = pd.DataFrame({name: [4.0 if name in NUMBERS else "A text"] for name in INPUTS})
_BEGIN = "import os, socket, sys, time; line = socket.socket(fileno=int(sys.argv[2])); "
DIES_AT_ONCE = "raise SystemExit(3)"
DIES_WHEN_ASKED = _BEGIN + "line.send(b'!'); line.recv(9); os.kill(os.getpid(), 9)"
NEVER_READY = _BEGIN + "time.sleep(60)"


@pytest.fixture(scope="module")
def writer(other_home: Settings, registry_writer: Any) -> Any:
    return registry_writer(other_home)


@pytest.fixture(scope="module")
def kept(other_home: Settings) -> Iterator[Loader]:
    """One for all who do it no harm, for it takes seconds to start."""
    loader = Loader(other_home)
    yield loader
    loader.end()


@pytest.fixture
def loader(other_home: Settings) -> Iterator[Loader]:
    loader = Loader(other_home)
    yield loader
    loader.end()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the process on a busy machine too."""
    monkeypatch.setattr(loader_module, "_START_SECONDS", 60.0)


def appointment(writer: Any, model: PriceRegressor, example: Any = EXAMPLE) -> Appointment:
    return Appointment("price", writer.add("price", model, example), "a run", {})


def refusal(registry: Registry, appointed: Appointment, *, beside: bool) -> str:
    with pytest.raises(ModelUnavailable) as refused:
        registry.champion(appointed, beside=beside)
    return str(refused.value)


@pytest.mark.usefixtures("patient")
def test_a_version_is_loaded_and_checked_beside_as_it_is_here(
    kept: Loader, other_home: Settings, writer: Any, price_model: PriceRegressor
) -> None:
    appointed = appointment(writer, price_model)
    registry = Registry(other_home, kept)
    beside, here = registry.champion(appointed, beside=True), registry.champion(appointed)
    assert beside.ref == here.ref
    assert (beside.inputs, beside.form) == (INPUTS, FormCheck(refused=None))
    pd.testing.assert_frame_equal(beside.model.predict(EXAMPLE), here.model.predict(EXAMPLE))


@pytest.mark.usefixtures("patient")
def test_a_version_that_will_not_do_is_refused_beside_for_the_reason_that_it_is_here(
    kept: Loader, other_home: Settings, writer: Any, price_model: PriceRegressor
) -> None:
    registry = Registry(other_home, kept)
    unsigned, grating, damaged = (appointment(writer, price_model, one) for one in (None, EXAMPLE, EXAMPLE))
    example = writer.file("price", grating.version, "input_example.json")
    example.write_text(example.read_text().replace("rating", "grating"))
    writer.file("price", damaged.version, "model.skops").write_bytes(b"rubbish")
    for broken in (unsigned, grating, damaged):
        assert refusal(registry, broken, beside=True) == refusal(registry, broken, beside=False)


@pytest.mark.usefixtures("patient")
def test_what_is_noted_at_a_version_is_noted_by_the_process_and_by_the_worker_where_that_cannot(
    kept: Loader,
    loader: Loader,
    other_home: Settings,
    writer: Any,
    price_model: PriceRegressor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    appointed = appointment(writer, price_model)
    Registry(other_home, kept).champion(appointed, beside=True)  # so that the process is there
    Registry(other_home, loader).note_refused(appointed, "by the worker")
    assert loader.process_id is None
    assert writer.tags("price", appointed.version)["serving"] == "refused: by the worker"
    monkeypatch.setattr("serving.champions.set_tag", lambda tag: pytest.fail(f"the worker sets {tag}"))
    Registry(other_home, kept).note_refused(appointed, "by the process")
    assert writer.tags("price", appointed.version)["serving"] == "refused: by the process"


@pytest.mark.usefixtures("patient")
def test_a_process_that_is_killed_as_it_starts_works_or_rests_keeps_no_version_from_being_loaded(
    kept: Loader,
    loader: Loader,
    other_home: Settings,
    writer: Any,
    price_model: PriceRegressor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    appointed = appointment(writer, price_model)
    killed: list[int] = []
    for one, instant in ((loader, "_await_greeting"), (kept, "_received")):
        _kill_before(one, instant, killed, monkeypatch)
        found = Registry(other_home, one).champion(appointed, beside=True)
        assert found.version == appointed.version
    _kill(kept, killed)
    kept.rest()
    assert kept.process_id is None
    assert len(killed) == 3
    assert not any(psutil.pid_exists(one) for one in killed)


def _kill_before(loader: Loader, step: str, killed: list[int], patch: pytest.MonkeyPatch) -> None:
    """Kill -9 of the process the next time that it comes to that step."""
    holder = loader if hasattr(loader, step) else loader_module
    go_on = getattr(holder, step)

    def kill_first(*arguments: Any) -> Any:
        patch.setattr(holder, step, go_on)
        _kill(loader, killed)
        return go_on(*arguments)

    patch.setattr(holder, step, kill_first)


def _kill(loader: Loader, killed: list[int]) -> None:
    """Kill -9 of the process, which is dead then, and not yet buried."""
    assert loader.process_id is not None
    killed.append(loader.process_id)
    os.kill(loader.process_id, signal.SIGKILL)
    os.waitid(os.P_PID, loader.process_id, os.WEXITED | os.WNOWAIT)


@pytest.mark.usefixtures("patient")
def test_a_version_whose_loading_kills_twice_is_refused_and_not_tried_in_the_worker(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_module, "_CODE", DIES_WHEN_ASKED)
    with pytest.raises(ModelUnavailable, match=r"price version 7 .* ended with status -9, twice"):
        loader.model("price", "7", "price-7")
    assert loader.process_id is None


@pytest.mark.parametrize(
    ("program", "seconds", "reason"),
    [(DIES_AT_ONCE, 60.0, "status 3"), (NEVER_READY, 0.01, "still starting")],
)
def test_where_no_process_is_ready_the_worker_loads_the_version(
    loader: Loader,
    other_home: Settings,
    writer: Any,
    price_model: PriceRegressor,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    seconds: float,
    reason: str,
) -> None:
    monkeypatch.setattr(loader_module, "_CODE", program)
    monkeypatch.setattr(loader_module, "_START_SECONDS", seconds)
    appointed = appointment(writer, price_model)
    with pytest.raises(LoaderAway, match=reason):
        loader.model(appointed.name, appointed.version, appointed.key)
    assert Registry(other_home, loader).champion(appointed, beside=True).version == appointed.version


def test_what_cannot_be_handed_over_is_loaded_by_the_worker(
    loader: Loader, other_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VersionFiles, "model", lambda *_: LoadedModel(lambda: None, ()))
    wanted = Wanted(other_home.tracking_uri, other_home.home, "price", "1", "price-1")
    answer = unpacked(loader_process._packed(wanted))
    assert isinstance(answer, Unable)
    monkeypatch.setattr(loader, "_ask", lambda _wanted: answer)
    with pytest.raises(LoaderAway, match="it cannot be handed over"):
        loader.model("price", "1", "price-1")


def test_a_process_that_has_nothing_to_do_is_ended(
    other_home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [0.0]
    monkeypatch.setattr(loader_module, "_CODE", NEVER_READY)
    monkeypatch.setattr(loader_module, "_START_SECONDS", 0.01)
    loader = Loader(other_home, clock=lambda: at[0])
    with pytest.raises(LoaderAway):
        loader.model("price", "1", "price-1")
    number = loader.process_id
    assert number is not None
    at[0] = QUIET_SECONDS - 1
    loader.rest()
    assert psutil.pid_exists(number)
    at[0] = QUIET_SECONDS
    loader.rest()
    assert not psutil.pid_exists(number)


def test_the_process_ends_with_its_worker_however_that_ended() -> None:
    worker = (
        "import os; from bookshelf.settings import Settings; from serving import loader\n"
        "loader._START_SECONDS = 0.01; asked = loader.Loader(Settings())\n"
        "try: asked.model('price', '1', 'price-1')\n"
        "except loader.LoaderAway: print(asked.process_id, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", worker], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert ended.returncode == -9
    wait_until(lambda: not psutil.pid_exists(int(ended.stdout)))
