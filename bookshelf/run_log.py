"""What happened during a run, line by line: a time, a level, an event's name, and its facts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, func, insert, select

from bookshelf.database import reading, writing
from bookshelf.tables import run_log

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `detail` holds JSON values."""

    id: int
    run_id: str
    at: datetime
    level: Level
    event: str
    detail: dict[str, Any]


class RunLog:
    """The lines of one database's runs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, run_id: str, at: datetime, level: Level, event: str, **detail: Any) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                insert(run_log).values(run_id=run_id, at=at, level=level, event=event, detail=detail)
            )

    def page(self, run_id: str, *, number: int, size: int) -> tuple[list[LogLine], int]:
        """Page `number` (from 1) of a run's lines, the oldest first, and their number."""
        of_run = run_log.c.run_id == run_id
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).where(of_run)).scalar_one()
            rows = connection.execute(
                select(*(run_log.c[field.name] for field in fields(LogLine)))
                .where(of_run)
                .order_by(run_log.c.id)
                .limit(size)
                .offset((number - 1) * size)
            ).all()
        return [LogLine(**row._mapping) for row in rows], total
