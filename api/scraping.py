"""Asking for a scrape and watching it; another process carries it out."""

from __future__ import annotations

from flask import Response

from api.auth import admin_only
from api.documentation import BEARER, group, problems
from api.inputs import RunPath, TriggerRequest
from api.parts import parts
from api.schemas import QueuedRunReply, ScrapeRunReply
from api.wire import API_PREFIX, json_reply
from bookshelf.catalogue import now

scraping = group("scraping", "/scraping", "New books from the shop.", 422, 503)


@scraping.post("/trigger", responses={202: QueuedRunReply, **problems(400, 401, 413, 415)}, security=BEARER)
@admin_only()
def trigger(body: TriggerRequest) -> Response:
    """Queue a scrape.

    Of the shop this installation is set to, or of the `source` given. Answers at once; `Location` says
    where the run can be watched.
    """
    run_id = parts().runs.request(str(body.source or ""), parts().admin.name, now())
    where = {"Location": f"{API_PREFIX}/scraping/runs/{run_id}"}
    return json_reply(QueuedRunReply(run_id=run_id), 202, where)


@scraping.get("/runs/<run_id>", responses={200: ScrapeRunReply, **problems(404)})
def one_run(path: RunPath) -> Response:
    """How far that run is, and how it ended if it has."""
    return json_reply(ScrapeRunReply.of(parts().runs.get(str(path.run_id))))
