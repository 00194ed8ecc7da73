"""Asking for a scrape, watching it, cancelling and resuming it; another process carries it out."""

from __future__ import annotations

from flask import Response

from api import addresses
from api.auth import admin_only
from api.documentation import BEARER, group, problems, run_in_the_way
from api.inputs import LongPaged, Paged, RunPath, TriggerHeaders, TriggerRequest
from api.parts import parts
from api.run_schemas import LogLineReply, LogPage, QueuedRunReply, RunPage, RunReply, SnapshotReply
from api.standing import as_it_stands
from api.wire import json_reply
from bookshelf.catalogue import now
from bookshelf.release import release
from bookshelf.runs import Run

scraping = group("scraping", "/scraping", "New books from the shop.", 422, 503)


@scraping.post(
    "/trigger",
    responses={202: QueuedRunReply, **problems(400, 401, 413, 415), **run_in_the_way()},
    security=BEARER,
)
@admin_only()
def trigger(header: TriggerHeaders, body: TriggerRequest) -> Response:
    """Queue a scrape.

    Of the shop this installation is set to, or of the `source` given. Answers at once; `Location` says
    where the run can be watched. While a run is queued or running, 409 names it. With an
    `Idempotency-Key` that was used before, the run that it asked for then is named again, whatever has
    become of it; used for another source, it is a 409.
    """
    run = parts().runs.request(str(body.source or ""), parts().admin.name, now(), idempotency_key=header.key)
    return json_reply(QueuedRunReply(run_id=run.id, status=run.status), 202, _location(run))


@scraping.get("/runs", responses={200: RunPage})
def list_runs(query: Paged) -> Response:
    """Every run, the newest first."""
    found, total = parts().runs.page(number=query.page, size=query.page_size)
    return json_reply(RunPage.of((_reply(run) for run in found), total, query))


@scraping.get("/runs/<run_id>", responses={200: RunReply, **problems(404)})
def one_run(path: RunPath) -> Response:
    """How far that run is, and how it ended if it has."""
    return json_reply(_reply(parts().runs.get(str(path.run_id))))


@scraping.get("/runs/<run_id>/log", responses={200: LogPage, **problems(404)})
def run_log(path: RunPath, query: LongPaged) -> Response:
    """What happened during that run, line by line, the oldest first."""
    run = parts().runs.get(str(path.run_id))
    found, total = parts().log.page(run.id, number=query.page, size=query.page_size)
    return json_reply(LogPage.of(map(LogLineReply.model_validate, found), total, query))


@scraping.delete(
    "/runs/<run_id>", responses={202: RunReply, **problems(400, 401, 404, 409, 413, 415)}, security=BEARER
)
@admin_only()
def cancel_run(path: RunPath) -> Response:
    """Cancel a run: at once if it is queued, as soon as its process hears of it if it is running.

    The catalogue stays as it is, and the run can be resumed. One that has ended is a 409.
    """
    run = parts().runs.cancel(str(path.run_id), now())
    return json_reply(RunReply.of(run), 202, _location(run))


@scraping.post(
    "/runs/<run_id>/resume",
    responses={202: RunReply, **problems(400, 401, 404, 413, 415), **run_in_the_way()},
    security=BEARER,
)
@admin_only()
def resume_run(path: RunPath) -> Response:
    """Queue a run again that was interrupted, cancelled or failed; it goes on where it stopped.

    409 if it is none of these, or while another run is queued or running.
    """
    run = parts().runs.resume(str(path.run_id), now())
    return json_reply(RunReply.of(run), 202, _location(run))


@scraping.post(
    "/runs/<run_id>/release",
    responses={200: SnapshotReply, **problems(400, 401, 404, 409, 413, 415)},
    security=BEARER,
)
@admin_only()
def release_run(path: RunPath) -> Response:
    """Publish what a run found although the checks refused it; its snapshot as it is now.

    409 if the run is not in quarantine, or its source has been published since.
    """
    snapshot = release(parts().catalogue.engine, str(path.run_id), now())
    return json_reply(SnapshotReply.model_validate(snapshot))


def _reply(run: Run) -> RunReply:
    return RunReply.of(as_it_stands(run, parts().runs, now()))


def _location(run: Run) -> dict[str, str]:
    return {"Location": addresses.run(run.id)}
