"""The recommender, fitted on every book on offer and judged by what halves of descriptions find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import KeptVectors, TextEncoder
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from features.recommender import BOOKS, INPUTS, BookRecommender
from training import retrieval
from training.dataset import SOURCE, TrainingSet, load_training_set
from training.explanation import HELD_OUT
from training.fitted import Fitted, Score
from training.metrics import bootstrap_mean
from training.recommender_card import recommender_card
from training.recommender_plots import recommender_figures
from training.retrieval import Found

Values = NDArray[np.float64]

METRIC, UNIT = "MRR of description halves", "of 1"


@dataclass(frozen=True, kw_only=True)
class RecommenderParams:
    """What a recommender's training may be told; the defaults are also the command line's and `MLproject`'s.

    The weights were measured on two shops: for finding the other half of a description and for
    neighbours of one category, the embedding is best given three tenths of what the category leaves.
    """

    meaning_weight: float = field(
        default=0.3, metadata={"help": "share of the embeddings' cosine, 0 or more"}
    )
    words_weight: float = field(default=0.65, metadata={"help": "share of the TF-IDF cosine, 0 or more"})
    category_weight: float = field(default=0.05, metadata={"help": "share of the same category, 0 or more"})
    held_out_books: int = field(default=300, metadata={"help": "descriptions to judge by, 20 to 5000"})
    seed: int = field(default=0, metadata={"help": "of the bootstrap and the map"})

    def __post_init__(self) -> None:
        weights = (self.meaning_weight, self.words_weight, self.category_weight)
        if not (min(weights) >= 0 and 0 < sum(weights) < float("inf")):
            raise TrainingError(f"weights must be 0 or more and not all 0, got {weights}")
        if not 20 <= self.held_out_books <= 5000:
            raise TrainingError(f"held_out_books must be 20 to 5000, got {self.held_out_books}")


def fit_recommender(
    settings: Settings, params: RecommenderParams, as_of: datetime, source: str | None = None
) -> Fitted:
    """The recommender on the rows of the feature service `recommender_model` as they were known at `as_of`.

    Raises `TrainingError` if the catalogue cannot be judged by, or its vectors are another encoder's.
    """
    data = load_training_set(settings, schema.RECOMMENDER_SERVICE, as_of, source)
    with KeptVectors(settings.kept_vectors, partial(Encoder.load, settings.encoder)) as vectors:
        fitted = recommender_of(data, vectors, params)
    return replace(fitted, metrics={**fitted.metrics, **vectors.counts})


def recommender_of(data: TrainingSet, encoder: TextEncoder, params: RecommenderParams) -> Fitted:
    """Index all books, and measure on the held-out halves what the blend and its parts find."""
    books = data.frame.drop(columns="embedding")
    books.insert(0, schema.JOIN_KEY, np.array(data.book_ids, dtype="int64"))
    model = BookRecommender(params.meaning_weight, params.words_weight, params.category_weight)
    model.fit(books, _vectors(data, encoder))
    rows = retrieval.with_halves(books[list(BOOKS)], params.held_out_books, encoder.embed)
    rows.insert(1, SOURCE, pd.Series(data.sources, dtype=object))
    held_out = rows[rows[HELD_OUT]].reset_index(drop=True)
    found = retrieval.retrieval(model, held_out)
    measured = _measured(model, found, params.seed)
    return Fitted(
        name="recommender",
        model=model,
        score=Score(
            metric=METRIC,
            unit=UNIT,
            value=found[retrieval.BLEND].mrr,
            baseline=found[retrieval.SAME_CATEGORY].mrr,
            higher_is_better=True,
        ),
        params={**asdict(params), "training_rows": len(rows), "held_out_rows": len(held_out)},
        metrics=measured,
        held_out_losses=partial(held_out_losses, frame=held_out),
        dataset=rows,
        dataset_sha256=data.sha256,
        dataset_source=data.origin,
        input_example=pd.DataFrame([(data.book_ids[0], 5)], columns=list(INPUTS)).astype("int64"),
        card=recommender_card(data, model, measured, len(held_out)),
        feature_service=data.service,
        figures=recommender_figures(model, held_out, params.seed),
        tags={
            "snapshot_id": str(data.snapshot_id),
            "source": data.source,
            "encoder_fingerprint": encoder.fingerprint,
        },
    )


def held_out_losses(model: BookRecommender, frame: pd.DataFrame) -> Values:
    """1 less the reciprocal rank of the right half, for each row of a held-out frame as it is logged.

    A model of vectors of another length has found nothing: 1 for every row.
    """
    if model.embeddings.shape[1] != len(frame[retrieval.FIRST].iloc[0]):
        return np.ones(len(frame))
    losses: Values = 1 - retrieval.retrieval(model, frame)[retrieval.BLEND].reciprocal
    return losses


def _vectors(data: TrainingSet, encoder: TextEncoder) -> NDArray[np.float32]:
    """The stored vectors (n, d); a book without a description is known by its title's."""
    vectors = np.stack(list(data.frame["embedding"]))
    if vectors.shape[1] != encoder.dimensions:
        raise TrainingError(
            f"the feature store holds vectors of {vectors.shape[1]} numbers and the encoder makes "
            f"{encoder.dimensions}: run `python -m ingestion publish` with this encoder"
        )
    undescribed = (data.frame["description"] == "").to_numpy()
    if undescribed.any():
        vectors[undescribed] = encoder.embed(list(data.frame.loc[undescribed, "title"]))
    return vectors


def _measured(model: BookRecommender, found: Mapping[str, Found], seed: int) -> dict[str, float]:
    """Every score; the gain is of the blend's mean reciprocal rank over its best part's."""
    blend = found[retrieval.BLEND]
    measured = {"mrr": blend.mrr, "recall_at_10": blend.recall}
    for name, other in found.items():
        if other is not blend:
            measured |= {f"baseline_{name}_mrr": other.mrr, f"baseline_{name}_recall_at_10": other.recall}
    best = max((found[name] for name in (retrieval.MEANING, retrieval.WORDS)), key=lambda part: part.mrr)
    gain = bootstrap_mean(blend.reciprocal - best.reciprocal, seed=seed)
    measured |= {"gain_mrr": gain.mean, "gain_mrr_low": gain.low, "gain_mrr_high": gain.high}
    agreement = retrieval.category_agreement(model)
    if agreement is not None:
        measured["category_agreement_at_10"], measured["baseline_category_agreement_at_10"] = agreement
    return measured
