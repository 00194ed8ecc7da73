"""A page as a shop gives it: its bytes, the stamp by which it is known again, and what fetching it cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

# What may be sent back in a header as it came.
_SENDABLE = re.compile(r"[\x20-\x7e\x80-\xff]{1,1000}")
# A date in whole seconds cannot tell two states of one second apart (RFC 9110, 8.8.2.2): a page changed
# that recently may be changing still.
_SETTLED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The ETag and the Last-Modified that came with a page; None what did not come, or is of no use."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Stamp:
        return cls(_sendable(headers.get("ETag")), _settled(headers))

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for the page only if it has changed; none if we could not tell."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified else {}

    def goes_with(self, headers: Mapping[str, str]) -> bool:
        """Whether a "not modified" with these headers speaks of our state, and not of some other."""
        told = _sendable(headers.get("ETag"))
        if self.etag is None or told is None:
            return True
        return told.removeprefix("W/") == self.etag.removeprefix("W/")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as the shop gave it, and the shop's stamp on it; `body` is None if it is as we know it."""

    body: bytes | None
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was asked so far: `requests`, with robots.txt, redirects and `retries`; the `bytes` of bodies."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0


class Fetch(Protocol):
    """The seam between fetching and all the rest."""

    @property
    def traffic(self) -> Traffic: ...

    def __call__(self, url: str, known: Stamp | None = None) -> Fetched:
        """The page at `url`, or the word that it still is in the state `known`. Raises `CrawlError`."""


def _sendable(value: str | None) -> str | None:
    return value if value is not None and _SENDABLE.fullmatch(value) else None


def _settled(headers: Mapping[str, str]) -> str | None:
    modified = _sendable(headers.get("Last-Modified"))
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(modified or "")
    # No date, a date with a zone beside one without, or a year that no calendar has.
    except (TypeError, ValueError, OverflowError):
        return None
    return modified if age >= _SETTLED else None
