"""What served when, in words and as data: the log of promotions, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bookshelf.contracts import MODEL_NAMES
from bookshelf.promotions import Promotion, Promotions

_ALL = 1_000_000


def entries(log: Promotions, name: str | None) -> Sequence[Promotion]:
    """Every entry of a model, or of all, the newest first."""
    return log.page(name, number=1, size=_ALL)[0]


def line(entry: Promotion) -> str:
    """One entry in one line."""
    change = f"{entry.from_version or 'none'} → {entry.to_version or 'none'}"
    told = f"{_moment(entry.at)}  {entry.model} {entry.action} {change} by {entry.who}"
    scores = _scores(entry.scores)
    return f"{told}: {entry.reason}" + (f" ({scores})" if scores else "")


def live_lines(log: Promotions, name: str | None, at: datetime) -> list[str]:
    """What was on duty at that time, one line a model."""
    live = log.at(at)
    lines = []
    for model in (name,) if name else MODEL_NAMES:
        found = live.get(model)
        if found is None:
            lines.append(f"{model}: none was live at {_moment(at)}")
            continue
        since = f"since {_moment(found.at)}, {found.action} by {found.who}"
        lines.append(f"{model} version {found.to_version}: {since}: {found.reason}")
    return lines


def as_json(entry: Promotion) -> dict[str, Any]:
    """Every field; the moment as ISO 8601."""
    return {**asdict(entry), "at": entry.at.isoformat()}


def _scores(scores: Mapping[str, Any]) -> str:
    told = [
        _score(scores[side], word) for side, word in (("to", ""), ("from", "before ")) if scores.get(side)
    ]
    return ", ".join(told)


def _score(one: Mapping[str, Any], word: str) -> str:
    value, baseline = (_number(one.get(name)) for name in ("score", "baseline"))
    known = ", uninformative" if one.get("informative") is False else ""
    return f"{word}{one['metric']} {value} {one['unit']} beside {baseline}{known}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
