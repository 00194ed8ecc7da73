"""The sentiment model: the tone of a text from the vectors of its passages, read one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.sentences import passages
from features.text import count_words

Vectors = NDArray[np.float32]
Probabilities = NDArray[np.float64]
Embed = Callable[[Sequence[str]], Vectors]

#: In the order of every array of probabilities.
LABELS = ("negative", "neutral", "positive")
OUTPUTS = ("sentiment", "score")

# A shorter fragment ("How?", "Or does she?") has no tone of its own; a longer passage mixes several.
_LEAST_WORDS = 8
# So many passages are a remark; more are a description, with a plot and so with trouble in it.
_REMARK = 2
_SMALLEST = 1e-9
_NEUTRAL = (_SMALLEST, 1 - 2 * _SMALLEST, _SMALLEST)


@dataclass(frozen=True, slots=True)
class Reading:
    """Texts cut into passages: the p passages, the text that each is of (p,), and its words (p,)."""

    passages: list[str]
    text: NDArray[np.int64]
    words: NDArray[np.float64]


class SentimentClassifier(BaseEstimator):  # type: ignore[misc]
    """Logistic regression on embeddings of passages; a text's tone is the mean of its passages' by words.

    `C` is the regression's, `temperature` divides the logarithms of its probabilities so that they keep
    their word. In the description of a plot something must go wrong, which is not the tone of the book:
    the more passages a text has, the more negative they must be together, by up to `caution`.
    """

    def __init__(self, C: float = 0.002, temperature: float = 1.0, caution: float = 0.8) -> None:
        self.C = C
        self.temperature = temperature
        self.caution = caution

    def fit(self, X: Vectors, y: Sequence[str], weights: NDArray[np.float64] | None = None) -> Self:
        """Learn from p vectors (p, d), their labels, and how much each counts (p,), 1 unless given.

        Raises `ValueError` unless all three labels, and no other, are there.
        """
        if set(y) != set(LABELS):
            raise ValueError(f"wanted the labels {', '.join(LABELS)}, got {', '.join(sorted(set(y)))}")
        regression = LogisticRegression(C=self.C, max_iter=2_000)
        self.pipeline_ = make_pipeline(StandardScaler(), regression)
        # `LABELS` ascend, as the regression's own order of classes does.
        self.pipeline_.fit(X, list(y), logisticregression__sample_weight=weights)
        return self

    def predict(self, X: Vectors) -> pd.DataFrame:
        """`sentiment` and `score`, -1 negative to 1 positive, of n texts of one passage each, (n, d)."""
        alone = np.arange(len(X))
        return _judged(self._probabilities(X, alone, np.ones(len(X))))

    def judge(self, reading: Reading, X: Vectors) -> pd.DataFrame:
        """`sentiment` and `score` of each text, from the vectors (p, d) of its passages."""
        return _judged(self.probabilities(reading, X))

    def probabilities(self, reading: Reading, X: Vectors) -> Probabilities:
        """Of each label (n, 3) for each text, from the vectors (p, d) of its passages."""
        return self._probabilities(X, reading.text, reading.words)

    def _probabilities(
        self, X: Vectors, text: NDArray[np.int64], words: NDArray[np.float64]
    ) -> Probabilities:
        """Passages weigh by their words; a text without a word is neutral. None may be without a passage."""
        found = self.pipeline_.predict_proba(X).clip(min=_SMALLEST)
        tones = _normalised(np.log(found) / self.temperature)
        total = np.bincount(text, words)
        silent = total == 0
        total[silent] = 1
        means = [np.bincount(text, tones[:, label] * words) / total for label in range(len(LABELS))]
        together = np.stack(means, axis=1)
        count = np.bincount(text)
        together[:, 0] -= self.caution * (1 - _REMARK / np.maximum(count, _REMARK))
        probabilities = np.exp(_normalised(together))
        probabilities[silent] = _NEUTRAL
        return probabilities


def read(texts: Sequence[str]) -> Reading:
    """Each text's passages, at least one, whole sentences of eight words or more where there are so many."""
    cut = [passages(text, _LEAST_WORDS) for text in texts]
    flat = [passage for one in cut for passage in one]
    return Reading(
        passages=flat,
        text=np.repeat(np.arange(len(cut)), [len(one) for one in cut]),
        words=np.array([count_words(passage) for passage in flat], dtype=np.float64),
    )


def judge(classifier: SentimentClassifier, embed: Embed, texts: Sequence[str]) -> pd.DataFrame:
    """`sentiment` and `score` of each text: cut into passages, embedded, read one by one."""
    reading = read(texts)
    return classifier.judge(reading, embed(reading.passages))


def _judged(probabilities: Probabilities) -> pd.DataFrame:
    best = probabilities.argmax(axis=1)
    positive, negative = LABELS.index("positive"), LABELS.index("negative")
    return pd.DataFrame(
        {
            "sentiment": [LABELS[label] for label in best],
            "score": probabilities[:, positive] - probabilities[:, negative],
        }
    )


def _normalised(logs: Probabilities) -> Probabilities:
    """The logarithms of probabilities, shifted so that each row's probabilities add up to 1."""
    shifted = logs - logs.max(axis=1, keepdims=True)
    normalised: Probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised
