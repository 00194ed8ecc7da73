"""What a champion has told its callers, out of the prediction log, beside what it would tell of the books
that it learnt from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean, median, mode
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bookshelf.contracts import MODEL_NAMES
from bookshelf.drift import AnswerDrift, FeatureDrift, LiveError
from bookshelf.errors import ModelUnavailable
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import Settings
from training.drift_rows import Champion
from training.drift_statistics import Limits, compare_numbers
from training.trial_log import COLUMNS, Answered, as_answered, truths
from training.trial_report import LOSSES, measure

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

#: Its name among the features of a window.
ANSWER = "answer"
#: Of fewer, chance alone is beyond what the limits are made for.
LEAST_QUESTIONS = 30
_COLUMNS = (*COLUMNS, "at", "run_id", "book_id", "inputs")

Values = NDArray[np.float64]


def answer_drift(
    settings: Settings, of: Champion, until: datetime, usual: Values, limits: Limits
) -> AnswerDrift | None:
    """The champion's answers of the days before that moment beside the `usual` ones, and how wrong they were.

    `usual` are those for the books that it learnt from, NaN where it has none. None for a log that cannot be
    read, which keeps nothing else from being measured.
    """
    since = until - timedelta(days=settings.drift_answer_days)
    files = PredictionFiles(settings.home)
    [name] = [one for one in MODEL_NAMES if one == of.name]
    try:
        answered = _of_champion(files.table("predictions", name, since.date(), _COLUMNS), of, since, until)
        known = truths(files, name, since.date())
    except (OSError, pa.ArrowInvalid, ModelUnavailable) as error:
        log.warning("the answers of %s were not compared: %s: %s", name, type(error).__name__, error)
        return None
    asked = answered.drop_duplicates("inputs", keep="last")
    judged = answered.loc[answered["prediction_id"].isin(list(known)), list(COLUMNS)]
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in judged.itertuples(index=False, name=None)]
    return AnswerDrift(
        days=settings.drift_answer_days,
        questions=len(asked),
        drift=_compared(usual, _values(name, asked), limits),
        error=_error(name, [as_answered(row, known) for row in rows], len(usual)),
    )


def _of_champion(predictions: pa.Table, of: Champion, since: datetime, until: datetime) -> pd.DataFrame:
    """What that version has answered as champion, in the order of time."""
    frame: pd.DataFrame = predictions.to_pandas()
    its_own = (frame["version"] == of.version) & (frame["run_id"] == of.run_id)
    then = (frame["at"] > since) & (frame["at"] <= until)
    return frame[its_own & then & (frame["role"] == "champion")]


def _values(name: str, asked: pd.DataFrame) -> Values:
    """The numbers that were answered. Of recommendations only those by book: a wish has other scores."""
    if name == "recommender":
        asked = asked[asked["book_id"].notna()]
    return asked["value"].dropna().to_numpy(dtype=np.float64)


def _compared(usual: Values, told: Values, limits: Limits) -> FeatureDrift | None:
    usual = usual[~np.isnan(usual)]
    if min(len(usual), len(told)) < LEAST_QUESTIONS:
        return None
    return compare_numbers(ANSWER, usual, told, limits, comparisons=1).drift


def _error(name: str, judged: Sequence[Answered], books: int) -> LiveError | None:
    counted, unit, loss = LOSSES[name]
    found = measure(counted, unit, [loss(one, one.truth) for one in judged if one.truth is not None])
    if found is None:
        return None
    return LiveError(
        measure=counted,
        unit=unit,
        n=found.n,
        mean=found.mean,
        low=found.low,
        high=found.high,
        baseline=_baseline(name, [one for one in judged if one.truth is not None], books),
    )


def _baseline(name: str, judged: Sequence[Answered], books: int) -> float:
    """The mean loss of the one answer that suits all best; of as many of the `books`, drawn at random."""
    if name == "recommender":
        return fmean(max(0.0, 1 - len(one.books) / books) for one in judged)
    known = [one.truth for one in judged]
    if name == "price":
        middle = median(known)
        return fmean(abs(truth - middle) for truth in known)
    return fmean(float(truth != mode(known)) for truth in known)
