"""The price model, fitted and judged: the best of several candidates, or the median if none beats it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from bookshelf.settings import Settings
from features import schema
from features.price import PriceRegressor
from features.price_columns import NUMBERS, VECTOR
from features.similarity import edition_keys
from training import metrics
from training.dataset import SOURCE, TrainingSet
from training.explanation import HELD_OUT
from training.findings import Coverage, Findings
from training.fitted import Fitted, Score
from training.money import unit_of
from training.price_card import price_card
from training.price_folds import over_all_books
from training.price_plots import price_figures
from training.price_report import report_of
from training.price_verdict import prices_of, verdict_of
from training.split import held_out_rows
from training.yardstick import yardstick_for

Values = NDArray[np.float64]

_FEWEST_BOOKS = 5
_FEWEST_TO_TRAIN_ON = 2


@dataclass(frozen=True, kw_only=True)
class PriceParams:
    """What a price training may be told; the defaults are also the command line's and `MLproject`'s."""

    seed: int = field(default=0, metadata={"help": "of folds, bootstrap and trees"})
    folds: int = field(default=5, metadata={"help": "of the cross-validation, 2 to 20"})
    held_out_share: float = field(default=0.2, metadata={"help": "of the books, 0.05 to 0.5"})
    coverage: float = field(default=0.9, metadata={"help": "share of prices the intervals hold, 0.5 to 0.99"})
    alpha: float = field(
        default=1.0,
        metadata={
            "help": "strength of ridge, 1 being what the prices ask for; ten times as much is tried too"
        },
    )

    def __post_init__(self) -> None:
        for name, low, high in (("folds", 2, 20), ("held_out_share", 0.05, 0.5), ("coverage", 0.5, 0.99)):
            if not low <= getattr(self, name) <= high:
                raise TrainingError(f"{name} must be {low} to {high}, got {getattr(self, name)}")
        if not 0 < self.alpha < float("inf"):
            raise TrainingError(f"alpha must be above 0, got {self.alpha}")


def fit_price(data: TrainingSet, params: PriceParams) -> Fitted:
    """Choose, fit and judge a price model on the rows of the feature service `price_model`.

    Candidates are chosen by cross-validation on the training rows alone; the scores that the model is
    known by are measured on the held-out rows. It is the median's constant unless it keeps `skill.RULE` on
    both. Raises `TrainingError` for fewer than five books, or prices in several currencies.
    """
    currency = one_currency(data)
    rows = labelled_rows(data, params.held_out_share)
    train, held_out = rows[~rows[HELD_OUT]], rows[rows[HELD_OUT]]
    a_model = partial(PriceRegressor, coverage=params.coverage, folds=params.folds, seed=params.seed)
    verdict = verdict_of(train, held_out, a_model, params.alpha, unit_of(currency))
    report = report_of(verdict, held_out, params.seed)
    model = verdict.model
    measured = measure(model, verdict.median, held_out) | report.metrics | verdict.metrics()
    measured |= over_all_books(model, rows)
    model.measured_coverage = measured["coverage"]
    model.currency = currency
    # A shop has categories of one book: those that were held out are no less known.
    model.categories = tuple(sorted(set(rows["category"])))
    return Fitted(
        name="price",
        model=model,
        score=_score(currency, measured["mae"], measured["baseline_mae"]),
        params={**asdict(params), "candidate": verdict.candidate, **_row_counts(rows)},
        metrics=measured,
        held_out_losses=partial(held_out_losses, frame=held_out),
        dataset=rows,
        dataset_sha256=data.sha256,
        dataset_source=data.origin,
        input_example=example_of(train, model),
        card=price_card(data, verdict, report, measured, len(held_out)),
        feature_service=data.service,
        informative=model.informative,
        figures=price_figures(verdict, report, held_out),
        tables=report.tables,
        tags={
            "snapshot_id": str(data.snapshot_id),
            "source": data.source,
            "currency": currency,
            "verdict": verdict.reason,
        },
    )


def held_out_losses(model: PriceRegressor, frame: pd.DataFrame) -> Values:
    """Absolute error of each row of a held-out frame as `fit_price` logs it."""
    losses: Values = np.abs(prices_of(frame) - model.predict(frame)["price"].to_numpy())
    return losses


def findings(model: PriceRegressor, rows: pd.DataFrame, _settings: Settings) -> Findings:
    """Score, skill and coverage on the rows that a training set, as it is logged, held out.

    The baseline is the median of its other rows.
    """
    held_out, learnt = rows[rows[HELD_OUT]], prices_of(rows[~rows[HELD_OUT]])
    true, predicted = prices_of(held_out), model.predict(held_out)
    price, low, high = (predicted[name].to_numpy() for name in ("price", "low", "high"))
    median = np.full(len(true), np.median(learnt))
    score = _score(
        model.currency,
        metrics.mean_absolute_error(true, price),
        metrics.mean_absolute_error(true, median),
    )
    yardstick = yardstick_for(learnt, score.unit)
    losses, by_median = (yardstick.losses(true, one) for one in (price, median))
    held = metrics.coverage(true, low, high)
    skill = metrics.bootstrap_skill(losses, by_median, seed=model.seed)
    return Findings(
        score=score,
        informative=model.informative,
        coverage=Coverage(promised=model.coverage, held=held, rows=len(true)),
        skill=skill,
        metrics={"mae": score.value, "baseline_mae": score.baseline, "coverage": held, "skill": skill.mean},
    )


def one_currency(data: TrainingSet) -> str:
    """The currency of all prices. Raises `TrainingError` where they have several."""
    books = data.frame[schema.CURRENCY].value_counts()
    if len(books) > 1:
        found = " and ".join(f"{currency} ({count} books)" for currency, count in books.items())
        sources = ", ".join(map(repr, sorted(set(data.sources))))
        raise TrainingError(
            f"source must name books of one currency, got prices in {found}: "
            f"choose one with --source, or -P source=…, of {sources}"
        )
    return str(books.index[0]) if len(books) else "GBP"


def labelled_rows(data: TrainingSet, held_out_share: float) -> pd.DataFrame:
    """The training set with `book_id` and `source` in front and, behind, whether the row is held out.

    Raises `TrainingError` for fewer than five books, fewer than two works or fewer than two books that are
    left to train on.
    """
    works = edition_keys(list(data.frame["title"]), list(data.frame["author"]))
    if len(works) < _FEWEST_BOOKS or len(set(works)) < 2:
        raise TrainingError(
            f"a price model needs {_FEWEST_BOOKS} books and two works at least, got {len(works)} books"
        )
    # Doubles, because MLflow writes no signature for whole numbers that may be missing.
    rows = data.frame.reset_index(drop=True).astype(dict.fromkeys(NUMBERS, "float64"))
    rows.insert(0, schema.JOIN_KEY, np.array(data.book_ids, dtype="int64"))
    rows.insert(1, SOURCE, pd.Series(data.sources, dtype=object))
    rows[HELD_OUT] = held_out_rows(data.book_ids, works, held_out_share)
    if (left := int((~rows[HELD_OUT]).sum())) < _FEWEST_TO_TRAIN_ON:
        raise TrainingError(
            f"a price model needs {_FEWEST_TO_TRAIN_ON} books to train on, and of {len(works)} all but {left}"
            " are held out, editions of a work together: hold out a smaller share, or find more books"
        )
    return rows


def measure(model: PriceRegressor, baseline: PriceRegressor, held_out: pd.DataFrame) -> dict[str, float]:
    """Every score on the held-out rows: errors and the intervals' mean width as prices, shares from 0 to 1.

    The baseline's are called `baseline_<name>`. A score that is no number on these rows is left out.
    """
    scores = _scores(model, held_out) | {
        f"baseline_{name}": value for name, value in _scores(baseline, held_out).items()
    }
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def _score(currency: str, value: float, baseline: float) -> Score:
    return Score(metric="MAE", unit=unit_of(currency), value=value, baseline=baseline, higher_is_better=False)


def _scores(model: PriceRegressor, rows: pd.DataFrame) -> dict[str, float]:
    true = prices_of(rows)
    predicted = model.predict(rows)
    price, low, high = (predicted[name].to_numpy() for name in ("price", "low", "high"))
    return {
        "mae": metrics.mean_absolute_error(true, price),
        "rmse": metrics.root_mean_squared_error(true, price),
        "r2": metrics.r_squared(true, price),
        "log_score": metrics.log_score(true, price),
        "coverage": metrics.coverage(true, low, high),
        "interval_width": float(np.mean(high - low)),
    }


def example_of(rows: pd.DataFrame, model: PriceRegressor) -> pd.DataFrame:
    """Three rows of inputs, vectors in double precision: JSON knows no other, and a signature is strict."""
    example = rows[list(model.inputs)].head(3)
    if not model.reads_vectors:
        return example
    return example.assign(**{VECTOR: [vector.astype("float64") for vector in example[VECTOR]]})


def _row_counts(rows: pd.DataFrame) -> dict[str, int]:
    held_out = int(rows[HELD_OUT].sum())
    return {"training_rows": len(rows) - held_out, "held_out_rows": held_out}
