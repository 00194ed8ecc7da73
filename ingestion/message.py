"""One message to a webhook: its body, its signature, and the one attempt to post it."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from bookshelf.webhooks import Claim, Delivery
from ingestion.connection import is_loopback
from ingestion.deadline import BoundedAdapter
from ingestion.fetch import retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went: the receiver's status if it answered at all, and what went wrong, if anything.

    `asked_to_wait` is what its Retry-After said.
    """

    status: int | None
    error: str | None
    asked_to_wait: timedelta | None = None


def body_of(delivery: Delivery) -> bytes:
    """The message as JSON in UTF-8, to the byte the same on every attempt."""
    message = {
        "id": delivery.id,
        "event": delivery.event,
        "time": delivery.created_at.isoformat(),
        "data": delivery.payload,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def signature_of(secret: str, timestamp: int, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 over `<timestamp>.<body>`; the timestamp in Unix seconds."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def post(claim: Claim, at: datetime, timeout: timedelta) -> Answer:
    """Post what is claimed, at that moment; never raises for what a receiver or a network does.

    Connecting, and then the head of the receiver's answer, may take as long as `timeout`.
    """
    body = body_of(claim.delivery)
    timestamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"bookshelf/{version('bookshelf')}",
        "X-Bookshelf-Event": claim.delivery.event,
        "X-Bookshelf-Delivery": claim.delivery.id,
        "X-Bookshelf-Timestamp": str(timestamp),
        "X-Bookshelf-Signature": signature_of(claim.secret, timestamp, body),
    }
    with requests.Session() as session:
        # A proxy, if the machine has one, cannot know what listens on our own loopback.
        session.trust_env = not is_loopback(urlsplit(claim.url).hostname or "")
        # The signature says who we are; requests would send the password that ~/.netrc has for the host.
        session.auth = _as_it_is
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter())
        try:
            with session.post(
                claim.url,
                data=body,
                headers=headers,
                timeout=timeout.total_seconds(),
                allow_redirects=False,  # whoever is behind it never registered
                stream=True,  # the status is the answer; the body may be endless
            ) as response:
                return _judged(response, at)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return Answer(None, _in_plain_words(error, timeout))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _judged(response: requests.Response, at: datetime) -> Answer:
    if response.status_code // 100 == 2:
        return Answer(response.status_code, None)
    told = f"answered {response.status_code}"
    if response.is_redirect:
        told += ", a redirect, which is not followed: register the address it leads to"
    return Answer(response.status_code, told, retry_after(response.headers.get("Retry-After"), at))


def _in_plain_words(error: BaseException, timeout: timedelta) -> str:
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"no answer within {timeout.total_seconds():g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no secure connection: {error}"
    cause: BaseException | None = error
    while cause is not None:  # the libraries wrap the system's plain word several times
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return f"no answer: {error}"
