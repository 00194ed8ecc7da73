"""Every refusal and failure as a problem document that names the offending fields."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from bookshelf.contracts import FieldError, Problem
from bookshelf.errors import BookshelfError, FeatureStoreError, InvalidBook, ModelUnavailable, NotFound
from bookshelf.field_messages import message_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MEDIA_TYPE = "application/problem+json"
#: The name of the whole body among the fields.
BODY = "body"

_RETRY_AFTER_SECONDS = 5
# A body can break its contract in a million places, and a name in it can be a megabyte long. Above the
# second limit even listing the places would hold up everybody else.
_MOST_ERRORS = 50
_TOO_MANY_TO_LIST = 1_000
_LONGEST_NAME = 100

_STATUSES: tuple[tuple[type[BookshelfError], int], ...] = (
    (NotFound, 404),
    (InvalidBook, 422),
    (ModelUnavailable, 503),
    (FeatureStoreError, 503),
)


def problem(status: int, detail: str, *errors: FieldError) -> Problem:
    """The document for that status, titled by the status's own name."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors)


def broken_contract(error: ValidationError, place: str = "") -> Problem:
    """What is wrong with each field: 400 if the body is no JSON, 422 if a field is not as it should be.

    `place` is the path to what was validated, such as `inputs.3`; the fields' paths start with it.
    """
    if error.error_count() > _TOO_MANY_TO_LIST:
        message = f"breaks its contract in {error.error_count():,} places"
        return problem(422, f"the request {message}", FieldError(field=place or BODY, message=message))
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return problem(400, "the body is not JSON", FieldError(field=place or BODY, message=found[0]["msg"]))
    errors = [
        FieldError(field=_path(place, one["loc"]), message=message_of(one)) for one in found[:_MOST_ERRORS]
    ]
    names = ", ".join(dict.fromkeys(one.field for one in errors))
    return problem(422, f"the request breaks its contract at {names}", *errors)


def of_error(error: BookshelfError, place: str = "") -> Problem:
    """What we raised on purpose as a document; an error without a field names none."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    field = getattr(error, "field", None)
    if field is None:
        return problem(status, str(error))
    return problem(status, str(error), FieldError(field=_path(place, (field,)), message=str(error)))


def response(document: Problem, retry_after: int = _RETRY_AFTER_SECONDS) -> Response:
    """The document over HTTP; one that may be gone in a moment says in how many seconds to ask again."""
    headers = {"Retry-After": str(retry_after)} if document.status == 503 else {}
    return Response(
        document.model_dump_json(), status_code=document.status, media_type=MEDIA_TYPE, headers=headers
    )


class Problems:
    """ASGI application around another: an error that is no problem document yet becomes one.

    BentoML, Starlette and the time limit each have an error body of their own. Paths that are not
    among `paths` are answered 404 here, so that nobody can fill the metrics with invented endpoints.
    """

    def __init__(self, app: App, paths: frozenset[str]) -> None:
        self.app = app
        self.paths = paths

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] not in self.paths:
            await response(problem(404, "there is nothing at this path"))(scope, receive, send)
        else:
            await self.app(scope, receive, _Translation(scope, receive, send))


class _Translation:
    """The `send` of one request: passes everything on but errors in a form that is not ours."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _needs_translation(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        status = start["status"]
        answer = response(problem(status, _explanation(self._body) or HTTPStatus(status).phrase))
        answer.headers.update({"Allow": value} if (value := _header(start, b"allow")) else {})
        await answer(self._scope, self._receive, self._send)


def _needs_translation(start: Message) -> bool:
    return start["status"] >= 400 and not _header(start, b"content-type").startswith(MEDIA_TYPE)


def _header(start: Message, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in start["headers"] if key.lower() == name), "")


def _explanation(body: bytes) -> str:
    """The words in an error body: BentoML's `{"error": …}` or plain text."""
    text = body.decode("utf-8", "replace").strip()
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    return str(parsed["error"]) if isinstance(parsed, dict) and "error" in parsed else ""


def _path(place: str, location: tuple[str | int, ...]) -> str:
    """Dotted path of a field; the whole of what was validated is `place`, or the body."""
    parts = [place] if place else []
    parts.extend(str(part)[:_LONGEST_NAME] for part in location)
    return ".".join(parts) or BODY
