"""Whether the API and what it depends on can answer, each asked apart and none waited for long; and what
was scraped last, and will be next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Response
from sqlalchemy.exc import SQLAlchemyError
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

from api.documentation import group
from api.gateway import ModelGateway, plain_reason
from api.parts import Parts, parts
from api.run_schemas import RunReply
from api.schemas import Dependency, HealthReply, ScheduleReply
from api.standing import as_it_stands
from api.waiting import trainer, worker
from api.wire import json_reply
from bookshelf.catalogue import BookFilter, Catalogue, now
from bookshelf.errors import BookshelfError
from bookshelf.runs import Runs
from bookshelf.schedule import RETRAIN, SCRAPE, next_run_at

PROBE_TIMEOUT = timedelta(seconds=1)
_SILENT = Dependency(status="unknown", detail="it did not answer within a second")
_UNKNOWN_SCHEDULE = ScheduleReply(status="unknown", next_run_at=None)
_EMPTY = "the catalogue is empty: `make run` or POST /api/v1/scraping/trigger fills it"

Answer = TypeVar("Answer")

health = group("health", "", "What the API depends on.", 422)


@health.get("/health", responses={200: HealthReply, 503: HealthReply})
def state() -> Response:
    """Ok if every dependency is, degraded otherwise; 503 only when books cannot be answered."""
    reply = examine(parts())
    books_answer = reply.dependencies["catalogue"].status in ("ok", "degraded")
    return json_reply(reply, 200 if books_answer else 503)


def examine(of: Parts) -> HealthReply:
    """Ask every dependency at once, each for `PROBE_TIMEOUT` at most."""
    probes: dict[str, Callable[[], Dependency]] = {
        "catalogue": lambda: _catalogue(of.catalogue),
        "model_server": lambda: _model_server(of.gateway),
        "features": lambda: _features(of.catalogue),
        "worker": lambda: worker(of.runs, now()),
        "trainer": lambda: trainer(of.orders, now()),
    }
    asked = {name: of.probes.submit(probe) for name, probe in probes.items()}
    scrapes = of.probes.submit(_scheduled, of.runs)
    everything: list[Future[Any]] = [*asked.values(), scrapes]
    wait(everything, PROBE_TIMEOUT.total_seconds())
    found = {name: _answer(future, _SILENT) for name, future in asked.items()}
    well = all(dependency.status == "ok" for dependency in found.values())
    schedule, retraining, last_run = _answer(scrapes, (_UNKNOWN_SCHEDULE, _UNKNOWN_SCHEDULE, None))
    return HealthReply.model_validate(
        {
            "status": "ok" if well else "degraded",
            "dependencies": found,
            "schedule": schedule,
            "retraining": retraining,
            "last_run": last_run,
        }
    )


def _answer(future: Future[Answer], otherwise: Answer) -> Answer:
    if future.done():
        return future.result()
    future.cancel()  # if it has not begun: probes that hang must not pile up
    return otherwise


def _scheduled(runs: Runs) -> tuple[ScheduleReply, ScheduleReply, RunReply | None]:
    """What both schedules say, and the run that is under way, or else was asked for last."""
    try:
        schedules = [_schedule(next_run_at(runs.engine, name)) for name in (SCRAPE, RETRAIN)]
        # The one under way first: it may be an older one that is resumed.
        newest = [run] if (run := runs.active()) else runs.page(number=1, size=1)[0]
        last = [RunReply.of(as_it_stands(run, runs, now())) for run in newest]
    except SQLAlchemyError:  # what became of the database is the catalogue's to tell
        return _UNKNOWN_SCHEDULE, _UNKNOWN_SCHEDULE, None
    return schedules[0], schedules[1], last[0] if last else None


def _schedule(due: datetime | None) -> ScheduleReply:
    return ScheduleReply(status="on" if due else "off", next_run_at=due)


def _catalogue(catalogue: Catalogue) -> Dependency:
    try:
        _, total = catalogue.page(BookFilter(), number=1, size=1)
    except (SQLAlchemyError, BookshelfError) as error:
        return Dependency(status="down", detail=f"books cannot be read ({type(error).__name__})")
    return Dependency(status="ok", detail=f"{total} books") if total else _degraded(_EMPTY)


def _features(catalogue: Catalogue) -> Dependency:
    try:
        snapshot = catalogue.snapshot()
    except SQLAlchemyError as error:
        return Dependency(status="unknown", detail=f"the catalogue cannot be read ({type(error).__name__})")
    if snapshot is None:
        return _degraded("there is no snapshot whose features could be published")
    if snapshot.features_published_at is None:
        return _degraded(f"snapshot {snapshot.id} is not in the feature store: `python -m ingestion publish`")
    return Dependency(status="ok", detail=f"snapshot {snapshot.id} is in the feature store")


def _model_server(gateway: ModelGateway) -> Dependency:
    try:
        status = gateway.readiness(PROBE_TIMEOUT)
    except HTTPError as error:
        slow = isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError)
        return Dependency(
            status="unknown" if slow else "down", detail=f"the model server {plain_reason(error)}"
        )
    if status != 200:
        return _degraded(f"the model server is not ready (it answers {status})")
    return Dependency(status="ok", detail="ready")


def _degraded(detail: str) -> Dependency:
    return Dependency(status="degraded", detail=detail)
