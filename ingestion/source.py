"""Which shop is read: the one that was named, or the live one, or the bundled sample in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from bookshelf.errors import FetchFailed, SettingsError
from bookshelf.publication import STAND_IN
from bookshelf.settings import LIVE_SHOP
from ingestion.fetch import FetchPolicy, PoliteFetcher, Tell
from ingestion.fetched import Fetch, Fetched, Stamp, Traffic

SAMPLE_SHOP = STAND_IN
#: Where the sample shop's pages are said to be: it serves only while it is read, at another port each time.
SAMPLE_SHOP_URL = "http://sample-shop.invalid/"
#: How long the live shop may take to show itself before the sample shop is taken.
LIVE_PATIENCE = timedelta(seconds=4)
_LONGEST_ADDRESS = 500  # as much as a snapshot keeps


@dataclass(frozen=True, slots=True)
class Source:
    """A shop that answers: its name as a snapshot keeps it, its first page, and how to fetch its pages."""

    name: str
    start_url: str
    fetch: Fetch


def source_name(address: str) -> str:
    """The one spelling of a shop's address, or of the sample shop's name.

    Raises `SettingsError` for what is neither.
    """
    if address == SAMPLE_SHOP:
        return SAMPLE_SHOP
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise SettingsError(f"SOURCE is no address: {error}") from error
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or len(address) > _LONGEST_ADDRESS:
        raise SettingsError(f"SOURCE must be the http or https address of a shop, got {address!r}")
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/").geturl()


@contextmanager
def open_source(
    named: str,
    policy: FetchPolicy,
    tell: Tell,
    *,
    live_shop: str = LIVE_SHOP,
    patience: timedelta = LIVE_PATIENCE,
    may_stand_in: bool = True,
) -> Iterator[Source]:
    """The shop at `named`, or, if that is empty, the live shop, or the sample in its place if it may.

    A shop that was named is never replaced: if it does not answer, that is a `FetchFailed`. What was
    taken in place of the live shop, and why, is said through `tell`; and that a shop is asked again.
    """
    if not named and may_stand_in and (missing := _why_missing(live_shop, policy, patience)):
        tell(f"{live_shop} does not answer ({missing}).")
        tell("Using the bundled sample shop instead: its books are invented.")
        named = SAMPLE_SHOP
    if named == SAMPLE_SHOP:
        from ingestion.sample_shop import serve_sample_shop  # a thousand books' prose, for this case alone

        with serve_sample_shop() as address, _open_shop(address, policy) as fetcher:
            yield Source(SAMPLE_SHOP, SAMPLE_SHOP_URL, _Relocated(fetcher, SAMPLE_SHOP_URL, address))
        return
    name = source_name(named or live_shop)
    with _open_shop(name, policy) as fetcher:
        with fetcher.telling(tell):
            start_url = _first_page(fetcher, name)
        yield Source(name, start_url, fetcher)


def _first_page(fetcher: PoliteFetcher, name: str) -> str:
    try:
        return fetcher.locate(name)
    except FetchFailed as error:
        reason = f"{error.reason}; SOURCE={name} must be the address of a shop that answers"
        raise FetchFailed(error.url, reason) from error


def _open_shop(address: str, policy: FetchPolicy) -> PoliteFetcher:
    return PoliteFetcher(urlsplit(source_name(address)).hostname or "", policy)


def _why_missing(shop: str, policy: FetchPolicy, patience: timedelta) -> str | None:
    """Why the shop cannot be read now; None if it shows its first page in time."""
    shown: Future[str] = Future()
    with _open_shop(shop, replace(policy, attempts=2, timeout=min(policy.timeout, patience))) as fetcher:

        def look() -> None:
            try:
                shown.set_result(fetcher.locate(shop))
            except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits for it
                shown.set_exception(error)

        # A thread that nobody waits for: a name that cannot be looked up may hang for half a minute.
        threading.Thread(target=look, daemon=True).start()
        try:
            shown.result(patience.total_seconds())
        except TimeoutError:
            return f"nothing within {patience.total_seconds():g} s"
        except FetchFailed as error:
            return error.reason
    return None


@dataclass(frozen=True, slots=True)
class _Relocated:
    """`fetch` for pages that are said to be under one address and really are under another."""

    fetch: Fetch
    said: str
    real: str

    @property
    def traffic(self) -> Traffic:
        return self.fetch.traffic

    def __call__(self, url: str, known: Stamp | None = None) -> Fetched:
        return self.fetch(urljoin(self.real, url.removeprefix(self.said)), known)
