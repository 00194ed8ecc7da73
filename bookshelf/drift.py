"""Drift windows: how far the books of each publish are from those that a champion has learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bookshelf.database import reading, writing
from bookshelf.model_tables import drift_windows

FeatureKind = Literal["number", "category"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDrift:
    """How far one feature has moved.

    `psi` is the population stability index, 0 for the same shares. `ks` is the Kolmogorov–Smirnov
    distance, 0 to 1, and `p` how often chance alone comes so far; None for a category, or where one side
    knows fewer than two numbers. A limit is the larger of what matters and what chance does to so few rows.
    """

    feature: str
    kind: FeatureKind
    psi: float
    psi_limit: float
    ks: float | None = None
    ks_limit: float | None = None
    p: float | None = None

    @property
    def violated(self) -> bool:
        """Whether either measure reaches its limit."""
        return self.psi >= self.psi_limit or (
            self.ks is not None and self.ks_limit is not None and self.ks >= self.ks_limit
        )

    @property
    def severity(self) -> float:
        """The larger measure as a multiple of its limit; 1 or more violates."""
        by_ks = self.ks / self.ks_limit if self.ks is not None and self.ks_limit else 0.0
        return max(self.psi / self.psi_limit, by_ks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveError:
    """How wrong the answers were of which somebody has said since what was right.

    `mean` is over `n` answers, in `unit`, with its 95 % interval, which one answer has not. `baseline` is
    what the price or the tone that suits all of them best would lose, or as many books drawn at random.
    """

    measure: str
    unit: str
    n: int
    mean: float
    low: float | None
    high: float | None
    baseline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDrift:
    """What a version has told its callers in the `days` before a publish, beside what it would tell of the
    books that it learnt from.

    A question that came again counts once among the `questions`. `drift` is None where they are too few to
    compare, and `error` where nobody has given feedback.
    """

    days: int
    questions: int
    drift: FeatureDrift | None
    error: LiveError | None

    @property
    def violated(self) -> bool:
        """Whether the answers have moved beyond a limit."""
        return self.drift is not None and self.drift.violated


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWindow:
    """The books on offer after the publish of `snapshot_id` beside those of a champion's training.

    `source` is the one whose books are compared, "" for everybody's. `published_at` is when the catalogue
    began to say so, `reference_at` as of when the champion learnt. Features come worst first. `answers` are
    what it has told its callers by then, apart from all that; None where the log could not be read.
    """

    model: str
    version: str
    snapshot_id: int
    source: str
    published_at: datetime
    reference_at: datetime
    measured_at: datetime
    reference_rows: int
    window_rows: int
    features: tuple[FeatureDrift, ...]
    run_id: str
    answers: AnswerDrift | None = None

    @property
    def violated(self) -> bool:
        """Whether any feature of the books, or the prediction for them, does."""
        return any(one.violated for one in self.features)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftWindow(NewWindow):
    """A window on record; `order_id` is the retraining that it gave rise to, None if it gave none."""

    id: int
    order_id: str | None


class DriftWindows:
    """The windows of one catalogue database: one for each snapshot, model and version."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def add(self, window: NewWindow) -> DriftWindow:
        """Keep a window; the one on record if there is one of its snapshot, model and version."""
        row = {name: getattr(window, name) for name in _GIVEN} | {
            "features": [asdict(one) for one in window.features],
            "answers": None if window.answers is None else asdict(window.answers),
            "violated": window.violated,
        }
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(drift_windows).values(row))
        except IntegrityError:
            if self.find(window.model, window.version, window.snapshot_id) is None:
                raise
        kept = self.find(window.model, window.version, window.snapshot_id)
        assert kept is not None
        return kept

    def find(self, model: str, version: str, snapshot_id: int) -> DriftWindow | None:
        """The window of that snapshot, model and version, if it was measured."""
        found, _ = self._page(
            drift_windows.c.model == model,
            drift_windows.c.version == version,
            drift_windows.c.snapshot_id == snapshot_id,
        )
        return found[0] if found else None

    def history(self, model: str, newest: int) -> list[DriftWindow]:
        """So many of the model's windows, of any version, the newest last; before them all with an order."""
        of_model = drift_windows.c.model == model
        last = select(drift_windows.c.id).where(of_model).order_by(*_NEWEST_FIRST).limit(newest)
        wanted = or_(drift_windows.c.id.in_(last), drift_windows.c.order_id.is_not(None))
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(*_COLUMNS).where(of_model, wanted).order_by(*_NEWEST_FIRST)
            ).all()
        return [_to_window(row) for row in reversed(rows)]

    def page(self, model: str | None, *, number: int, size: int) -> tuple[list[DriftWindow], int]:
        """Page `number` (from 1) of the windows, of that model or of all, newest first, and their number."""
        of_model = () if model is None else (drift_windows.c.model == model,)
        return self._page(*of_model, number=number, size=size)

    @staticmethod
    def note_order(connection: Connection, window_id: int, order_id: str) -> None:
        """Remember which retraining a window gave rise to, in the transaction that orders it."""
        connection.execute(
            update(drift_windows).where(drift_windows.c.id == window_id).values(order_id=order_id)
        )

    def _page(
        self, *which: ColumnElement[bool], number: int = 1, size: int = 1
    ) -> tuple[list[DriftWindow], int]:
        matching = select(*_COLUMNS).where(*which)
        with reading(self.engine) as connection:
            total = connection.execute(select(func.count()).select_from(matching.subquery())).scalar_one()
            rows = connection.execute(
                matching.order_by(*_NEWEST_FIRST).limit(size).offset((number - 1) * size)
            ).all()
        return [_to_window(row) for row in rows], total


_AS_JSON = ("features", "answers")
_GIVEN: Sequence[str] = [field.name for field in fields(NewWindow) if field.name not in _AS_JSON]
_NEWEST_FIRST = (drift_windows.c.published_at.desc(), drift_windows.c.id.desc())
_COLUMNS = tuple(drift_windows.c[field.name] for field in fields(DriftWindow))


def _to_window(row: Row[Any]) -> DriftWindow:
    features = tuple(FeatureDrift(**one) for one in row.features)
    return DriftWindow(**{**row._mapping, "features": features, "answers": _to_answers(row.answers)})


def _to_answers(told: dict[str, Any] | None) -> AnswerDrift | None:
    if told is None:
        return None
    drift, error = told["drift"], told["error"]
    return AnswerDrift(
        days=told["days"],
        questions=told["questions"],
        drift=None if drift is None else FeatureDrift(**drift),
        error=None if error is None else LiveError(**error),
    )
