"""Fetching a shop's pages politely: few at once, at its pace, by its rules, with patient retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

from bookshelf.errors import CrawlError, CrawlForbidden, FetchFailed, PageGone
from bookshelf.settings import Settings
from ingestion.connection import Answer, Connection, Unanswered
from ingestion.fetched import Fetched, Stamp, Traffic
from ingestion.robots import RobotRules

_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_NO_CONDITIONS: Mapping[str, str] = {}

#: Hears what a user should know.
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """How we behave towards a shop.

    `pause` lies between the starts of two requests, `timeout` bounds one attempt. Between attempts
    lies `first_wait`, then twice that, and so on, or what a Retry-After asks; `longest_wait` bounds both.
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
        return cls(at_once=settings.fetch_workers, pause=settings.fetch_pause, timeout=settings.fetch_timeout)


class PoliteFetcher:
    """Fetches the pages of one host, from any number of threads; itself a `Fetch`.

    Every page is held against robots.txt before it is asked for. A page that cannot be had raises
    `FetchFailed`, one that is not there `PageGone`, one that may not be asked for `CrawlForbidden`.
    Closing it ends all waits, which then raise `CrawlError`.
    """

    def __init__(self, host: str, policy: FetchPolicy) -> None:
        self._host = host
        self._policy = policy
        self._connection = Connection(
            host, connections=policy.at_once, timeout=policy.timeout, max_bytes=policy.max_bytes
        )
        self._slots = threading.BoundedSemaphore(policy.at_once)
        self._closed = threading.Event()
        self._rules: dict[str, RobotRules] = {}
        self._rules_lock = threading.Lock()
        self._turn_lock = threading.Lock()
        self._next_turn = 0.0
        self._traffic = Traffic()
        self._traffic_lock = threading.Lock()
        self._tell: Tell | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closed.set()
        self._connection.close()

    @property
    def traffic(self) -> Traffic:
        return self._traffic

    def __call__(self, url: str, known: Stamp | None = None) -> Fetched:
        conditions = known.conditions if known else _NO_CONDITIONS
        answer = self._follow(url, self._pause_before, conditions)
        if known and conditions and answer.url == url and answer.status == HTTPStatus.NOT_MODIFIED:
            if known.goes_with(answer.headers):
                return Fetched(None, known)
            # It is in some state, but not in the one we know: only the page itself can tell.
            answer = self._follow(url, self._pause_before)
        _check_found(url, answer.status)
        # The stamp of a page found elsewhere is that page's: under this address it would say nothing.
        return Fetched(answer.body, Stamp.of(answer.headers) if answer.url == url else Stamp())

    @contextmanager
    def telling(self, tell: Tell) -> Iterator[None]:
        """Within it `tell` hears of an address that has failed twice and is asked again."""
        self._tell = tell
        try:
            yield
        finally:
            self._tell = None

    def locate(self, url: str) -> str:
        """The address at which that page is really found, redirects followed; the page is not fetched."""
        answer = self._follow(url, self._pause_before, head=True)
        if answer.status != HTTPStatus.OK:  # not every server knows HEAD
            answer = self._follow(url, self._pause_before)
        _check_found(url, answer.status)
        return answer.url

    def _pause_before(self, url: str) -> timedelta:
        """The pause the shop and we want before that page. Raises `CrawlForbidden`."""
        rules = self._rules_of(urljoin(url, "/robots.txt"))
        if not rules.allow(url):
            raise CrawlForbidden(url)
        return max(rules.pause, self._policy.pause)

    def _rules_of(self, robots_url: str) -> RobotRules:
        with self._rules_lock:  # the first page waits for the rules, and so do all that come with it
            if robots_url not in self._rules:
                answer = self._follow(robots_url, lambda _: self._policy.pause)
                found = answer.status == HTTPStatus.OK
                # RFC 9309: where there is no such file all is allowed; where it cannot be had, nothing is.
                if not found and not 400 <= answer.status < 500:
                    raise FetchFailed(robots_url, _said(answer.status))
                self._rules[robots_url] = RobotRules.of(answer.body if found else b"")
            return self._rules[robots_url]

    def _follow(
        self,
        url: str,
        pause_before: Callable[[str], timedelta],
        conditions: Mapping[str, str] = _NO_CONDITIONS,
        *,
        head: bool = False,
    ) -> Answer:
        """The answer at the end of the redirects, none of which may leave our host.

        Only the first is asked with `conditions`: they speak of the page at `url` and of no other.
        """
        here = url
        for _ in range(_MAX_REDIRECTS + 1):
            if _host_of(here) != self._host:
                raise FetchFailed(url, f"it leads away from {self._host}, to {here}")
            asked = conditions if here == url else _NO_CONDITIONS
            answer = self._answer(here, pause_before(here), asked, head=head)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                return answer
            here = _joined(url, here, answer.headers["Location"])
        raise FetchFailed(url, f"more than {_MAX_REDIRECTS} redirects")

    def _answer(self, url: str, pause: timedelta, headers: Mapping[str, str], *, head: bool) -> Answer:
        """One answer, asked for as often as the policy allows while asking again may help."""
        reason = ""
        for attempt in range(1, self._policy.attempts + 1):
            asked_to_wait = None
            try:
                answer = self._ask(url, pause, headers, head=head, again=attempt > 1)
            except Unanswered as error:
                reason = str(error)
            else:
                if answer.status not in _WORTH_RETRYING:
                    return answer
                reason = _said(answer.status)
                asked_to_wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))
            if attempt < self._policy.attempts:
                if attempt == 2 and self._tell is not None:
                    attempts = self._policy.attempts
                    self._tell(f"{url} cannot be had ({reason}); it is asked {attempts} times in all.")
                self._sleep(url, self._wait(url, attempt, asked_to_wait))
        raise FetchFailed(url, f"{reason}, {self._policy.attempts} times")

    def _ask(
        self, url: str, pause: timedelta, headers: Mapping[str, str], *, head: bool, again: bool
    ) -> Answer:
        with self._slots:
            with self._turn_lock:
                start = max(time.monotonic(), self._next_turn)
                self._next_turn = start + pause.total_seconds()
            self._sleep(url, timedelta(seconds=start - time.monotonic()))
            self._count(Traffic(requests=1, retries=int(again)))
            answer = self._connection.ask(url, headers, head=head)
            self._count(Traffic(bytes=answer.received))
            return answer

    def _count(self, more: Traffic) -> None:
        with self._traffic_lock:
            so_far = self._traffic
            self._traffic = Traffic(
                so_far.requests + more.requests, so_far.retries + more.retries, so_far.bytes + more.bytes
            )

    def _wait(self, url: str, attempt: int, asked_to_wait: timedelta | None) -> timedelta:
        if asked_to_wait is None:
            return min(self._policy.first_wait * 2.0 ** (attempt - 1), self._policy.longest_wait)
        if asked_to_wait > self._policy.longest_wait:  # to come back sooner than told would be no politeness
            seconds = asked_to_wait.total_seconds()
            raise FetchFailed(url, f"the shop asks us to come back in {seconds:,.0f} s")
        return asked_to_wait

    def _sleep(self, url: str, wait: timedelta) -> None:
        if self._closed.wait(max(0.0, wait.total_seconds())):
            # No `FetchFailed`: it says nothing about the page.
            raise CrawlError(f"the crawl was stopped before {url} was read")


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """How long a Retry-After header asks us to wait: seconds or an HTTP date; None if it says neither."""
    if header is None:
        return None
    try:
        if header.strip().isascii() and header.strip().isdigit():
            return timedelta(seconds=min(int(header), 10**9))
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the second for a year that no calendar has
        return None
    # HTTP dates are in GMT, and one that says so as `-0000` comes back without a zone.
    return max(timedelta(0), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)


def _check_found(url: str, status: int) -> None:
    if status in _GONE:
        raise PageGone(url, _said(status))
    if status == HTTPStatus.NOT_MODIFIED:
        raise FetchFailed(url, f"{_said(status)}, but it was not asked whether it was")
    if status != HTTPStatus.OK:
        raise FetchFailed(url, _said(status))


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # `http://[` begins like an address of version 6
        return None


def _joined(asked: str, here: str, location: str) -> str:
    try:
        return urljoin(here, location)
    except ValueError as error:
        raise FetchFailed(asked, f"a redirect to {location!r}") from error


def _said(status: int) -> str:
    try:
        return f"the server answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"the server answered {status}"
