"""Drift windows as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.pages import Page
from bookshelf.contracts import ModelName
from bookshelf.drift import FeatureKind


def _null_if_empty(text: str | None) -> str | None:
    return text or None


class FeatureDriftReply(BaseModel):
    """How far one feature has moved; `violated` where `psi` or `ks` reaches its limit.

    `psi` is the population stability index, 0 for the same shares, and `ks` the Kolmogorov–Smirnov
    distance, 0 to 1; `p` says how often chance alone comes so far. A category has no `ks`. Limits grow
    where books are few, because then chance does more.
    """

    model_config = ConfigDict(from_attributes=True)

    feature: str
    kind: FeatureKind
    psi: float
    psi_limit: float
    ks: float | None
    ks_limit: float | None
    p: float | None
    violated: bool


class LiveErrorReply(BaseModel):
    """How wrong the answers were of which feedback says what was right: `mean` over `n` of them, in `unit`.

    `low` and `high` are its 95 % interval, null for one answer. `baseline` is what the one price or tone that
    suits all of them best would lose, or as many books drawn at random.
    """

    model_config = ConfigDict(from_attributes=True)

    measure: str
    unit: str
    n: int
    mean: float
    low: float | None
    high: float | None
    baseline: float


class AnswerDriftReply(BaseModel):
    """What the version has told its callers in the `days` before the publish, beside what it would tell of
    the books that it learnt from.

    A question that came again counts once among the `questions`. `drift` is null where they are too few to
    compare, and `error` where nobody has given feedback.
    """

    model_config = ConfigDict(from_attributes=True)

    days: int
    questions: int
    drift: FeatureDriftReply | None
    error: LiveErrorReply | None


class DriftReply(BaseModel):
    """The books on offer after one publish beside those that a version has learnt from.

    `source` is the one whose books were compared, null for everybody's. `published_at` is when the
    snapshot was, `reference_at` as of when the version learnt. `violated` says whether any feature is;
    features come worst first, and `prediction` is the version's own answer. `run_id` is the MLflow run
    with the plots, and `order_id` the retraining that this window gave rise to, null if it gave none.
    `answers` are apart from all that, and null where they were not compared.
    """

    model_config = ConfigDict(from_attributes=True)

    model: ModelName
    version: str
    snapshot_id: int
    source: Annotated[str | None, BeforeValidator(_null_if_empty)]
    published_at: datetime
    reference_at: datetime
    measured_at: datetime
    reference_rows: int = Field(description="Books that the version learnt from.")
    window_rows: int = Field(description="Books on offer.")
    violated: bool
    features: list[FeatureDriftReply]
    answers: AnswerDriftReply | None
    run_id: str
    order_id: str | None


class DriftPage(Page[DriftReply]):
    """One page of the windows, the newest publish first."""
