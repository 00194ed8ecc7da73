"""The walk from an empty home to everything that serves, in the foreground; and its end from elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from bookshelf.errors import BookshelfError, SettingsError
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Installation, Settings, load_installation, load_settings
from bookshelf.stopping import Stopped, ignore_signals, stopped_by_signals
from walk.ports import Unusable, complaint, taken_ports
from walk.programs import programs
from walk.steps import do_main_job, model_statuses
from walk.summary import summary
from walk.supervise import Supervisor, note_walk, running_supervisor, running_walk, stop_running

# The first start imports torch and Feast from a cold disk.
READY_PATIENCE = timedelta(minutes=3)


def carry_out(command: str) -> int:
    """`up` or `stop`; its exit status: 0, or 1 for an error that is said on stderr."""
    try:
        if command == "up":
            up(load_settings())
        else:
            stop(load_installation())  # what runs can be ended, whatever else is set wrong by now
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def up(settings: Settings) -> None:
    """Do what is missing, serve in the foreground, and end cleanly on Ctrl-C or SIGTERM."""
    _refuse_if_busy(settings)
    with stopped_by_signals():
        supervisor = Supervisor(settings, programs(settings))
        try:
            note_walk(settings)
            _tell_new_password(settings)
            do_main_job(settings, _say)
            _serve(settings, supervisor)
        except Stopped:
            _say("\nstopping ...")
        finally:
            ignore_signals()  # or a second Ctrl-C would leave what serves without a master
            supervisor.stop()


def stop(installation: Installation) -> None:
    """End an earlier `up`, whether it serves or is still at its steps."""
    _say("stopped" if stop_running(installation) else "nothing was running")


def _serve(settings: Settings, supervisor: Supervisor) -> None:
    started = time.monotonic()
    supervisor.start()
    supervisor.wait_until_ready(
        READY_PATIENCE, lambda program, seconds: _say(f"  {program.name} answers ({seconds:.1f} s)")
    )
    _say(f"✓ serving ({time.monotonic() - started:.1f} s)")
    _say(summary(settings, model_statuses(settings)))
    _say("Serving until Ctrl-C or `make stop`; logs are in " + str(supervisor.logs))
    status = supervisor.wait()
    if status != 0:
        raise BookshelfError(f"the supervisor ended with status {status}; its log is in {supervisor.logs}")


def _refuse_if_busy(settings: Settings) -> None:
    if running_supervisor(settings) is not None or running_walk(settings) is not None:
        raise BookshelfError(f"Bookshelf is already running from {settings.home}; `make stop` ends it")
    ports = {
        "API_PORT": settings.api_port,
        "BENTO_PORT": settings.bento_port,
        "MLFLOW_PORT": settings.mlflow_port,
    }
    try:
        taken = taken_ports(settings.host, ports)
    except Unusable as error:
        raise SettingsError(str(error)) from error
    if taken:
        raise BookshelfError(complaint(taken).removeprefix("error: "))


def _tell_new_password(settings: Settings) -> None:
    _, password = draw_secrets(settings)
    if password is not None:
        kept = settings.home / "admin-password"
        _say(f"The admin's password is {password} (also in {kept}; it is not shown again)")


def _say(line: str) -> None:
    print(line, flush=True)
