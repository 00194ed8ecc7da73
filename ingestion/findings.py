"""What a check found wrong with a snapshot: as JSON for the database, as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: How many examples a finding gives at most.
MOST_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that a snapshot did not pass: why there is such a check, what it allows, and what it saw.

    `examples` are the first few books or pages that it is about, at most ten.
    """

    check: str
    reason: str
    expected: str
    found: str
    examples: tuple[str, ...] = ()


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """What a quarantined snapshot keeps: `{"findings": [{check, reason, expected, found, examples}]}`."""
    return {"findings": [{**asdict(one), "examples": list(one.examples)} for one in findings]}


def summary(findings: Sequence[Finding]) -> str:
    """One line: `number of books: found 612, expected at least 900; …`."""
    return "; ".join(f"{one.check}: found {one.found}, expected {one.expected}" for one in findings)


def as_text(told: dict[str, Any]) -> str:
    """A report, as the database keeps it, for a terminal."""
    lines = []
    for one in told["findings"]:
        lines += [f"✗ {one['check']}", f"    expected  {one['expected']}", f"    found     {one['found']}"]
        lines += [f"    because   {one['reason']}"]
        lines += [
            f"    {'examples' if first else '        '}  {example}"
            for first, example in zip([True] + [False] * len(one["examples"]), one["examples"], strict=False)
        ]
    return "\n".join(lines)
