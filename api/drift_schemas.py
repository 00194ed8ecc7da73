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


class DriftReply(BaseModel):
    """The books on offer after one publish beside those that a version has learnt from.

    `source` is the one whose books were compared, null for everybody's. `published_at` is when the
    snapshot was, `reference_at` as of when the version learnt. `violated` says whether any feature is;
    features come worst first, and `prediction` is the version's own answer. `run_id` is the MLflow run
    with the plots, and `order_id` the retraining that this window gave rise to, null if it gave none.
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
    run_id: str
    order_id: str | None


class DriftPage(Page[DriftReply]):
    """One page of the windows, the newest publish first."""
