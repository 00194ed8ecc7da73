"""The sentiment model's settings: chosen by cross-validation on the training texts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bookshelf.errors import TrainingError
from features.sentiment import LABELS, Embed, Reading, SentimentClassifier, Vectors, read
from training import agreement

_STRENGTHS = (0.0003, 0.001)
_WORDS_WEIGHTS = (0.0, 0.3, 0.5, 0.7)
_TEMPERATURES = tuple(round(0.1 * tenths, 1) for tenths in range(4, 16))

#: Strength of the vectors' regression, words' weight, temperature.
Setting = tuple[float, float, float]


@dataclass(frozen=True)
class Texts:
    """Texts as the model reads them: passages, their vectors (p, d), and each text's label as code (n,)."""

    reading: Reading
    vectors: Vectors
    labels: agreement.Codes

    def only(self, rows: NDArray[np.bool_]) -> Texts:
        """The texts (n,) that are True, renumbered."""
        kept = rows[self.reading.text]
        renumbered = (np.cumsum(rows) - 1)[self.reading.text[kept]]
        chosen = [passage for passage, keep in zip(self.reading.passages, kept, strict=True) if keep]
        return Texts(
            Reading(chosen, renumbered, self.reading.words[kept]), self.vectors[kept], self.labels[rows]
        )


def read_texts(texts: Sequence[str], labels: Sequence[str], embed: Embed) -> Texts:
    """The texts cut into passages, each passage embedded."""
    reading = read(texts)
    return Texts(reading, embed(reading.passages), agreement.codes(labels))


def fitted(model: SentimentClassifier, texts: Texts) -> SentimentClassifier:
    """The model, fitted on the passages; each has its text's label, and all of a text count as one."""
    return model.fit(texts.reading.passages, texts.vectors, *_as_passages(texts))


def choose(
    texts: Texts, groups: Sequence[str], model: SentimentClassifier, *, folds: int, seed: int
) -> tuple[SentimentClassifier, dict[str, float]]:
    """`model` with the settings of least log loss on texts left out in turn, fitted on all; and that loss.

    Rows of one group are left out together: where groups are kinds of text, the settings are those that do
    for kinds never seen. Raises `TrainingError` if there are fewer groups than folds, or a label that is in
    too few groups to be in every part.
    """
    parts = _parts(texts, groups, folds, seed)
    with threadpool_limits(1):  # so small a regression takes ten times as long on threads that share cores
        tried = _left_out_losses(texts, parts, model)
        best = min(tried, key=lambda setting: float(tried[setting].mean()))
        chosen = clone(model).set_params(**dict(zip(("C", "words_weight", "temperature"), best, strict=True)))
        return fitted(chosen, texts), {"cv_log_loss": float(tried[best].mean())}


def _parts(
    texts: Texts, groups: Sequence[str], folds: int, seed: int
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which texts are learnt from and which left out, `folds` times."""
    if len(set(groups)) < folds:
        raise TrainingError(f"{folds} folds need as many groups of texts, got {len(set(groups))}")
    splitter = GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    parts = []
    for seen, _ in splitter.split(texts.labels, groups=groups):
        learnt = np.zeros(len(texts.labels), dtype=bool)
        learnt[seen] = True
        if len(set(texts.labels[learnt])) < len(LABELS):
            raise TrainingError("a label is in too few groups of texts to be in every part of the corpus")
        parts.append((learnt, ~learnt))
    return parts


def _left_out_losses(
    texts: Texts, parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]], model: SentimentClassifier
) -> dict[Setting, NDArray[np.float64]]:
    """Log loss of every text (n,) by a model that has not seen it, for each setting there is to choose."""
    settings = product(_STRENGTHS, _WORDS_WEIGHTS, _TEMPERATURES)
    losses = {setting: np.empty(len(texts.labels)) for setting in settings}
    for learnt, left_out in parts:
        seen, others = texts.only(learnt), texts.only(left_out)
        labels, shares = _as_passages(seen)
        one = clone(model).fit_words(seen.reading.passages, labels, shares)
        for strength in _STRENGTHS:
            one.set_params(C=strength).fit_vectors(seen.vectors, labels, shares)
            logs = one.logs(others.reading.passages, others.vectors)
            for weight, temperature in product(_WORDS_WEIGHTS, _TEMPERATURES):
                one.set_params(words_weight=weight, temperature=temperature)
                found = one.together(others.reading, one.blended(*logs))
                losses[strength, weight, temperature][left_out] = agreement.log_losses(others.labels, found)
    return losses


def _as_passages(texts: Texts) -> tuple[list[str], NDArray[np.float64]]:
    """The label of each passage (p,), its text's, and how much it counts (p,): all of a text as one."""
    shares = 1 / np.bincount(texts.reading.text)[texts.reading.text]
    return [LABELS[code] for code in texts.labels[texts.reading.text]], shares
