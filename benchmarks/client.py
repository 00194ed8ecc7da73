"""The one HTTP client of all measurements: kept connections, and no answer but 200 is taken."""

from __future__ import annotations

import urllib3
from urllib3.exceptions import HTTPError

from bookshelf.errors import BookshelfError

_SECONDS = 30.0
_JSON = {"Content-Type": "application/json"}


class Client:
    """Calls one server from up to `connections` threads, each over a connection that is kept.

    Raises `BookshelfError` for no answer, and with the server's own words for any but 200: a failure
    answered quickly must not count as speed.
    """

    def __init__(self, url: str, connections: int) -> None:
        self._pool = urllib3.connection_from_url(url, maxsize=connections, block=True, retries=False)

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> bytes:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = None if body is None else _JSON
        try:
            answer = self._pool.urlopen(method, path, body=body, headers=headers, timeout=_SECONDS)
        except HTTPError as error:
            raise BookshelfError(f"{method} {path} was not answered: {error}") from error
        if answer.status != 200:
            raise BookshelfError(f"{method} {path} was answered {answer.status}: {answer.data[:500]!r}")
        return answer.data
