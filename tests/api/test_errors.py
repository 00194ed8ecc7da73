"""The one table from errors to statuses, and the errors that web servers raise themselves."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException, TooManyRequests, default_exceptions

from api.errors import (
    STATUSES,
    InvalidRequest,
    ModelRefused,
    NotAuthenticated,
    UnreadableBody,
    field_error,
    handle_errors,
)
from bookshelf.contracts import Problem
from bookshelf.errors import (
    Conflict,
    FeatureStoreError,
    InvalidWebhook,
    ModelUnavailable,
    NotFound,
    RunInProgress,
)


def answer_to(error: Exception) -> Any:
    app = Flask("errors")
    handle_errors(app)

    @app.get("/")
    def fail() -> str:
        raise error

    reply: Any = app.test_client().get("/")
    assert reply.content_type == "application/problem+json"
    found = Problem.model_validate_json(reply.data)
    assert found.status == reply.status_code
    return reply


@pytest.mark.parametrize(
    ("error", "status", "fields"),
    [
        (InvalidRequest([field_error("page", "must be 1 or more")]), 422, ["page"]),
        (UnreadableBody("the body is not JSON"), 400, ["body"]),
        (NotAuthenticated("the token has expired"), 401, ["Authorization"]),
        (NotFound("book_id", "no book has the id 7"), 404, ["book_id"]),
        (Conflict("run_id", "the run has ended already"), 409, ["run_id"]),
        (InvalidWebhook("url", "an address", "x"), 422, ["url"]),
        (ModelUnavailable("no model is on duty"), 503, []),
        (FeatureStoreError("rows are missing"), 500, []),
        (KeyError("x"), 500, []),
        (RecursionError("deep"), 500, []),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_each_error_has_its_status_and_names_its_fields(
    error: Exception, status: int, fields: list[str]
) -> None:
    reply = answer_to(error)
    assert reply.status_code == status
    assert [each["field"] for each in reply.json["errors"]] == fields


def test_a_run_in_the_way_is_named_and_can_be_followed() -> None:
    app = Flask("errors")
    handle_errors(app)

    @app.get("/")
    def fail() -> str:
        raise RunInProgress("run-7", "running")

    reply: Any = app.test_client().get("/")
    assert (reply.status_code, reply.json["run_id"]) == (409, "run-7")
    assert [each["field"] for each in reply.json["errors"]] == ["run_id"]
    assert reply.headers["Location"] == "/api/v1/scraping/runs/run-7"
    assert "run-7 is running" in reply.json["detail"]


def test_every_entry_of_the_table_is_an_error_status() -> None:
    assert all(status >= 400 for status in STATUSES.values())


@pytest.mark.parametrize("kind", [kind for code, kind in default_exceptions.items() if code >= 400])
def test_every_error_of_the_web_framework_is_a_problem(kind: type[HTTPException]) -> None:
    assert answer_to(kind()).status_code == kind.code


def test_too_many_requests_keep_their_retry_after() -> None:
    reply = answer_to(TooManyRequests(retry_after=30))
    assert reply.headers["Retry-After"] == "30"


def test_a_refusal_of_the_model_server_is_passed_on_as_it_is() -> None:
    refusal = Problem(
        title="Unknown", status=422, detail="unheard of", errors=(field_error("x", "unheard of"),)
    )
    assert answer_to(ModelRefused(refusal, 422)).json == refusal.model_dump(mode="json")
