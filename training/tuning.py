"""What of each model is tuned: where better parameters are looked for, and the loss they are judged by.

A loss never sees a held-out row: it is a cross-validation on the training rows alone, or for the
recommender, whose every book is indexed, the retrieval of books that no version is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from features.layers import LayeredEncoder
from training.explanation import HELD_OUT

#: Loss of parameters, lower is better.
Loss = Callable[[Any], float]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A parameter from `low` to `high`; where `log`, each tenfold is as likely as the next."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """The parameters that are searched, and what the loss is called; all others stay as they are.

    `prepare` reads the data once, as of a time and of a source (None: everybody's), for any number of trials.
    """

    space: Mapping[str, Span]
    loss: str
    prepare: Callable[[Settings, Any, datetime, str | None], Loss]


class Remembering(Encoder):
    """An encoder that encodes no text twice."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.network)
        self._known: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str], progress: bool = False) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, super().embed(new, progress), strict=True))
        found = [self._known[text] for text in texts]
        return np.stack(found) if found else super().embed(texts)


def _price(settings: Settings, base: Any, as_of: datetime, source: str | None) -> Loss:
    from features.price import PriceRegressor
    from features.price_columns import read_columns
    from training.contest import hold_contest
    from training.dataset import load_training_set
    from training.money import unit_of
    from training.price import labelled_rows, one_currency
    from training.price_verdict import prices_of
    from training.yardstick import yardstick_for

    data = load_training_set(settings, schema.PRICE_SERVICE, as_of, source)
    unit, rows = unit_of(one_currency(data)), labelled_rows(data, base.held_out_share)
    train = rows[~rows[HELD_OUT]]
    books, prices = read_columns(train), prices_of(train)
    yardstick = yardstick_for(prices, unit)

    def loss(params: Any) -> float:
        a_model = partial(PriceRegressor, coverage=params.coverage, folds=params.folds, seed=params.seed)
        contest = hold_contest(books, prices, a_model, alpha=params.alpha, yardstick=yardstick)
        return contest.metrics().get("cv_error", float("inf"))

    return loss


def _sentiment(settings: Settings, base: Any, as_of: datetime, _source: str | None) -> Loss:
    from training.corpus import load_corpus
    from training.sentiment import sentiment_of

    corpus, encoder = load_corpus(base.corpus), Encoder.load(settings.encoder, settings.encoders)

    def loss(params: Any) -> float:
        with KeptVectors(settings.kept_vectors, partial(LayeredEncoder.over, encoder)) as layers:
            return sentiment_of(corpus, [], layers.embed, params, as_of).metrics["cv_log_loss"]

    return loss


def _recommender(settings: Settings, base: Any, as_of: datetime, source: str | None) -> Loss:
    from training.dataset import load_training_set
    from training.recommender import recommender_of

    data = load_training_set(settings, schema.RECOMMENDER_SERVICE, as_of, source)
    encoder = Remembering(Encoder.load(settings.encoder, settings.encoders))
    judged_by = recommender_of(data, encoder, base).dataset[HELD_OUT].to_numpy(dtype=bool)
    rest = np.flatnonzero(~judged_by)
    others = replace(
        data,
        frame=data.frame.iloc[rest].reset_index(drop=True),
        book_ids=tuple(data.book_ids[row] for row in rest),
        sources=tuple(data.sources[row] for row in rest),
        row_ids=tuple(data.row_ids[row] for row in rest),
        moments=tuple(data.moments[row] for row in rest),
    )
    return lambda params: 1 - recommender_of(others, encoder, params).metrics["mrr"]


SEARCHES: Mapping[str, Search] = {
    # A ridge of ten times the strength is tried with each, so that both span 0.01 to 1,000.
    # The error is the one that the contest of candidates is won by: in money, or of logarithms.
    "price": Search(space={"alpha": Span(low=0.01, high=100.0, log=True)}, loss="cv_error", prepare=_price),
    # Only their proportions matter; the category is known for both halves, and much of it would flatter.
    "recommender": Search(
        space={
            "meaning_weight": Span(low=0.05, high=1.0),
            "words_weight": Span(low=0.05, high=1.0),
            "category_weight": Span(low=0.0, high=0.1),
        },
        loss="cv_one_less_mrr",
        prepare=_recommender,
    ),
    # Strength and temperature are chosen by every training itself; caution acts on texts of several passages.
    "sentiment": Search(space={"caution": Span(low=0.0, high=3.0)}, loss="cv_log_loss", prepare=_sentiment),
}
