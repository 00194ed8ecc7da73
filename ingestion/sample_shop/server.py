"""The sample shop over HTTP: a real server on 127.0.0.1, for as long as it is needed."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.catalogue import sample_books
from ingestion.sample_shop.shop import Page, Shop

_HOST = "127.0.0.1"
_MODIFIED = datetime(2024, 3, 1, 9, 0, tzinfo=UTC)
_NOT_FOUND = Page("text/html", b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>")
_IDLE_SECONDS = 60.0
_CLOSING_POLL_SECONDS = 0.02


@contextmanager
def serve_sample_shop(
    port: int = 0, *, books: Sequence[SampleBook] | None = None, latency: timedelta = timedelta(0)
) -> Iterator[str]:
    """Serves `books`, by default `sample_books()`, and yields the shop's address, `http://127.0.0.1:40123/`.

    Port 0 takes a free one. `latency` passes before each answer. At the end the port is free again and
    every connection closed. Raises `OSError` for a port that cannot be had and `ValueError` for a
    negative latency.
    """
    if latency < timedelta(0):
        raise ValueError(f"latency must be 0 or more, got {latency}")
    server = _ShopServer(port, Shop(sample_books() if books is None else books), latency)
    thread = threading.Thread(
        target=server.serve_forever, args=(_CLOSING_POLL_SECONDS,), name="sample shop", daemon=True
    )
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _ShopServer(ThreadingHTTPServer):
    """A thread for each connection; they end with the server."""

    daemon_threads = True
    request_queue_size = 128  # five, the default, turns away a crawler that opens its connections at once

    def __init__(self, port: int, shop: Shop, latency: timedelta) -> None:
        self.shop = shop
        self.latency = latency
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((_HOST, port), _Handler)

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the client was faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        # A client that leaves in the middle of an answer is no error of the shop's.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; a connection stays open for the next request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet
    timeout = _IDLE_SECONDS
    server: _ShopServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def version_string(self) -> str:
        return "SampleShop"

    def log_message(self, *_of: object) -> None:
        """Says nothing: a crawl asks for a thousand pages."""

    def _answer(self, with_body: bool) -> None:
        time.sleep(self.server.latency.total_seconds())
        page = self.server.shop.page(unquote(urlsplit(self.path).path))
        if page is None:
            self._send(HTTPStatus.NOT_FOUND, _NOT_FOUND, {}, with_body)
            return
        etag = f'"{hashlib.sha256(page.body).hexdigest()[:16]}"'
        stamps = {"ETag": etag, "Last-Modified": format_datetime(_MODIFIED, usegmt=True)}
        if self._is_known(etag):
            self._send(HTTPStatus.NOT_MODIFIED, None, stamps, with_body=False)
        else:
            self._send(HTTPStatus.OK, page, stamps, with_body)

    def _is_known(self, etag: str) -> bool:
        """Whether the client says that it has this page: by its tag, or failing that by its date."""
        if (tags := self.headers.get("If-None-Match")) is not None:
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return bool(known & {etag, "*"})
        with suppress(TypeError, ValueError):  # a date nobody can read is no date
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
            return since.replace(tzinfo=since.tzinfo or UTC) >= _MODIFIED
        return False

    def _send(self, status: HTTPStatus, page: Page | None, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if page is not None:
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if page is not None and with_body:
            self.wfile.write(page.body)
