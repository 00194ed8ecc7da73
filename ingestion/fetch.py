"""Fetching a shop's pages politely: pooled connections, limits on everything, patient retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from bookshelf.errors import CrawlForbidden, FetchFailed
from bookshelf.settings import Settings
from ingestion.robots import ROBOT_NAME, RobotRules

#: The seam between fetching and all the rest: the bytes of a page, or a `CrawlError`.
Fetch = Callable[[str], bytes]

_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """How we behave towards a shop.

    `pause` lies between the starts of two requests, `timeout` bounds connecting, each silence and
    the whole answer, `longest_wait` bounds what a Retry-After may ask of us.
    """

    at_once: int = 8
    pause: timedelta = timedelta(0)
    timeout: timedelta = timedelta(seconds=15)
    attempts: int = 5
    first_wait: timedelta = timedelta(seconds=0.5)
    longest_wait: timedelta = timedelta(seconds=60)
    max_bytes: int = 5_000_000

    @classmethod
    def of(cls, settings: Settings) -> FetchPolicy:
        return cls(
            at_once=settings.fetch_workers, pause=settings.fetch_pause, timeout=settings.fetch_timeout
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    url: str
    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    body: bytes


class PoliteFetcher:
    """Fetches the pages of one host, from any number of threads; itself a `Fetch`.

    Every page is held against robots.txt before it is asked for. A page that cannot be had raises
    `FetchFailed`, one that may not be asked for `CrawlForbidden`. Closing it ends waits at once.
    """

    def __init__(self, host: str, policy: FetchPolicy) -> None:
        self._host = host
        self._policy = policy
        self._session = _open_session(policy.at_once, through_proxy=not _is_loopback(host))
        self._slots = threading.BoundedSemaphore(policy.at_once)
        self._closed = threading.Event()
        self._rules: dict[str, RobotRules] = {}
        self._rules_lock = threading.Lock()
        self._turn_lock = threading.Lock()
        self._next_turn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closed.set()
        self._session.close()

    def __call__(self, url: str) -> bytes:
        return self._page(url).body

    def locate(self, url: str) -> str:
        """The address at which that page is really found, redirects followed."""
        return self._page(url).url

    def _page(self, url: str) -> _Answer:
        answer = self._follow(url, self._check_rules)
        if answer.status != HTTPStatus.OK:
            raise FetchFailed(url, _said(answer.status))
        return answer

    def _check_rules(self, url: str) -> timedelta:
        """The pause before that page. Raises `CrawlForbidden`."""
        rules = self._rules_of(urljoin(url, "/robots.txt"))
        if not rules.allow(url):
            raise CrawlForbidden(url)
        return max(rules.pause, self._policy.pause)

    def _rules_of(self, robots_url: str) -> RobotRules:
        with self._rules_lock:  # the first page waits for the rules, and so do all that come with it
            if robots_url not in self._rules:
                answer = self._follow(robots_url, lambda _: self._policy.pause)
                # RFC 9309: no such file means no rules; an error that is not ours means do not crawl.
                if answer.status != HTTPStatus.OK and not 400 <= answer.status < 500:
                    raise FetchFailed(robots_url, _said(answer.status))
                self._rules[robots_url] = RobotRules.of(answer.body if answer.status == HTTPStatus.OK else b"")
            return self._rules[robots_url]

    def _follow(self, url: str, pause_before: Callable[[str], timedelta]) -> _Answer:
        """The answer at the end of the redirects, all of them on our host."""
        here = url
        for _ in range(_MAX_REDIRECTS + 1):
            if urlsplit(here).hostname != self._host:
                raise FetchFailed(url, f"it leads away from {self._host}, to {here}")
            answer = self._answer(here, pause_before(here))
            if not 300 <= answer.status < 400 or "Location" not in answer.headers:
                return answer
            here = urljoin(here, answer.headers["Location"])
        raise FetchFailed(url, f"more than {_MAX_REDIRECTS} redirects")

    def _answer(self, url: str, pause: timedelta) -> _Answer:
        """One answer, asked for again as often as the policy allows while asking again may help."""
        for attempt in range(1, self._policy.attempts + 1):
            asked_to_wait = None
            try:
                answer = self._ask(url, pause)
            except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
                reason = self._in_plain_words(error)
            except requests.RequestException as error:
                raise FetchFailed(url, str(error)) from error
            else:
                if answer.status not in _WORTH_RETRYING:
                    return answer
                reason = _said(answer.status)
                asked_to_wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
            if attempt < self._policy.attempts:
                self._sleep(url, self._wait(url, attempt, asked_to_wait))
        raise FetchFailed(url, f"{reason}, {self._policy.attempts} times")

    def _ask(self, url: str, pause: timedelta) -> _Answer:
        with self._slots:
            self._take_turn(url, pause)
            seconds = self._policy.timeout.total_seconds()
            deadline = time.monotonic() + seconds
            with self._session.get(url, timeout=seconds, stream=True, allow_redirects=False) as response:
                return _Answer(url, response.status_code, response.headers, self._body(response, deadline))

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        # read1 comes back with what has arrived: a server that drips byte by byte meets the deadline.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._policy.max_bytes:
                raise FetchFailed(response.url, f"more than {self._policy.max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise requests.Timeout
        return bytes(body)

    def _take_turn(self, url: str, pause: timedelta) -> None:
        """Wait until `pause` has gone by since the request before ours began."""
        with self._turn_lock:
            start = max(time.monotonic(), self._next_turn)
            self._next_turn = start + pause.total_seconds()
        self._sleep(url, timedelta(seconds=start - time.monotonic()))

    def _wait(self, url: str, attempt: int, asked_to_wait: timedelta | None) -> timedelta:
        if asked_to_wait is None:
            return min(self._policy.first_wait * 2 ** (attempt - 1), self._policy.longest_wait)
        if asked_to_wait > self._policy.longest_wait:  # coming back sooner than told would be no politeness
            seconds = asked_to_wait.total_seconds()
            raise FetchFailed(url, f"the shop asks us to come back in {seconds:,.0f} s")
        return asked_to_wait

    def _sleep(self, url: str, wait: timedelta) -> None:
        if self._closed.wait(max(0.0, wait.total_seconds())):
            raise FetchFailed(url, "the crawl was stopped")

    def _in_plain_words(self, error: BaseException) -> str:
        if isinstance(error, requests.Timeout) or "timed out" in str(error):
            return f"no whole answer within {self._policy.timeout.total_seconds():g} s"
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.strerror:
                return cause.strerror.lower()
            cause = cause.__cause__ or cause.__context__
        return "the connection broke off"


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """How long a Retry-After header asks us to wait: seconds or an HTTP date; None if it says neither."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return timedelta(seconds=min(int(header), 10**9))
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    # An HTTP date is in GMT; one that says `-0000` comes back without a zone.
    return max(timedelta(0), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)


def _open_session(at_once: int, *, through_proxy: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = through_proxy
    session.headers["User-Agent"] = f"{ROBOT_NAME}/{version('bookshelf')} (reads a shop's books into a catalogue)"
    session.headers["Accept"] = "text/html"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # we are nobody's returning guest
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=at_once, pool_block=True, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(status: int) -> str:
    try:
        return f"the server answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the server answered {status}"
