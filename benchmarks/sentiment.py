"""The sentiment model beside the lexicon VADER and the commonest label, on texts that neither has seen.

The hand-labelled descriptions are measured where the installation's catalogue holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from bookshelf.catalogue import BookFilter, Catalogue
from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import load_settings
from features.layers import LayeredEncoder
from features.sentiment import LABELS, NEGATIVE, NEUTRAL, POSITIVE, Embed, SentimentClassifier, read
from training import agreement
from training.corpus import BUNDLED, load_corpus
from training.hand_labels import labelled_descriptions, load_hand_labels
from training.sentiment import SentimentParams, sentiment_of
from training.yardsticks import CHOOSE, REPORT, load_yardsticks

ROUNDS = 1
#: VADER's own border of what it calls neutral.
_VADER_NEUTRAL = 0.05

#: Texts to the score of each, below 0 for a negative one, and to the code of its label.
Judge = Callable[[Sequence[str]], tuple[np.ndarray[tuple[int], np.dtype[np.float64]], agreement.Codes]]


def run(rounds: int, tell: Tell) -> Outcome:
    settings = load_settings()
    books = Catalogue.open(settings.catalogue_url).all_books(BookFilter())
    described = labelled_descriptions(books, load_hand_labels())
    with KeptVectors(
        settings.kept_vectors, partial(LayeredEncoder.load, settings.encoder, settings.encoders)
    ) as layers:
        params = SentimentParams()
        model = sentiment_of(load_corpus(BUNDLED), [], layers.embed, params, datetime.now(UTC)).model
        comparisons = compare(
            Way("VADER", lambda: _scores(_vader(), described)),
            [Way("ours", lambda: _scores(_ours(model, layers.embed), described))],
            rounds,
            tell,
        )
        notes = _notes(_ours(model, layers.embed), described, params.seed)
    setting = f"{len(load_yardsticks())} texts of ours, {len(described)} hand-labelled descriptions"
    return Outcome("sentiment", setting, comparisons, notes)


def _ours(model: SentimentClassifier, embed: Embed) -> Judge:
    def judge(texts: Sequence[str]) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], agreement.Codes]:
        reading = read(texts)
        found = model.probabilities(reading, embed(reading.passages))
        return found[:, POSITIVE] - found[:, NEGATIVE], found.argmax(axis=1)

    return judge


def _vader() -> Judge:
    analyser = SentimentIntensityAnalyzer()

    def judge(texts: Sequence[str]) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], agreement.Codes]:
        scores = np.array([analyser.polarity_scores(text)["compound"] for text in texts])
        sided = np.where(scores > 0, POSITIVE, NEGATIVE)
        return scores, np.where(np.abs(scores) < _VADER_NEUTRAL, NEUTRAL, sided)

    return judge


def _scores(judge: Judge, described: pd.DataFrame) -> Mapping[Metric, float]:
    rows = load_yardsticks()
    scores, found = judge(list(rows["text"]))
    true = agreement.codes(list(rows["label"]))
    told: dict[Metric, float] = {}
    for use, kind in sorted(set(zip(rows["use"], rows["kind"], strict=True))):
        these = np.array((rows["use"] == use) & (rows["kind"] == kind)) & (true != NEUTRAL)
        right = float(np.mean((scores[these] > 0) == (true[these] == POSITIVE)))
        told[Metric(f"{use}, {kind}: leaning the right way", "of 1", True)] = right
    for use in (CHOOSE, REPORT):
        these = np.array(rows["use"] == use)
        told[Metric(f"{use}: macro-F1", "of 1", True)] = agreement.macro_f1(true[these], found[these])
    if len(described):
        by_hand, said = agreement.codes(list(described["label"])), judge(list(described["text"]))[1]
        told[Metric("descriptions: macro-F1", "of 1", True)] = agreement.macro_f1(by_hand, said)
        told[Metric("descriptions: accuracy", "of 1", True)] = agreement.accuracy(by_hand, said)
    return told


def _notes(ours: Judge, described: pd.DataFrame, seed: int) -> tuple[str, ...]:
    """Intervals, and what the commonest label has."""
    if described.empty:
        return ("None of the descriptions labelled by hand is in this catalogue.",)
    texts, true = list(described["text"]), agreement.codes(list(described["label"]))
    commonest = np.full(len(true), np.bincount(true, minlength=len(LABELS)).argmax())
    lines = []
    for name, score in (("macro-F1", agreement.macro_f1), ("accuracy", agreement.accuracy)):
        parts = [f"the commonest label {score(true, commonest):.3f}"]
        for who, judge in (("ours", ours), ("VADER", _vader())):
            found = agreement.with_interval(score, true, judge(texts)[1], seed=seed)
            parts.append(f"{who} {found.mean:.3f} (95 % {found.low:.3f} to {found.high:.3f})")
        lines.append(f"descriptions, {name}: " + ", ".join(parts))
    return tuple(lines)
