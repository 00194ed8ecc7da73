"""The values of command lines: each reader says what it expected, in the line that argparse prints."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime

NOW = "now"

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[-+]\d{2}:\d{2})", re.ASCII
)
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")


def past_moment(text: str) -> datetime:
    """A time with its zone, or `now`. Refuses one without a zone, and one in the future."""
    if text == NOW:
        return datetime.now(UTC)
    try:
        given = datetime.fromisoformat(text).astimezone(UTC) if _MOMENT.fullmatch(text) else None
    except (ValueError, OverflowError):  # such as the 31st of June, or what is in UTC before the year 1
        given = None
    if given is None:
        raise ArgumentTypeError(f"must be a time with its zone, such as 2026-01-31T09:00:00Z, got {text!r}")
    if given > datetime.now(UTC):
        raise ArgumentTypeError(f"must not be in the future, got {text}")
    return given


def whole_number(lowest: int | None = None, highest: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers, both ends included."""

    def read(text: str) -> int:
        found = int(text) if _WHOLE.fullmatch(text) else None
        if found is None or not _lies_between(found, lowest, highest):
            raise ArgumentTypeError(f"must be a whole number{_told(lowest, highest)}, got {text!r}")
        return found

    return read


def number(lowest: float | None = None, highest: float | None = None) -> Callable[[str], float]:
    """A reader of finite numbers, both ends included."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = float("nan")  # which lies nowhere
        if not _lies_between(found, lowest, highest):
            raise ArgumentTypeError(f"must be a number{_told(lowest, highest)}, got {text!r}")
        return found

    return read


def _lies_between(found: float, lowest: float | None, highest: float | None) -> bool:
    if lowest is not None and found < lowest:
        return False
    if highest is not None and found > highest:
        return False
    return abs(found) < float("inf")


def _told(lowest: float | None, highest: float | None) -> str:
    if highest is None:
        return "" if lowest is None else f", {lowest} or more"
    return f" up to {highest}" if lowest is None else f" from {lowest} to {highest}"
