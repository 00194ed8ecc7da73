"""How requests are read and replies written: strict JSON in, the models' own JSON out."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask.wrappers import Request
from pydantic import BaseModel
from pydantic_core import from_json
from werkzeug.exceptions import RequestEntityTooLarge

from api.addresses import API_PREFIX
from api.errors import InvalidRequest, UnreadableBody, field_error
from bookshelf.contracts import MODEL_VERSION_HEADER, ModelRef


class StrictJson(DefaultJSONProvider):
    """Reads JSON as the standard has it.

    Python's own reader takes NaN and lone surrogates, and falls over deep nesting with a
    RecursionError; this one raises ValueError for all of them.
    """

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        return from_json(s, allow_inf_nan=False)


class StrictRequest(Request):
    """A request whose broken JSON says what is broken about it."""

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        if e is None:  # another content type
            return super().on_json_loading_failed(e)
        raise UnreadableBody(f"the body is not JSON: {e}") from e


def check_request() -> None:
    """Refuse what no endpoint of the API takes: a body that is no JSON object, a parameter it does not know.

    The typed part, field by field, follows from each handler's annotations.
    """
    if request.endpoint is None or not request.path.startswith(API_PREFIX):
        return
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _check_body()
    _check_query(takes_query="query" in current_app.view_functions[request.endpoint].__annotations__)


def _check_body() -> None:
    body = request.get_data()
    limit = request.max_content_length
    # werkzeug cuts a body that comes in chunks at the limit, without a word.
    if request.content_length is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge
    # gunicorn gives what came before the client hung up, which may well look whole.
    if request.content_length is not None and len(body) < request.content_length:
        raise UnreadableBody(f"the body was cut off after {len(body)} of {request.content_length} bytes")
    if body and not isinstance(request.get_json(), dict):
        raise InvalidRequest([field_error("body", "must be a JSON object")])


def _check_query(*, takes_query: bool) -> None:
    try:
        given = request.args.lists()
    except UnicodeDecodeError as error:  # raw bytes; werkzeug minds only those that are percent-encoded
        raise InvalidRequest([field_error("query", "must be UTF-8")]) from error
    reason = "is given more than once" if takes_query else "is not known here"
    if wrong := [name for name, values in given if len(values) > 1 or not takes_query]:
        raise InvalidRequest(field_error(name, reason) for name in wrong)


def json_reply(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The model as JSON; an answer that names the model that made it names it in a header too."""
    made_by = getattr(model, "model", None)
    if isinstance(made_by, ModelRef):
        headers = {MODEL_VERSION_HEADER: str(made_by), **(headers or {})}
    return Response(model.model_dump_json(), status=status, headers=headers, mimetype="application/json")
