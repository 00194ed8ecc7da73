"""A receiver of webhooks behind a real HTTP server, which keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.conftest import RoomyServer


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers 204 on every path, after the answers that `answers` holds for it.

    An answer is a status, or what is to be done with the handler.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[int | Callable[[BaseHTTPRequestHandler], None]]] = {}
        self.headers: dict[str, str] = {}
        self.received: list[Received] = []
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = RoomyServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def of(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    def say_nothing(self, _handler: BaseHTTPRequestHandler) -> None:
        """Never answer: to be put among the answers."""
        self.closing.wait()

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Begin an answer whose head never ends, too fast for any silence to be long."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.closing.wait(0.05):
            handler.wfile.write(b"x")

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        receiver = self.receiver
        receiver.received.append(Received(self.command, self.path, dict(self.headers), body))
        answers = receiver.answers.get(self.path)
        answer = answers.pop(0) if answers else 204
        if not isinstance(answer, int):
            answer(self)
            return
        self.send_response(answer)
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass
