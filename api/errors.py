"""Every error as a problem document: one table from what we raise to HTTP statuses."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from api import addresses
from api.model_schemas import OrderProblem
from api.run_schemas import RunProblem
from bookshelf.contracts import FieldError, Problem
from bookshelf.errors import (
    BookshelfError,
    Conflict,
    InvalidWebhook,
    ModelUnavailable,
    NotFound,
    OrderInProgress,
    RunInProgress,
)
from bookshelf.field_messages import message_of

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 5
_MAX_ERRORS = 100
_MAX_FIELD_NAME = 200
# In the sentence of a problem; its list has them all.
_MOST_TOLD, _MOST_NAMED = 3, 20

_log = logging.getLogger(__name__)


class InvalidRequest(BookshelfError):
    """Fields of a request are not as they should be."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)[:_MAX_ERRORS]
        told = [f"{error.field}: {error.message}" for error in self.errors[:_MOST_TOLD]]
        if named := [error.field for error in self.errors[_MOST_TOLD:_MOST_NAMED]]:
            told.append(f"and at fault too: {', '.join(named)}")
        super().__init__("; ".join(told))


class UnreadableBody(BookshelfError):
    """The body is not JSON."""


class NotAuthenticated(BookshelfError):
    """We do not know who asks; `fields` carried what we could not accept."""

    def __init__(self, message: str, fields: tuple[str, ...] = ("Authorization",)) -> None:
        super().__init__(message)
        self.fields = fields


class NotAcceptable(BookshelfError):
    """The Accept header takes nothing that we can send."""


class ModelRefused(BookshelfError):
    """The model server found the request wrong; `problem` is its answer, to be passed on."""

    def __init__(self, problem: Problem, status: int) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.status = status


#: The one table; whatever is not in it, nor below something that is, is our own fault: 500.
STATUSES: dict[type[Exception], HTTPStatus] = {
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnreadableBody: HTTPStatus.BAD_REQUEST,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidWebhook: HTTPStatus.UNPROCESSABLE_ENTITY,
    ModelUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,
    InterfaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    NoFreeConnection: HTTPStatus.SERVICE_UNAVAILABLE,
}

_CATALOGUE_AWAY = "the catalogue's database does not answer now"
_OUR_FAULT = "something went wrong on our side; it is in the log"

# Which part of the request a status of the web server's own is about.
_FIELD_OF_STATUS = {400: "body", 413: "body", 415: "Content-Type"}
_PLAIN_DETAIL = {
    404: "there is nothing at this address",
    413: "the body is larger than this server takes",
    415: "the body must be sent as application/json",
}


def field_error(path: str, message: str) -> FieldError:
    """The error of one field; an overlong name, which can only be an unknown one, is cut."""
    return FieldError(field=path[:_MAX_FIELD_NAME], message=message)


def refuse_invalid(error: ValidationError) -> NoReturn:
    """Raise what pydantic found as `InvalidRequest`, one entry a field, without the values sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    raise InvalidRequest(
        field_error(".".join(map(str, each["loc"])) or "body", message_of(each)) for each in found
    ) from error


def handle_errors(app: Flask) -> None:
    """Make every error of the app, foreseen or not, a problem document."""
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(ModelRefused, lambda error: problem_reply(error.problem, error.status))
    app.register_error_handler(Exception, _answer)


def problem_reply(problem: Problem, status: int, retry_after: int | None = None) -> Response:
    reply = Response(problem.model_dump_json(), status=status, content_type=PROBLEM_JSON)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        reply.headers["Retry-After"] = str(RETRY_AFTER_SECONDS if retry_after is None else retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        reply.headers["WWW-Authenticate"] = "Bearer"
    return reply


def problem(status: int, detail: str, fields: Iterable[str] = ()) -> Problem:
    """A problem in which each of `fields` is at fault for the same reason."""
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=tuple(FieldError(field=field, message=detail) for field in fields),
    )


def _answer(error: Exception) -> Response:
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)
    if status is None:
        _log.error("an error nobody foresaw", exc_info=error)
        return problem_reply(problem(500, _OUR_FAULT), 500)
    if not isinstance(error, BookshelfError):  # the database's own words are for the log
        _log.error("the catalogue's database failed", exc_info=error)
        return problem_reply(problem(status, _CATALOGUE_AWAY), status)
    if isinstance(error, InvalidRequest):
        found = problem(status, str(error)).model_copy(update={"errors": error.errors})
        return problem_reply(found, status)
    found = problem(status, str(error), _fields_at_fault(error))
    if isinstance(error, RunInProgress):
        named = RunProblem(**found.model_dump(), run_id=error.run_id)
        return _answer_in_the_way(named, addresses.run(error.run_id))
    if isinstance(error, OrderInProgress):
        ordered = OrderProblem(**found.model_dump(), order_id=error.order_id)
        return _answer_in_the_way(ordered, addresses.order(error.order_id))
    retry_after = error.retry_after if isinstance(error, ModelUnavailable) else None
    return problem_reply(found, status, retry_after)


def _answer_in_the_way(found: Problem, address: str) -> Response:
    """A conflict with what is under way: which, and where it can be watched."""
    reply = problem_reply(found, found.status)
    reply.headers["Location"] = address
    return reply


def _fields_at_fault(error: BookshelfError) -> tuple[str, ...]:
    match error:
        case NotAuthenticated():
            return error.fields
        case NotFound() | Conflict() | InvalidWebhook():
            return (error.field,)
        case UnreadableBody():
            return ("body",)
        case NotAcceptable():
            return ("Accept",)
    return ()


def _answer_http(error: HTTPException) -> BaseResponse:
    status = error.code
    if status is None or status < 400:  # a redirect
        return error.get_response()
    detail = _PLAIN_DETAIL.get(status) or error.description or HTTPStatus(status).phrase
    fields = [_FIELD_OF_STATUS[status]] if status in _FIELD_OF_STATUS else []
    reply = problem_reply(problem(status, detail, fields), status)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):  # Allow of a 405, Retry-After of a 429
            reply.headers[name] = value
    return reply
