"""How the registry stands, for those who have no registry at hand: its aliases and versions as last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from bookshelf.database import reading, writing
from bookshelf.model_tables import standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A model's aliases, each the number of a version or None, and all its versions, the oldest first.

    `champion` serves. `challenger` was trained or judged last. `previous` was champion before the champion.
    `seen_at` is when it was first seen to stand so.
    """

    model: str
    champion: str | None
    challenger: str | None
    previous: str | None
    versions: tuple[str, ...]
    seen_at: datetime


class Standings:
    """The standings of one catalogue database; whoever changes or looks at the registry writes them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def note(self, standing: Standing) -> None:
        """Put it in place of the one before."""
        row = {**asdict(standing), "versions": list(standing.versions)}
        with writing(self.engine) as connection:
            connection.execute(delete(standings).where(standings.c.model == standing.model))
            connection.execute(insert(standings).values(**row))

    def all(self) -> Mapping[str, Standing]:
        """By model; one that nobody has seen in the registry is left out."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(*_STANDING)).all()
        return {row.model: Standing(**{**row._mapping, "versions": tuple(row.versions)}) for row in rows}


_STANDING = tuple(standings.c[one.name] for one in fields(Standing))
