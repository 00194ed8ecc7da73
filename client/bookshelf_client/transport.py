"""Calls over HTTP: connections are kept, short absences of the API waited for, problems raised."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from pydantic import ValidationError
from pydantic_core import to_json
from urllib3.exceptions import HTTPError, ProtocolError

from bookshelf_client.answer import Answer
from bookshelf_client.errors import BrokenAnswer, NoAnswer, Refused
from bookshelf_client.models import Problem

Token = Literal["access", "refresh"]
Reply = TypeVar("Reply", bound=Answer)

_CHUNK_BYTES = 64 * 1024
_PREFIX = "/api/v1"  # which paths of operations have, and addresses need not
_NOT_FOUND = 404
_UNAVAILABLE = 503
# Who says 0, as a proxy may, would be asked without a pause for as long as patience lasts.
_SHORTEST_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` has its values' names in braces; values that are None are not sent.

    `token` is the one to be sent, if there is one. `accepts` are the statuses whose body is an answer.
    """

    method: str
    path: str
    values: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    token: Token | None = None
    accepts: tuple[int, ...] = (200, 201, 202, 204)

    @property
    def address(self) -> str:
        """The path, with values in place of their names."""
        return self.path.format_map({name: quote(str(value), safe="") for name, value in self.values.items()})

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent twice: what needs no login changes nothing."""
        return self.method == "GET" or self.token is None


class Transport:
    """Sends calls to one API, from any number of threads."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 60.0,
        patience: float = 30.0,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._url = _base(url)
        self._patience = patience
        self._sleep = sleep
        self._pool = urllib3.PoolManager(
            maxsize=16, retries=False, timeout=urllib3.Timeout(connect=10, read=timeout)
        )
        self._tokens: dict[Token, str] = {}

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def _ask(self, call: Call, reply: type[Reply]) -> Reply:
        answer = self._good(call)
        try:
            return reply.model_validate_json(answer.data)
        except ValidationError as error:
            raise BrokenAnswer(f"{call.method} {call.address}: {error}") from error

    def _tell(self, call: Call) -> None:
        self._good(call)

    def _fetch(self, call: Call, to: str | Path) -> Path:
        """Write the answer's body to the file, whole or not at all, without having all of it in memory."""
        target = Path(to)
        growing = target.with_name(f".{target.name}.part")
        answer = self._good(call, whole=False)
        try:
            with growing.open("wb") as file:
                for chunk in answer.stream(_CHUNK_BYTES):
                    file.write(chunk)
            return growing.replace(target)
        except HTTPError as error:
            raise NoAnswer(f"{call.method} {call.address} broke off: {error}") from error
        finally:
            growing.unlink(missing_ok=True)
            answer.close()

    def _good(self, call: Call, *, whole: bool = True) -> urllib3.BaseHTTPResponse:
        """An answer of a status that the call accepts. Raises `NoAnswer`, `Refused` or `BrokenAnswer`."""
        deadline = time.monotonic() + self._patience
        while True:
            answer = self._send(call, whole)
            if answer.status in call.accepts:
                return answer
            try:
                data = answer.data
            except HTTPError as error:
                raise NoAnswer(f"{call.method} {call.address} broke off: {error}") from error
            wait = _asked_to_wait(answer)
            if wait is None or time.monotonic() + wait > deadline:
                raise self._refusal(call, answer.status, data)
            self._sleep(wait)

    def _send(self, call: Call, whole: bool) -> urllib3.BaseHTTPResponse:
        try:
            try:
                return self._send_once(call, whole)
            except ProtocolError:  # a kept connection may have been closed just now
                if not call.repeatable:
                    raise
                return self._send_once(call, whole)
        except HTTPError as error:
            raise NoAnswer(f"{call.method} {self._url}{call.address} was not answered: {error}") from error

    def _send_once(self, call: Call, whole: bool) -> urllib3.BaseHTTPResponse:
        query = urlencode({name: _as_text(value) for name, value in _given(call.query).items()})
        headers = {name: str(value) for name, value in _given(call.headers).items()}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.token is not None and call.token in self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens[call.token]}"
        body = None if call.body is None else _as_json(call.body)
        return self._pool.request(
            call.method,
            f"{self._url}{call.address}{'?' if query else ''}{query}",
            body=body,
            headers=headers,
            preload_content=whole,
            redirect=False,
        )

    def _refusal(self, call: Call, status: int, body: bytes) -> Refused | BrokenAnswer:
        try:
            problem = Problem.model_validate_json(body)
        except ValidationError:
            return BrokenAnswer(f"{call.method} {call.address} was answered {status}: {body[:200]!r}")
        if status == _NOT_FOUND and not problem.errors:  # the API names what it does not find
            asked = f"{call.method} {self._url}{call.address}"
            return BrokenAnswer(f"{asked} is no address there: this is not the API, or another version")
        return Refused.of(problem)


def _base(url: str) -> str:
    """The address before the paths of operations. Raises `ValueError` for what is no address of the web."""
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(f"the API's address must begin with http:// or https://, got {url!r}")
    return url.rstrip("/").removesuffix(_PREFIX)


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _as_json(body: Mapping[str, object]) -> bytes:
    # No null in place of infinity and of what is no number: null says "not known", and those are mistakes,
    # which the API refuses.
    return to_json(_given(body), exclude_none=True, inf_nan_mode="constants")


def _as_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def _asked_to_wait(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds after which the API wants to be asked again; None where it says nothing of the kind."""
    told = answer.headers.get("Retry-After", "")
    if answer.status != _UNAVAILABLE or not told.isdecimal():
        return None
    return max(float(told), _SHORTEST_WAIT_SECONDS)
