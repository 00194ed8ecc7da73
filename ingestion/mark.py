"""The mark that a checked publish leaves in the home: how far the stores go, and what made their rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ingestion.history import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The last revision whose rows are in both stores, and the encoder and definitions they are made by.

    `online` names the files that the definitions put online: to ask Feast for them would take it seconds.
    A mark of an older make names none. `snapshot_id` and `published_at` tell one catalogue's revision from
    another's of the same number.
    """

    revision: int
    snapshot_id: int
    published_at: datetime
    encoder: str
    fingerprint: str
    definitions: str
    online: tuple[str, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Published | None:
        """The mark in that file; None if there is none, or one of another make."""
        try:
            told = json.loads(file.read_text())
            told["published_at"] = datetime.fromisoformat(told["published_at"])
            return cls(**told | {"online": tuple(told.get("online", ()))})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, file: Path) -> None:
        """Leave the mark, whole or not at all."""
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self) | {"published_at": self.published_at.isoformat()}, indent=2))
        new.replace(file)

    def is_of(self, revisions: Sequence[Revision]) -> bool:
        """Whether this is of the catalogue with those revisions, all of them in order."""
        return any(
            (one.number, one.snapshot_id, one.published_at)
            == (self.revision, self.snapshot_id, self.published_at)
            for one in revisions
        )
