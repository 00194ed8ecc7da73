"""The log of what served when: every change of a champion and every refusal, written once and for good.

The registry's alias and this log are two stores, and no transaction spans both. Whoever changes an alias
writes down first what is intended; a process that dies in between leaves the intent, and the next one tells
from the alias whether it came to pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from filelock import FileLock
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, text

from bookshelf.database import reading, writing
from bookshelf.model_notices import tell_of_promotion
from bookshelf.model_tables import promotion_intents, promotions

Action = Literal["promote", "rollback", "by_hand", "refused"]

# One number for every process that may change what serves, on one PostgreSQL database.
_CHANGE_LOCK = 7_263_004


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`to_version` takes the place of `from_version`, or was refused it; None where there is none.

    `scores` has those of both, JSON values. `snapshot_id` is the catalogue's state that the new version
    learnt from, None where that is not known. `at` is when the change was begun, moments before it took
    effect.
    """

    model: str
    at: datetime
    action: Action
    from_version: str | None
    to_version: str | None
    who: str
    reason: str
    scores: Mapping[str, Any] = field(default_factory=dict)
    snapshot_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion(Change):
    """A change as the log has it, in the order of `id`."""

    id: int


class Promotions:
    """The log of one catalogue database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep every other process from changing what serves meanwhile; who dies lets go."""
        if self.engine.dialect.name == "sqlite":
            with FileLock(f"{self.engine.url.database}.models.lock"):
                yield
            return
        with self.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _CHANGE_LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _CHANGE_LOCK})

    def intend(self, change: Change) -> None:
        """Write down what is about to be done to the alias; only while `changing`."""
        with writing(self.engine) as connection:
            connection.execute(insert(promotion_intents).values(**asdict(change)))

    def intents(self) -> Sequence[Change]:
        """What was intended and never said to be done; while `changing`, of processes that died."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(*_CHANGE).order_by(promotion_intents.c.model)).all()
        return [Change(**row._mapping) for row in rows]

    def complete(self, change: Change) -> Promotion:
        """The intended change has taken effect: it is in the log, and whoever listens is told."""
        with writing(self.engine) as connection:
            _forget(connection, change)
            return _write(connection, change)

    def abandon(self, change: Change) -> None:
        """The intended change never took effect, and is in no log."""
        with writing(self.engine) as connection:
            _forget(connection, change)

    def record(self, change: Change) -> Promotion:
        """Log what needs no intent: a refusal, or what somebody else has done already."""
        with writing(self.engine) as connection:
            return _write(connection, change)

    def page(
        self, model: str | None = None, *, number: int, size: int, at: datetime | None = None
    ) -> tuple[Sequence[Promotion], int]:
        """Page `number` (from 1) of a model's entries, or everybody's, the newest first, and their number.

        With `at`, of those that were there then.
        """
        wanted = [promotions.c.model == model] if model is not None else []
        wanted += [promotions.c.at <= at] if at is not None else []
        with reading(self.engine) as connection:
            total = connection.execute(
                select(func.count()).select_from(promotions).where(*wanted)
            ).scalar_one()
            rows = connection.execute(
                select(*_PROMOTION)
                .where(*wanted)
                .order_by(promotions.c.id.desc())
                .limit(size)
                .offset((number - 1) * size)
            ).all()
        return [_promotion(row) for row in rows], total

    def at(self, moment: datetime) -> Mapping[str, Promotion]:
        """By model, the change that put on duty what was live then; a model of which none was is left out."""
        return {model: one for model, one in self.standing(moment).items() if one.to_version is not None}

    def standing(self, moment: datetime | None = None) -> Mapping[str, Promotion]:
        """By model, its last change of all or until then, also one that left no version on duty."""
        until = [] if moment is None else [promotions.c.at <= moment]
        newest = (
            select(func.max(promotions.c.id))
            .where(promotions.c.action != "refused", *until)
            .group_by(promotions.c.model)
        )
        with reading(self.engine) as connection:
            rows = connection.execute(select(*_PROMOTION).where(promotions.c.id.in_(newest))).all()
        return {row.model: _promotion(row) for row in rows}

    def was_live(self, model: str, version: str) -> bool:
        """Whether the log knows of a time at which that version was on duty."""
        served = (promotions.c.model == model, promotions.c.action != "refused")
        either = (promotions.c.to_version == version) | (promotions.c.from_version == version)
        with reading(self.engine) as connection:
            return connection.execute(select(promotions.c.id).where(*served, either)).first() is not None


_CHANGE = tuple(promotion_intents.c[one.name] for one in fields(Change))
_PROMOTION = tuple(promotions.c[one.name] for one in fields(Promotion))


def _write(connection: Connection, change: Change) -> Promotion:
    facts = {one.name: getattr(change, one.name) for one in fields(Change)}
    number = connection.execute(insert(promotions).values(**facts).returning(promotions.c.id)).scalar_one()
    written = Promotion(id=number, **facts)
    tell_of_promotion(connection, asdict(written), change.at)
    return written


def _forget(connection: Connection, change: Change) -> None:
    connection.execute(delete(promotion_intents).where(promotion_intents.c.model == change.model))


def _promotion(row: Row[Any]) -> Promotion:
    return Promotion(**row._mapping)
