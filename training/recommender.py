"""The recommender: every book on offer indexed, its weights learnt, and judged by halves of descriptions.

With lists of what readers of a book also read, it is judged by those too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import KeptVectors, TextEncoder
from bookshelf.settings import Settings
from features import respects, schema
from features.embedding import Encoder
from features.recommender import GIVEN, INPUTS, BookRecommender
from features.respects import RESPECTS
from training import relations, retrieval
from training.co_reading import read_by, reading
from training.dataset import SOURCE, TrainingSet, load_training_set
from training.explanation import HELD_OUT
from training.findings import Findings
from training.fitted import Fitted, Score
from training.judging import asked_by, by_relations, found_by, width_of, with_judges
from training.lists import catalogue_lists
from training.metrics import bootstrap_mean
from training.neighbours import AUTO, KINDS, Neighbours, neighbours_of, read_neighbours
from training.precision import Losses, with_precision
from training.recommender_card import recommender_card
from training.recommender_plots import recommender_figures
from training.retrieval import Found
from training.weighing import learnt_weights

Values = NDArray[np.float64]

_TRUST_IN_READERS = 10  # times that in what a catalogue tells by itself
METRIC, UNIT = "MRR of description halves", "of 1"


def _weight(name: str) -> Any:
    return field(default=GIVEN[name], metadata={"help": f"before learning, of: {RESPECTS[name]}"})


@dataclass(frozen=True, kw_only=True)
class RecommenderParams:
    """What a recommender's training may be told; the defaults are also the command line's and `MLproject`'s.

    The weights are where learning starts. They are learnt from the lists of `neighbours`, of which half are
    kept to be judged by, and without them from what the catalogue tells by itself.
    """

    meaning_weight: float = _weight(respects.MEANING)
    words_weight: float = _weight(respects.WORDS)
    topics_weight: float = _weight(respects.TOPICS)
    title_weight: float = _weight(respects.TITLE)
    author_weight: float = _weight(respects.AUTHOR)
    series_weight: float = _weight(respects.SERIES)
    category_weight: float = _weight(respects.CATEGORY)
    genre_weight: float = _weight(respects.GENRE)
    held: float = field(
        default=3_000.0, metadata={"help": "nats that a learnt weight costs which lies 1 from the one given"}
    )
    neighbours: str = field(
        default="", metadata={"help": "CSV or Parquet of book_id,neighbours to learn from and be judged by"}
    )
    neighbour_ids: str = field(
        default=AUTO, metadata={"help": f"what the ids in it are: {', '.join((AUTO, *KINDS))}"}
    )
    held_out_books: int = field(default=300, metadata={"help": "descriptions to judge by, 20 to 5000"})
    seed: int = field(default=0, metadata={"help": "of what is drawn: candidates, the bootstrap, the map"})

    def __post_init__(self) -> None:
        weights = tuple(self.given.values())
        if not (min(weights) >= 0 and 0 < sum(weights) < float("inf")):
            raise TrainingError(f"weights must be 0 or more and not all 0, got {weights}")
        if not 0 <= self.held < float("inf"):
            raise TrainingError(f"held must be 0 or more, got {self.held}")
        if self.neighbour_ids not in (AUTO, *KINDS):
            raise TrainingError(
                f"neighbour_ids must be one of {', '.join((AUTO, *KINDS))}, got {self.neighbour_ids!r}"
            )
        if not 20 <= self.held_out_books <= 5000:
            raise TrainingError(f"held_out_books must be 20 to 5000, got {self.held_out_books}")

    @property
    def given(self) -> dict[str, float]:
        """Respect -> the weight where learning starts."""
        return {name: getattr(self, f"{name}_weight") for name in GIVEN}


def fit_recommender(
    settings: Settings, params: RecommenderParams, as_of: datetime, source: str | None = None
) -> Fitted:
    """The recommender on the rows of the feature service `recommender_model` as they were known at `as_of`.

    Raises `TrainingError` if the catalogue or the neighbours cannot be judged by, or if the catalogue's
    vectors are another encoder's.
    """
    told = read_neighbours(Path(params.neighbours)) if params.neighbours else None
    data = load_training_set(settings, schema.RECOMMENDER_SERVICE, as_of, source)
    neighbours = None
    if told is not None:
        catalogue = Catalogue.open(settings.catalogue_url)
        by_id = {one.id: one for one in catalogue.stream_books(BookFilter(as_of=as_of, source=source))}
        books = [by_id[book_id] for book_id in data.book_ids]
        neighbours = neighbours_of(told, books, list(data.frame["title"]), params.neighbour_ids)
        print(f"  {params.neighbours}: {neighbours}")
    encoder = Encoder.load(settings.encoder, settings.encoders)
    with KeptVectors(settings.kept_vectors, lambda: encoder) as vectors:
        fitted = recommender_of(data, vectors, params, neighbours)
        counts = vectors.counts
        held_out = fitted.dataset[fitted.dataset[HELD_OUT]].reset_index(drop=True)
        judge = partial(losses_by, fitted.model, held_out)
        fitted = with_precision(fitted, settings, vectors.embed, encoder.smaller(), judge)
    return replace(fitted, metrics={**fitted.metrics, **counts})


def recommender_of(
    data: TrainingSet, encoder: TextEncoder, params: RecommenderParams, neighbours: Neighbours | None = None
) -> Fitted:
    """Index all books, learn the weights, and measure what the blend and its parts find.

    The rows of `neighbours` are those of `data`. No book that judges, by its halves, by what it shares or by
    its readers, has been learnt from: with `neighbours` halves are of books that their lists do not teach.
    """
    books = data.frame.drop(columns="embedding")
    books.insert(0, schema.JOIN_KEY, np.array(data.book_ids, dtype="int64"))
    model = BookRecommender(params.given).fit(books, _vectors(data, encoder))
    taught = np.zeros(len(books), dtype=bool) if neighbours is None else neighbours.learnable
    rows = with_judges(books, params.held_out_books, encoder.embed, ~taught)
    rows.insert(1, SOURCE, pd.Series(data.sources, dtype=object))
    model.weights = _weights(model, ~rows[HELD_OUT].to_numpy(dtype=bool), params, neighbours)
    held_out = rows[rows[HELD_OUT]].reset_index(drop=True)
    found = found_by(model, held_out)
    readers = reading(model, neighbours.judging) if neighbours else None
    measured = _measured(model, found, params.seed) | (read_by(readers, params.seed) if readers else {})
    return Fitted(
        name="recommender",
        model=model,
        score=_score(found, rows),
        params={**asdict(params), "training_rows": len(rows), "held_out_rows": len(held_out)},
        metrics=measured,
        held_out_losses=partial(held_out_losses, frame=held_out),
        dataset=rows,
        dataset_sha256=data.sha256,
        dataset_source=data.origin,
        input_example=pd.DataFrame([(data.book_ids[0], 5)], columns=list(INPUTS)).astype("int64"),
        card=recommender_card(data, model, measured, held_out, neighbours),
        feature_service=data.service,
        figures=recommender_figures(model, held_out, params.given, measured, params.seed),
        tags={
            "snapshot_id": str(data.snapshot_id),
            "source": data.source,
            "encoder_fingerprint": encoder.fingerprint,
        },
    )


def _weights(
    model: BookRecommender,
    learnable: NDArray[np.bool_],
    params: RecommenderParams,
    neighbours: Neighbours | None,
) -> dict[str, float]:
    """Learnt from readers where there are any; else from the catalogue, which cannot speak against a book."""
    if neighbours is not None:
        held = params.held / _TRUST_IN_READERS
        return learnt_weights(model, [neighbours.learning], neighbours.learnable, held, params.seed)
    lists = catalogue_lists(model, learnable, params.seed)
    return learnt_weights(model, lists, learnable, params.held, params.seed, lowest=0.0)


def losses_by(model: BookRecommender, frame: pd.DataFrame, embed: retrieval.Embed) -> Losses:
    """What the model loses on a held-out frame whose texts, which ask, are embedded by that."""
    return {"one_less_mrr": held_out_losses(model, asked_by(frame, embed))}


def held_out_losses(model: BookRecommender, frame: pd.DataFrame) -> Values:
    """1 less the reciprocal rank of the right answer, for each row of a held-out frame as it is logged.

    A model of vectors of another length has found nothing: 1 for every row.
    """
    if not _reads(model, frame):
        return np.ones(len(frame))
    losses: Values = 1 - found_by(model, frame)[retrieval.BLEND].reciprocal
    return losses


def findings(model: BookRecommender, rows: pd.DataFrame, _settings: Settings) -> Findings:
    """Score on the rows that a training set, as it is logged, held out.

    Raises `TrainingError` for a model of vectors of another length.
    """
    held_out = rows[rows[HELD_OUT]].reset_index(drop=True)
    if not _reads(model, held_out):
        raise TrainingError("the recommender has vectors of another length than the rows it is judged by")
    found = found_by(model, held_out)
    return Findings(score=_score(found, held_out), metrics=_of_each(found))


def _reads(model: BookRecommender, frame: pd.DataFrame) -> bool:
    return bool(model.embeddings.shape[1] == width_of(frame))


def _score(found: Mapping[str, Found], rows: pd.DataFrame) -> Score:
    return Score(
        metric=relations.METRIC if by_relations(rows) else METRIC,
        unit=UNIT,
        value=found[retrieval.BLEND].mrr,
        baseline=found[retrieval.SAME_CATEGORY].mrr,
        higher_is_better=True,
    )


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


def _of_each(found: Mapping[str, Found]) -> dict[str, float]:
    """Scores of the blend, and of everything else as its baseline."""
    blend = found[retrieval.BLEND]
    measured = {"mrr": blend.mrr, "recall_at_10": blend.recall}
    for name, other in found.items():
        if other is not blend:
            measured |= {f"baseline_{name}_mrr": other.mrr, f"baseline_{name}_recall_at_10": other.recall}
    return measured


def _measured(model: BookRecommender, found: Mapping[str, Found], seed: int) -> dict[str, float]:
    """Every score; the gain is of the blend's mean reciprocal rank over its best part's."""
    blend, measured = found[retrieval.BLEND], _of_each(found)
    best = max((found[name] for name in (retrieval.MEANING, retrieval.WORDS)), key=lambda part: part.mrr)
    gain = bootstrap_mean(blend.reciprocal - best.reciprocal, seed=seed)
    measured |= {"gain_mrr": gain.mean, "gain_mrr_low": gain.low, "gain_mrr_high": gain.high}
    measured |= {f"weight_{name}": share for name, share in model.shares.items()}
    if model.index is not None:
        measured["index_recall_at_10"] = model.index.recall
    agreement = retrieval.category_agreement(model)
    if agreement is not None:
        measured["category_agreement_at_10"], measured["baseline_category_agreement_at_10"] = agreement
    return measured
