"""The sentiment model, fitted on labelled texts, judged on texts held out and on real descriptions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bookshelf.book import ListedBook
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.layers import LayeredEncoder
from features.sentiment import INPUTS, LABELS, Embed, Probabilities, SentimentClassifier, read
from training import agreement, yardsticks
from training.corpus import BUNDLED, corpus_hash, held_out_texts, kinds_of, load_corpus
from training.explanation import HELD_OUT
from training.findings import Findings
from training.fitted import Fitted, Score
from training.hand_labels import labelled_descriptions, load_hand_labels
from training.precision import Losses, with_precision
from training.sentiment_card import sentiment_card
from training.sentiment_choice import Texts, choose, read_texts
from training.sentiment_plots import sentiment_figures

Values = NDArray[np.float64]

METRIC, UNIT = "macro-F1", "of 1"
#: Column with the vectors of a held-out text's passages, one after another; empty for the other texts.
VECTORS = "passage_embeddings"


@dataclass(frozen=True, kw_only=True)
class SentimentParams:
    """What a sentiment training may be told; the defaults are also the command line's and `MLproject`'s.

    `reserve` and `caution` were chosen on the hand labels marked `choose`; those marked `report` have
    chosen nothing.
    """

    corpus: str = field(default=BUNDLED, metadata={"help": f"CSV or Parquet of text,label, or {BUNDLED}"})
    reserve: float = field(default=1.5, metadata={"help": "how much more a description must feel, 0 to 5"})
    caution: float = field(default=0.4, metadata={"help": "how much more negative a plot must be, 0 to 5"})
    held_out_share: float = field(default=0.2, metadata={"help": "of the texts, 0.05 to 0.5"})
    folds: int = field(default=5, metadata={"help": "of the cross-validation, 2 to 20"})
    seed: int = field(default=0, metadata={"help": "of folds and bootstrap"})

    def __post_init__(self) -> None:
        for name, low, high in (
            ("reserve", 0, 5),
            ("caution", 0, 5),
            ("held_out_share", 0.05, 0.5),
            ("folds", 2, 20),
        ):
            if not low <= getattr(self, name) <= high:
                raise TrainingError(f"{name} must be {low} to {high}, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """What the model says (n,) of descriptions that were labelled by hand (n,), and the scores of that."""

    true: agreement.Codes
    found: agreement.Codes
    metrics: dict[str, float]


def fit_sentiment(
    settings: Settings, params: SentimentParams, as_of: datetime, source: str | None = None
) -> Fitted:
    """The sentiment model, and how it agrees with the hand labels of books on offer at `as_of`, if any.

    It learns nothing from the catalogue: `as_of` and `source` only choose those books. Raises
    `TrainingError` for a corpus that cannot be used.
    """
    books = Catalogue.open(settings.catalogue_url).all_books(BookFilter(as_of=as_of, source=source))
    encoder = Encoder.load(settings.encoder, settings.encoders)
    with KeptVectors(settings.kept_vectors, partial(LayeredEncoder.over, encoder)) as layers:
        fitted = sentiment_of(load_corpus(params.corpus), books, layers.embed, params, as_of)
        counts = layers.counts
        smaller = LayeredEncoder.over(encoder).smaller()
        judge = partial(losses_by, fitted.model, fitted.dataset[fitted.dataset[HELD_OUT]])
        fitted = with_precision(fitted, settings, layers.embed, smaller, judge)
    tags = {"encoder_fingerprint": encoder.fingerprint, **fitted.tags}
    return replace(fitted, metrics={**fitted.metrics, **counts}, tags=tags)


def sentiment_of(
    corpus: pd.DataFrame,
    books: Sequence[ListedBook],
    embed: Embed,
    params: SentimentParams,
    as_of: datetime,
) -> Fitted:
    """Choose, fit and judge on a corpus as `load_corpus` gives it; there may be no books.

    `embed` is a `LayeredEncoder`'s.
    """
    kept = held_out_texts(corpus, params.held_out_share)
    texts = read_texts(list(corpus["text"]), list(corpus["label"]), embed)
    training, held_out = texts.only(~kept), texts.only(kept)
    kinds = kinds_of(corpus[~kept], params.folds)
    unfitted = SentimentClassifier(reserve=params.reserve, caution=params.caution)
    model, chosen = choose(training, kinds, unfitted, folds=params.folds, seed=params.seed)
    found = model.probabilities(held_out.reading, held_out.vectors)
    measured = _measured(held_out.labels, found, training.labels, list(corpus.loc[kept, "part"]))
    by_hand = _by_hand(model, labelled_descriptions(books, load_hand_labels()), embed, params.seed)
    metrics = measured | chosen | by_hand.metrics | yardsticks.measured(model, embed, seed=params.seed)
    rows = corpus.copy()
    rows[HELD_OUT], rows[VECTORS] = kept, _vectors(texts, kept)
    sizes = {"training_rows": len(training.labels), "held_out_rows": len(held_out.labels)}
    found_settings = {name: getattr(model, name) for name in ("C", "words_weight", "temperature")}
    return Fitted(
        name="sentiment",
        model=model,
        score=_score(metrics),
        params={**asdict(params), **sizes, **found_settings},
        metrics=metrics,
        held_out_losses=partial(held_out_losses, frame=rows[kept]),
        dataset=rows,
        dataset_sha256=corpus_hash(corpus),
        dataset_source=f"corpus {params.corpus}",
        input_example=_example(held_out),
        card=sentiment_card(rows, model, metrics, as_of),
        figures=sentiment_figures(held_out.labels, found, by_hand.true, by_hand.found),
        tags={"verdict": _verdict(metrics)},
    )


def held_out_losses(model: SentimentClassifier, frame: pd.DataFrame) -> Values:
    """Log loss of each row of a held-out frame as it is logged.

    A model of vectors of another length, or of another make, knows nothing: ln 3 for every row.
    """
    found = _probabilities(model, frame)
    if found is None:
        return np.full(len(frame), np.log(len(LABELS)))
    return agreement.log_losses(agreement.codes(list(frame["label"])), found)


def findings(model: SentimentClassifier, rows: pd.DataFrame, settings: Settings) -> Findings:
    """Score on the rows that a training set, as it is logged, held out, and on texts from outside of it.

    Those are the yardsticks and the descriptions labelled by hand of books that are on offer now, as
    `settings.encoder` reads them. Raises `TrainingError` for a model of another make or another encoder.
    """
    held_out, learnt = rows[rows[HELD_OUT]], rows[~rows[HELD_OUT]]
    encoder = LayeredEncoder.over(Encoder.load(settings.encoder))
    found = _probabilities(model, held_out)
    if found is None or model.dimensions != encoder.dimensions:
        raise TrainingError(
            f"the sentiment model is of another make than this code, or of another encoder than "
            f"{settings.encoder}: train it anew"
        )
    true, known = (agreement.codes(list(part["label"])) for part in (held_out, learnt))
    measured = _measured(true, found, known, [])
    books = Catalogue.open(settings.catalogue_url).all_books(BookFilter())
    described = labelled_descriptions(books, load_hand_labels())
    with KeptVectors(settings.kept_vectors, lambda: encoder) as layers:
        measured |= yardsticks.measured(model, layers.embed, seed=0)
        measured |= _by_hand(model, described, layers.embed, seed=0).metrics
    return Findings(score=_score(measured), metrics=measured)


def _probabilities(model: SentimentClassifier, frame: pd.DataFrame) -> Probabilities | None:
    """What the model says (n, 3) of the texts of held-out rows; None if their vectors are not for it."""
    reading = read(list(frame["text"]))
    vectors = np.concatenate(list(frame[VECTORS])).reshape(len(reading.passages), -1)
    # A version from before there were layers has other parts, and no code that reads them is left.
    if vectors.shape[1] != getattr(model, "dimensions", None):
        return None
    return model.probabilities(reading, vectors)


def _score(measured: dict[str, float]) -> Score:
    return Score(
        metric=METRIC,
        unit=UNIT,
        value=measured["macro_f1"],
        baseline=measured["baseline_macro_f1"],
        higher_is_better=True,
    )


def losses_by(model: SentimentClassifier, frame: pd.DataFrame, embed: Embed) -> Losses:
    """What the model loses on the texts of a held-out frame and on the yardsticks, as they are embedded."""
    texts = read_texts(list(frame["text"]), list(frame["label"]), embed)
    held_out = agreement.log_losses(texts.labels, model.probabilities(texts.reading, texts.vectors))
    return {"log_loss": held_out, **yardsticks.errors(model, embed)}


def _measured(
    true: agreement.Codes, found: Probabilities, learnt: agreement.Codes, parts: Sequence[str]
) -> dict[str, float]:
    """Scores on held-out texts, over all and of each part; the baseline is the commonest label learnt."""
    best = found.argmax(axis=1)
    majority = np.full(len(true), np.bincount(learnt).argmax())
    measured = {
        "macro_f1": agreement.macro_f1(true, best),
        "baseline_macro_f1": agreement.macro_f1(true, majority),
        "accuracy": agreement.accuracy(true, best),
        "baseline_accuracy": agreement.accuracy(true, majority),
        "log_loss": float(agreement.log_losses(true, found).mean()),
        "calibration_error": agreement.calibration_error(true, found),
    }
    for part in sorted(set(parts) - {""}):
        rows = np.array([other == part for other in parts])
        name = re.sub(r"\W", "_", part)
        measured[f"macro_f1_{name}"] = agreement.macro_f1(true[rows], best[rows])
        measured[f"accuracy_{name}"] = agreement.accuracy(true[rows], best[rows])
    return measured


def _by_hand(model: SentimentClassifier, described: pd.DataFrame, embed: Embed, seed: int) -> ByHand:
    """Agreement with the hand labels; the baseline is the commonest of them."""
    metrics = {"hand_labelled_books": float(len(described))}
    if described.empty:
        nothing = np.empty(0, dtype=np.int64)
        return ByHand(true=nothing, found=nothing, metrics=metrics)
    texts = read_texts(list(described["text"]), list(described["label"]), embed)
    true, found = texts.labels, model.probabilities(texts.reading, texts.vectors).argmax(axis=1)
    majority = np.full(len(true), np.bincount(true).argmax())
    for name, score in (("accuracy", agreement.accuracy), ("macro_f1", agreement.macro_f1)):
        estimate = agreement.with_interval(score, true, found, seed=seed)
        metrics[f"hand_{name}"] = estimate.mean
        metrics[f"hand_{name}_low"], metrics[f"hand_{name}_high"] = estimate.low, estimate.high
        metrics[f"baseline_hand_{name}"] = score(true, majority)
    for place in set(true):
        right = found[true == place] == place
        metrics[f"hand_recall_{LABELS[place]}"] = float(right.mean())
    return ByHand(true=true, found=found, metrics=metrics)


def _example(texts: Texts) -> pd.DataFrame:
    """Three passages with their vectors, as `predict` takes them; MLflow wants arrays of doubles."""
    vectors = [row.astype(np.float64) for row in texts.vectors[:3]]
    columns = (texts.reading.passages[:3], pd.Series(vectors, dtype=object))
    return pd.DataFrame(dict(zip(INPUTS, columns, strict=True)))


def _verdict(scores: dict[str, float]) -> str:
    told = (
        f"of texts that no training sees, {scores['carry_over_accuracy']:.3f} lean the right way, "
        f"baseline {scores['baseline_carry_over_accuracy']:.3f}"
    )
    return f"{told}; {_verdict_by_hand(scores)}"


def _verdict_by_hand(by_hand: dict[str, float]) -> str:
    if "hand_accuracy" not in by_hand:
        return "none of the descriptions labelled by hand is in this catalogue"
    return (
        f"on {by_hand['hand_labelled_books']:.0f} descriptions labelled by hand: "
        f"macro-F1 {by_hand['hand_macro_f1']:.3f}, baseline {by_hand['baseline_hand_macro_f1']:.3f}; "
        f"accuracy {by_hand['hand_accuracy']:.3f}, baseline {by_hand['baseline_hand_accuracy']:.3f}"
    )


def _vectors(texts: Texts, kept: NDArray[np.bool_]) -> pd.Series[Any]:
    """A flat array for each text held out, for `held_out_losses` to read, and an empty one for the others."""
    ends = np.cumsum(np.bincount(texts.reading.text))[:-1]
    per_text = np.split(texts.vectors, ends)
    empty = np.empty(0, dtype=np.float32)
    cells = [vectors.ravel() if keep else empty for vectors, keep in zip(per_text, kept, strict=True)]
    return pd.Series(cells, dtype=object)
