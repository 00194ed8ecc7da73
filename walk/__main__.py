"""`python -m walk up` and `python -m walk stop`: what `make run` and `make stop` call."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import timedelta
from types import FrameType

from bookshelf.errors import BookshelfError
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Settings, load_settings
from walk.ports import complaint, taken_ports
from walk.programs import programs
from walk.steps import do_main_job, model_statuses
from walk.summary import summary
from walk.supervise import Supervisor, note_walk, running_supervisor, running_walk, stop_running

# The first start imports torch and Feast from a cold disk.
READY_PATIENCE = timedelta(minutes=3)


class Stopped(Exception):
    """Somebody asked us to end."""


def up(settings: Settings) -> None:
    """Do what is missing, serve in the foreground, and end cleanly on Ctrl-C or SIGTERM."""
    _refuse_if_busy(settings)
    note_walk(settings)
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    supervisor = Supervisor(settings, programs(settings))
    try:
        _tell_new_password(settings)
        do_main_job(settings, _say)
        _serve(settings, supervisor)
    except Stopped:
        _say("\nstopping ...")
    finally:
        supervisor.stop()


def stop(settings: Settings) -> None:
    """End an earlier `up`, whether it serves or is still at its steps."""
    _say("stopped" if stop_running(settings) else "nothing was running")


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
    if taken := taken_ports(settings.host, ports):
        raise BookshelfError(complaint(taken).removeprefix("error: "))


def _tell_new_password(settings: Settings) -> None:
    _, password = draw_secrets(settings)
    if password is not None:
        kept = settings.home / "admin-password"
        _say(f"The admin's password is {password} (also in {kept}; it is not shown again)")


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m walk", description=__doc__)
    parser.add_argument("command", choices=("up", "stop"))
    command = parser.parse_args().command
    try:
        (up if command == "up" else stop)(load_settings())
    except BookshelfError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
