"""Whether the programs that work behind the API are there: told by what has waited for them for too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from api.schemas import Dependency
from bookshelf.contracts import MODEL_NAMES
from bookshelf.model_orders import ModelOrders
from bookshelf.runs import Runs
from bookshelf.schedule import RETRAIN, SCRAPE, next_run_at

#: Both programs look for work every second or oftener, and at their schedules every minute.
PATIENCE = timedelta(minutes=2)


def worker(runs: Runs, at: datetime) -> Dependency:
    """`down` if a scheduled time has passed unheeded, `unknown` if a run waits, `ok` if neither does."""
    try:
        run = runs.active()
        # One that is resumed was asked for long ago.
        waits = run is not None and run.status == "queued" and not run.attempts
        waiting = {f"run {run.id}": run.requested_at} if run and waits else {}
        return _judged("worker", waiting, next_run_at(runs.engine, SCRAPE), at)
    except SQLAlchemyError as error:
        return _untold(error)


def trainer(orders: ModelOrders, at: datetime) -> Dependency:
    """The same of orders; while one is carried out, others wait as long as that takes."""
    try:
        newest = [one for name in MODEL_NAMES for one in orders.page(number=1, size=1, model=name)[0]]
        busy = any(one.status == "running" for one in newest)
        queued = [one for one in newest if one.status == "queued" and not one.attempts and not busy]
        waiting = {f"order {one.id}": one.requested_at for one in queued}
        return _judged("trainer", waiting, next_run_at(orders.engine, RETRAIN), at)
    except SQLAlchemyError as error:
        return _untold(error)


def _judged(program: str, waiting: dict[str, datetime], due: datetime | None, at: datetime) -> Dependency:
    log = f"its log, {program}.log, says more"
    if due is not None and at - due > PATIENCE:
        told = f"what was scheduled for {due:%Y-%m-%d %H:%M} UTC was not begun: the {program} is not there"
        return Dependency(status="down", detail=f"{told}; {log}")
    for what, since in waiting.items():
        if at - since > PATIENCE:
            told = f"{what} has waited since {since:%Y-%m-%d %H:%M} UTC: the {program} is down, or long busy"
            return Dependency(status="unknown", detail=f"{told}; {log}")
    return Dependency(status="ok", detail="nothing waits for it")


def _untold(error: SQLAlchemyError) -> Dependency:
    return Dependency(status="unknown", detail=f"the catalogue cannot be read ({type(error).__name__})")
