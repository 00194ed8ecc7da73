"""The client: every operation of the API, and the tokens that some of them need."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import urllib3

from bookshelf_client.models import AccessReply, LoginReply
from bookshelf_client.operations import Operations
from bookshelf_client.transport import Call

_NOT_AUTHENTICATED = 401


class Client(Operations):
    """The API at `url`, such as `http://127.0.0.1:8000`; the `/api/v1` behind it may be left out.

        with Client("http://127.0.0.1:8000") as client:
            print(client.predict_price(book_id=7).price)

    `timeout` is how many seconds an answer may take. Where the API says that something is away for now, and
    when to ask again, the client does so for up to `patience` seconds; 0 raises `Unavailable` at once.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def login(self, *, username: str, password: str) -> LoginReply:
        """Exchange name and password for tokens, and send them from now on wherever a login is needed.

        An access token that has run out is refreshed by itself.
        """
        reply = super().login(username=username, password=password)
        self._tokens = {"access": reply.access_token, "refresh": reply.refresh_token}
        return reply

    def refresh(self) -> AccessReply:
        """A new access token, which is sent from now on. Raises `NotAuthenticated` without a login."""
        reply = super().refresh()
        self._tokens["access"] = reply.access_token
        return reply

    def _send(self, call: Call, whole: bool) -> urllib3.BaseHTTPResponse:
        answer = super()._send(call, whole)
        if answer.status != _NOT_AUTHENTICATED or call.token != "access" or "refresh" not in self._tokens:
            return answer
        answer.drain_conn()
        self.refresh()
        return super()._send(call, whole)
