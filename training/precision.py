"""Whether a model may be asked with vectors of int8: where its own evaluation loses nothing by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bookshelf.contracts import PRECISION_TAG
from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.sentiment import Embed
from training.fitted import Fitted

#: Loss of each row, by the name of what is measured.
Losses = Mapping[str, NDArray[np.float64]]


def with_precision(
    fitted: Fitted,
    settings: Settings,
    full: Embed,
    smaller: Encoder | None,
    losses: Callable[[Embed], Losses],
) -> Fitted:
    """The model with the tag that says which vectors it may be served with, and what each of them costs.

    `losses` judges the model on rows that it has not seen, with texts embedded by what it is given. It may
    be served with int8 where none of its mean losses grows by more than its own standard error: then the
    change cannot be told from that of other rows.
    """
    if smaller is None:
        return _told(fitted, "fp32", {})
    with KeptVectors(settings.kept_vectors, lambda: smaller) as vectors:
        before, after = losses(full), losses(vectors.embed)
    allowed = {name: float(values.std(ddof=1) / np.sqrt(len(values))) for name, values in before.items()}
    change = {name: float((after[name] - before[name]).mean()) for name in before}
    harmless = all(change[name] <= allowed[name] for name in change)
    metrics = {f"int8_{name}_change": value for name, value in change.items()}
    metrics |= {f"int8_{name}_change_allowed": value for name, value in allowed.items()}
    return _told(fitted, "int8" if harmless else "fp32", metrics)


def _told(fitted: Fitted, precision: str, metrics: Mapping[str, float]) -> Fitted:
    return replace(
        fitted,
        tags={**fitted.tags, PRECISION_TAG: precision},
        metrics={**fitted.metrics, **metrics},
    )
