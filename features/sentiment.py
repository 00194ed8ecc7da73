"""The sentiment model: the tone of a text from the vectors of its passages, read one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.language import ENGLISH, language_of
from features.schema import LAYERS
from features.sentences import passages
from features.text import count_words

Vectors = NDArray[np.float32]
Values = NDArray[np.float64]
Probabilities = NDArray[np.float64]
Embed = Callable[[Sequence[str]], Vectors]

#: In the order of every array of probabilities.
LABELS = ("negative", "neutral", "positive")
NEGATIVE, NEUTRAL, POSITIVE = range(3)
#: What the model reads of a text of one passage: its words, and its vector by a `LayeredEncoder`.
INPUTS = ("description", LAYERS)
OUTPUTS = ("sentiment", "score")

# A shorter fragment ("How?", "Or does she?") has no tone of its own; a longer passage mixes several.
_LEAST_WORDS = 8
# So many passages are a remark; more are a description, with a plot and so with trouble in it.
_REMARK = 3
_SMALLEST = 1e-9
# Words with their apostrophes, and marks that are words of a sort.
_TOKEN = r"[\w'’]+|[!?]"
_LONGEST_PHRASE = 2
# What only one passage says is not learnt from.
_RAREST = 2
_WORDS_C = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Texts cut into passages: the p passages, the text that each is of (p,), and its words (p,)."""

    passages: list[str]
    text: NDArray[np.int64]
    words: Values


@dataclass(frozen=True, slots=True)
class Impressions:
    """What a classifier thinks of n texts before it says one thing of each: of every passage alone (p, 3).

    `languages` are the texts'; `reading` is of those at `readable` alone, in their order.
    """

    languages: list[str | None]
    readable: list[int]
    reading: Reading
    alone: Probabilities

    def by_text(self) -> dict[int, Probabilities]:
        """Place of a readable text -> that of its own passages."""
        ends = np.cumsum(np.bincount(self.reading.text, minlength=len(self.readable)))
        return dict(zip(self.readable, np.split(self.alone, ends[:-1]), strict=True)) if self.readable else {}


class SentimentClassifier(BaseEstimator):  # type: ignore[misc]
    """Two logistic regressions on passages, of their vectors and of their words; those that feel something
    speak for their text.

    The vectors know what was never said in these words, the words what the vectors have lost; `words_weight`,
    0 to 1, is the words' share in the logarithm of the probabilities, `C` the first regression's strength.
    `temperature` divides the logarithms so that probabilities keep their word. A text feels as much as its
    passages do in the quadratic mean of their words, so that one that feels much is heard among many that
    feel nothing, and it leans as those lean that feel something. In a description
    something must be praised and in its plot something must go wrong, which is not the tone of the book:
    the more passages a text has, the more they must feel, by up to `reserve`, and the more negative they
    must be, by up to `caution`, both in log-odds.
    """

    def __init__(
        self,
        C: float = 0.001,
        words_weight: float = 0.5,
        temperature: float = 1.0,
        reserve: float = 1.5,
        caution: float = 0.4,
    ) -> None:
        self.C = C
        self.words_weight = words_weight
        self.temperature = temperature
        self.reserve = reserve
        self.caution = caution

    def fit(
        self, passages: Sequence[str], X: Vectors, y: Sequence[str], weights: Values | None = None
    ) -> Self:
        """Learn from p passages, their vectors (p, d), labels, and how much each counts (p,), 1 unless given.

        Raises `ValueError` unless all three labels, and no other, are there.
        """
        if set(y) != set(LABELS):
            raise ValueError(f"wanted the labels {', '.join(LABELS)}, got {', '.join(sorted(set(y)))}")
        return self.fit_words(passages, y, weights).fit_vectors(X, y, weights)

    def fit_words(self, passages: Sequence[str], y: Sequence[str], weights: Values | None = None) -> Self:
        """The part of `fit` that no parameter has a say in."""
        words = TfidfVectorizer(
            token_pattern=_TOKEN, ngram_range=(1, _LONGEST_PHRASE), sublinear_tf=True, min_df=_RAREST
        )
        self.by_words_ = make_pipeline(words, LogisticRegression(C=_WORDS_C, max_iter=2_000))
        self.by_words_.fit(list(passages), list(y), logisticregression__sample_weight=weights)
        return self

    def fit_vectors(self, X: Vectors, y: Sequence[str], weights: Values | None = None) -> Self:
        """The part of `fit` that `C` has a say in."""
        # `LABELS` ascend, as the regressions' own order of classes does.
        of_vectors = LogisticRegression(C=self.C, max_iter=2_000)
        self.by_vector_ = make_pipeline(StandardScaler(), of_vectors)
        self.by_vector_.fit(X, list(y), logisticregression__sample_weight=weights)
        return self

    @property
    def dimensions(self) -> int:
        """Length of the vectors it was fitted on."""
        return int(self.by_vector_.n_features_in_)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """`sentiment` and `score`, -1 negative to 1 positive, of n texts of one passage each.

        `X` has the columns `INPUTS`; a cell of `layers` is an array of d numbers.
        """
        vectors = np.stack(list(X[LAYERS])).astype(np.float32)
        return _judged(self.of_passages(list(X["description"]), vectors))

    def judge(self, reading: Reading, X: Vectors) -> pd.DataFrame:
        """`sentiment`, `score` and `sentence` of each text, from the vectors (p, d) of its passages.

        `sentence` is the passage that speaks most for the answer.
        """
        return self.concluded(reading, self.of_passages(reading.passages, X))

    def concluded(self, reading: Reading, alone: Probabilities) -> pd.DataFrame:
        """As `judge`, from what each passage says alone (p, 3)."""
        found = _judged(self.together(reading, alone))
        labels = np.array([LABELS.index(label) for label in found["sentiment"]])[reading.text]
        support = alone[np.arange(len(alone)), labels] * np.sqrt(reading.words)
        order = np.lexsort((-support, reading.text))  # ties go to the passage that comes first
        first = order[np.searchsorted(reading.text[order], np.arange(len(found)))]
        return found.assign(sentence=[reading.passages[place] for place in first])

    def probabilities(self, reading: Reading, X: Vectors) -> Probabilities:
        """Of each label (n, 3) for each text, from the vectors (p, d) of its passages."""
        return self.together(reading, self.of_passages(reading.passages, X))

    def of_passages(self, passages: Sequence[str], X: Vectors) -> Probabilities:
        """Of each label (p, 3) for each passage alone, from the passages and their vectors (p, d)."""
        by_vector, by_words = self.logs(passages, X)
        return self.blended(by_vector, by_words)

    def logs(self, passages: Sequence[str], X: Vectors) -> tuple[Probabilities, Probabilities]:
        """The logarithms of what each regression thinks, (p, 3) both."""
        by_vector = np.log(self.by_vector_.predict_proba(X).clip(min=_SMALLEST))
        return by_vector, np.log(self.by_words_.predict_proba(list(passages)).clip(min=_SMALLEST))

    def blended(self, by_vector: Probabilities, by_words: Probabilities) -> Probabilities:
        """Probabilities (p, 3) by both regressions' logarithms."""
        logs = (1 - self.words_weight) * by_vector + self.words_weight * by_words
        tempered = np.exp(_normalised(logs / self.temperature)).clip(min=_SMALLEST)
        probabilities: Probabilities = tempered / tempered.sum(axis=1, keepdims=True)
        return probabilities

    def together(self, reading: Reading, alone: Probabilities) -> Probabilities:
        """Of each label (n, 3) for each text, from its passages' (p, 3).

        A text of one passage has its passage's; a text without a word is neutral.
        """
        text, words = reading.text, reading.words
        total = np.bincount(text, words)
        silent = total == 0
        total[silent] = 1
        felt = (1 - alone[:, NEUTRAL]).clip(min=_SMALLEST)
        feeling = np.sqrt(np.bincount(text, felt**2 * words) / total)
        leaning = np.log(alone[:, POSITIVE] / alone[:, NEGATIVE])
        weight = felt * words
        leans = np.bincount(text, weight * leaning) / np.bincount(text, weight).clip(min=_SMALLEST)
        length = 1 - _REMARK / np.maximum(np.bincount(text), _REMARK)
        moved = _shifted(feeling, -self.reserve * length)
        positive = moved * _shifted(expit(leans), self.caution * length)
        probabilities = np.stack([moved - positive, 1 - moved, positive], axis=1).clip(min=_SMALLEST)
        probabilities[silent] = (_SMALLEST, 1 - 2 * _SMALLEST, _SMALLEST)
        summed: Probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
        return summed


def read(texts: Sequence[str]) -> Reading:
    """Each text's passages, at least one, whole sentences of eight words or more where there are so many."""
    cut = [passages(text, _LEAST_WORDS) for text in texts]
    flat = [passage for one in cut for passage in one]
    return Reading(
        passages=flat,
        text=np.repeat(np.arange(len(cut)), np.array([len(one) for one in cut], dtype=np.int64)),
        words=np.array([count_words(passage) for passage in flat], dtype=np.float64),
    )


def judge(classifier: SentimentClassifier, embed: Embed, texts: Sequence[str]) -> pd.DataFrame:
    """`sentiment`, `score`, `sentence` and `language` of each text, read passage by passage.

    `language` is None where it cannot be told, and then English is assumed. What is written in another
    language cannot be read, nor can a text without a word: the answer is neutral, 0, and no sentence.
    """
    return conclude(classifier, impressions(classifier, embed, texts))


def impressions(classifier: SentimentClassifier, embed: Embed, texts: Sequence[str]) -> Impressions:
    """What `judge` makes its answers of."""
    languages = [language_of(text) for text in texts]
    readable = [
        place
        for place, language in enumerate(languages)
        if language in (None, ENGLISH) and count_words(texts[place])
    ]
    reading = read([texts[place] for place in readable])
    alone = np.empty((0, len(LABELS)))
    if readable:
        alone = classifier.of_passages(reading.passages, embed(reading.passages))
    return Impressions(languages, readable, reading, alone)


def conclude(classifier: SentimentClassifier, found: Impressions) -> pd.DataFrame:
    """What `judge` answers, from those impressions."""
    texts = len(found.languages)
    told: dict[str, list[Any]] = {
        "sentiment": [LABELS[NEUTRAL]] * texts,
        "score": [0.0] * texts,
        "sentence": [None] * texts,
    }
    if found.readable:
        concluded = classifier.concluded(found.reading, found.alone)
        for name, column in told.items():  # a frame that is written into costs a millisecond
            for place, cell in zip(found.readable, concluded[name], strict=True):
                column[place] = cell
    return pd.DataFrame({**told, "language": found.languages}).astype({"score": "float64"})


def _judged(probabilities: Probabilities) -> pd.DataFrame:
    best = probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "sentiment": [LABELS[label] for label in best],
            "score": probabilities[:, POSITIVE] - probabilities[:, NEGATIVE],
        }
    )


def _shifted(probability: Values, log_odds: Values) -> Values:
    """The probabilities (n,), each with so much added to its log-odds."""
    sure: Values = probability.clip(_SMALLEST, 1 - _SMALLEST)
    shifted: Values = expit(logit(sure) + log_odds)
    return shifted


def _normalised(logs: Probabilities) -> Probabilities:
    """The logarithms of probabilities, shifted so that each row's probabilities add up to 1."""
    shifted = logs - logs.max(axis=1, keepdims=True)
    normalised: Probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised
