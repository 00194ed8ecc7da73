"""What a worker and the process that loads for it say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wanted:
    """A version of a model, by the name of its local copy; from that registry, with copies in that folder."""

    uri: str
    copies: Path
    name: str
    version: str
    key: str


@dataclass(frozen=True)
class Tag:
    """What is to be noted at a version in that registry."""

    uri: str
    name: str
    version: str
    key: str
    value: str


@dataclass(frozen=True)
class Refused:
    """The version will not do, and why."""

    reason: str


@dataclass(frozen=True)
class Unable:
    """The version was loaded and cannot be handed over, and why."""

    reason: str
