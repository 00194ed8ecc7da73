"""The gate of the service: a body that is too large, no JSON or against its contract goes no further, and
what has passed waits for its turn."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers

from bookshelf.contracts import FieldError, Problem
from serving.arms import CALLER, caller_of
from serving.problems import BODY, App, Message, Receive, Send, broken_contract, problem, response
from serving.queues import RETRY_AFTER_SECONDS, Queue, Queues

#: Room for 1,000 inputs of 8 kB; far more than the largest single question that keeps its contract,
#: so that a text that is too long is refused by its field's name and not by its size in bytes.
MAX_BODY_BYTES = 8 * 2**20
#: Where in the scope of a request its body is, as the model that it fits.
CHECKED = "bookshelf.checked"


class Gate:
    """ASGI middleware that checks bodies before BentoML reads them.

    BentoML would check them too, but logs a stack trace and answers in a form of its own for each that
    is wrong. `contracts` maps each path to the model that its body must fit; other paths pass. What was
    made of a body that fits goes along in the scope, under `CHECKED`, once it has had its turn in `queues`.
    """

    def __init__(self, app: App, contracts: Mapping[str, type[BaseModel]], queues: Queues) -> None:
        self.app = app
        self.contracts = contracts
        self.queues = queues

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        contract = self.contracts.get(scope["path"]) if scope["type"] == "http" else None
        if contract is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        queue = self.queues.at(scope["path"])
        if queue is not None and (full := queue.full()):  # before its body costs anything
            await response(full, RETRY_AFTER_SECONDS)(scope, receive, send)
            return
        CALLER.set(caller_of(scope["headers"]))
        body = await _read(receive)
        if isinstance(body, Problem):
            await response(body)(scope, receive, send)
        elif refusal := _refusal(scope, body, contract):
            await response(refusal)(scope, receive, send)
        elif queue is None:
            await self.app(scope, _Replay(body, receive), send)
        else:
            await self._in_turn(queue, scope, body, receive, send)

    async def _in_turn(
        self, queue: Queue, scope: MutableMapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> None:
        if refusal := await queue.enter(receive, len(body)):
            # Also to a caller who has gone: the middleware around us would wait for an answer.
            await response(refusal, RETRY_AFTER_SECONDS)(scope, receive, send)
            return
        try:
            await self.app(scope, _Replay(body, receive), send)
        finally:
            queue.leave(len(body))


class _Replay:
    """The `receive` of a request whose body has been read: gives it once more, then what comes after."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


_TOO_LARGE = problem(
    413,
    f"the body must not be larger than {MAX_BODY_BYTES:,} bytes",
    FieldError(field=BODY, message=f"must not be larger than {MAX_BODY_BYTES:,} bytes"),
)


_CUT_OFF = problem(
    400,
    "the body was cut off",
    FieldError(field=BODY, message="was cut off before its end"),
)


async def _read(receive: Receive) -> bytes | Problem:
    """The whole body, or why there is none; one too large is heard to its end but not kept.

    A client that is still sending when the connection closes would not see our answer.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":  # what has come may well look whole
            return _CUT_OFF
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= MAX_BODY_BYTES else _TOO_LARGE


def _refusal(scope: MutableMapping[str, Any], body: bytes, contract: type[BaseModel]) -> Problem | None:
    """What is wrong with the body; None for one that fits. No body at all counts as `{}`."""
    told = Headers(scope=scope).get("content-type", "application/json")
    kind = told.partition(";")[0].strip().lower()
    if kind != "application/json":
        error = FieldError(field="Content-Type", message=f"must be application/json, got {kind[:100]!r}")
        return problem(415, "the body must be JSON", error)
    try:
        scope[CHECKED] = contract.model_validate_json(body or b"{}")
    except ValidationError as error:
        return broken_contract(error)
    return None
