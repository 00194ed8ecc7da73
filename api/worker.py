"""gunicorn's threaded worker, which answers unreadable requests with problems and stops without delay."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from api.errors import PROBLEM_JSON, problem

_ANSWERS: dict[type[Exception], tuple[HTTPStatus, str, tuple[str, ...]]] = {
    LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long", ("address",)),
    LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the headers are too large or too many",
        ("headers",),
    ),
    ParseException: (HTTPStatus.BAD_REQUEST, "this is not an HTTP request we can read", ()),
    Exception: (HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong on our side; it is in the log", ()),
}

_STOPPING_POLL_SECONDS = 1.0
# A client that neither reads nor sends would hold its thread, and what it is sent, for as long as it likes.
_SILENCE_SECONDS = 60.0
# Of a request up to its body: some packets, which come together unless somebody holds them back.
_HEAD_SECONDS = 10.0
# Of the body: for the largest that is of use, 8 MB, a megabit a second is enough.
_BODY_SECONDS = 70.0


class ProblemWorker(ThreadWorker):  # type: ignore[misc]
    """Answers what never reaches the app, where gunicorn itself sends a page of HTML, lets go of clients that
    fall silent, and does not wait for connections that are merely kept open when it is told to stop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Connections with a request in hand: since when its head, then its body is read, and for how long.
        self.unread: dict[socket.socket, tuple[float, float]] = {}

    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, exc: Exception) -> None:
        status, detail, fields = next(_ANSWERS[kind] for kind in type(exc).__mro__ if kind in _ANSWERS)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("an error outside the app", exc_info=exc)
        body = problem(status, detail, fields).model_dump_json()
        answer = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: {PROBLEM_JSON}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}"
        )
        try:
            util.write_nonblock(client, answer.encode())
        except OSError as error:  # the client has gone
            self.log.debug("an unreadable request was not answered: %s", error)

    def handle(self, conn: Any) -> Any:
        self.unread[conn.sock] = time.monotonic(), _HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self.unread.pop(conn.sock, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        self.unread[conn.sock] = time.monotonic(), _BODY_SECONDS
        conn.sock.settimeout(_SILENCE_SECONDS)
        return super().handle_request(req, conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        # Once it is stopping, gunicorn waits here for the whole of graceful_timeout unless something happens.
        super().wait_for_and_dispatch_events(min(timeout, _STOPPING_POLL_SECONDS))

    def murder_keepalived(self) -> None:
        """Close the connections that nothing came over for too long; when stopping, every idle one.

        A thread that reads a request would wait for its end without end: of one that is overdue nothing
        more is heard, which ends it, and does nothing to one that has come. While every thread has a request
        in hand, a body is given no longer than a head.
        """
        unread = self.unread.copy()
        longest = _HEAD_SECONDS if len(unread) >= self.cfg.threads else _BODY_SECONDS
        for connection, (begun, seconds) in unread.items():
            if time.monotonic() - begun >= min(seconds, longest):
                with suppress(OSError):  # it has ended just now
                    connection.shutdown(socket.SHUT_RD)
        if not self.alive:
            for idle in (*self.keepalived_conns, *self.pending_conns):
                idle.timeout = 0.0
        super().murder_keepalived()
