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
    share = 1 / np.bincount(texts.reading.text)[texts.reading.text]
    labels = [LABELS[code] for code in texts.labels[texts.reading.text]]
    return model.fit(texts.reading.passages, texts.vectors, labels, weights=share)


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
        tried = {
            (strength, *setting): losses
            for strength in _STRENGTHS
            for setting, losses in _left_out_losses(texts, parts, clone(model).set_params(C=strength)).items()
        }
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
) -> dict[tuple[float, float], NDArray[np.float64]]:
    """Log loss of every text (n,) by a model that has not seen it, for each words' weight and temperature."""
    settings = list(product(_WORDS_WEIGHTS, _TEMPERATURES))
    losses = {setting: np.empty(len(texts.labels)) for setting in settings}
    for learnt, left_out in parts:
        others = texts.only(left_out)
        one = fitted(clone(model), texts.only(learnt))
        logs = one.logs(others.reading.passages, others.vectors)
        for weight, temperature in settings:
            one.set_params(words_weight=weight, temperature=temperature)
            found = one.together(others.reading, one.blended(*logs))
            losses[weight, temperature][left_out] = agreement.log_losses(others.labels, found)
    return losses
