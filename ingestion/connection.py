"""One request to a shop's host: over a kept connection, bounded in time and size."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from bookshelf.errors import FetchFailed
from ingestion.deadline import BoundedAdapter
from ingestion.robots import ROBOT_NAME

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request; header names are found whatever their case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    #: Bytes of the body as they came over the wire, packed if they were.
    received: int


class Unanswered(Exception):
    """No whole answer came; asking again may help. Its text says what happened."""


class Connection:
    """Requests to one host from any number of threads, over at most `connections` kept connections.

    `timeout` bounds connecting, each silence and the whole answer.
    """

    def __init__(self, host: str, *, connections: int, timeout: timedelta, max_bytes: int) -> None:
        self._seconds = timeout.total_seconds()
        self._max_bytes = max_bytes
        # A proxy, if the machine has one, cannot know what listens on our own loopback.
        self._session = _open_session(connections, trust_env=not is_loopback(host))

    def close(self) -> None:
        self._session.close()

    def ask(self, url: str, headers: Mapping[str, str], *, head: bool = False) -> Answer:
        """One answer, whatever its status, or its head alone; redirects are not followed.

        Raises `Unanswered` where a second attempt may help, `FetchFailed` where it cannot.
        """
        deadline = time.monotonic() + self._seconds
        try:
            with self._open(requests.Request("HEAD" if head else "GET", url, headers=headers)) as response:
                body = self._body(response, deadline)
                return Answer(url, response.status_code, response.headers, body, response.raw.tell())
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise Unanswered(self._in_plain_words(error)) from error
        except requests.RequestException as error:
            raise FetchFailed(url, str(error)) from error

    def _open(self, request: requests.Request) -> requests.Response:
        prepared = self._session.prepare_request(request)
        environment: Any = self._session.merge_environment_settings(prepared.url, {}, True, None, None)
        # Not by the session: it would read a redirect to its end, whatever its size, and look where it leads.
        adapter = self._session.get_adapter(prepared.url or "")
        return adapter.send(prepared, timeout=self._seconds, **environment)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        # read1 comes back with what has arrived: a server that drips byte by byte meets the deadline.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_bytes:
                raise FetchFailed(response.url, f"more than {self._max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise requests.Timeout
        return bytes(body)

    def _in_plain_words(self, error: BaseException) -> str:
        if isinstance(error, requests.Timeout) or "timed out" in str(error):
            return f"no whole answer within {self._seconds:g} s"
        cause: BaseException | None = error
        while cause is not None:  # the libraries wrap the system's plain word several times
            if isinstance(cause, OSError) and cause.strerror:
                return cause.strerror.lower()
            cause = cause.__cause__ or cause.__context__
        return "the connection broke off"


def _open_session(connections: int, *, trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    session.headers["User-Agent"] = (
        f"{ROBOT_NAME}/{version('bookshelf')} (reads a shop's books into a catalogue)"
    )
    session.headers["Accept"] = "text/html"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a stranger on every visit
    adapter = BoundedAdapter(pool_connections=2, pool_maxsize=connections, pool_block=True, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
