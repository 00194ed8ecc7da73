"""Snapshots: what each crawl or import found, why it was refused if it was, and what it changed."""

from __future__ import annotations

from itertools import chain

from flask import Response, request

from api.book_schemas import ChangePage, ChangeReply
from api.changes_csv import changes_csv
from api.documentation import group, problems
from api.errors import InvalidRequest, field_error
from api.inputs import ChangesQuery, SnapshotPath, SnapshotsQuery
from api.parts import parts
from api.run_schemas import SnapshotPage, SnapshotReply, SnapshotReportReply
from api.sources import known_source
from api.wire import json_reply
from bookshelf.changes import Changes
from bookshelf.errors import Conflict

CSV = "text/csv"
_JSON = "application/json"

snapshots = group("snapshots", "/snapshots", "What each crawl or import found, and changed.", 422, 503)


@snapshots.get("", responses={200: SnapshotPage, **problems(404)})
def list_snapshots(query: SnapshotsQuery) -> Response:
    """The published snapshots and those in quarantine, the newest first."""
    found, total = parts().catalogue.snapshots.page(
        number=query.page, size=query.page_size, source=known_source(query.source)
    )
    return json_reply(SnapshotPage.of(map(SnapshotReply.model_validate, found), total, query))


@snapshots.get("/<snapshot_id>", responses={200: SnapshotReportReply, **problems(404)})
def one_snapshot(path: SnapshotPath) -> Response:
    """One snapshot, with the report of the checks if they refused it."""
    found = parts().catalogue.snapshots.get(path.snapshot_id)
    return json_reply(SnapshotReportReply.model_validate(found))


@snapshots.get("/<snapshot_id>/changes", responses={200: ChangePage, **problems(404, 409)})
def snapshot_changes(path: SnapshotPath, query: ChangesQuery) -> Response:
    """What a published snapshot changed: books added, removed and changed, by id.

    As CSV, by `format=csv` or `Accept: text/csv`, all of it comes at once, a row for each field; a text
    that a spreadsheet would take for a formula has an apostrophe before it there, and not in the JSON.
    A snapshot that was not published has changed nothing: 409.
    """
    changes = _changes_of(path.snapshot_id)
    if _wants_csv(query):
        return _csv_reply(changes, path.snapshot_id, query)
    found, total = changes.page(number=query.page, size=query.page_size, kind=query.kind)
    return json_reply(ChangePage.of(map(ChangeReply.of, found), total, query), headers={"Vary": "Accept"})


def _changes_of(snapshot_id: int) -> Changes:
    snapshot = parts().catalogue.snapshots.get(snapshot_id)
    if snapshot.status != "published":
        raise Conflict(
            "snapshot_id",
            f"snapshot {snapshot_id} is {snapshot.status}; only one that is published has changes",
        )
    return Changes(parts().catalogue.engine, snapshot_id)


def _wants_csv(query: ChangesQuery) -> bool:
    if query.format is not None:
        return query.format == "csv"
    return request.accept_mimetypes.best_match((_JSON, CSV), _JSON) == CSV


def _csv_reply(changes: Changes, snapshot_id: int, query: ChangesQuery) -> Response:
    if paging := query.model_fields_set & {"page", "page_size"}:
        raise InvalidRequest(field_error(name, "CSV is not paged") for name in sorted(paging))
    text = changes_csv(changes.stream(query.kind))
    # The first part now, while an error can still be answered as one.
    text = chain([next(text), next(text, "")], text)
    headers = {
        "Content-Disposition": f'attachment; filename="snapshot-{snapshot_id}-changes.csv"',
        "Vary": "Accept",
    }
    return Response(text, mimetype=CSV, headers=headers)
