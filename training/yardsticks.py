"""Texts of ours that no training ever sees: does what was learnt carry over to other kinds of text, and is it
the right way round?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.sentiment import (
    LABELS,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    Embed,
    Probabilities,
    SentimentClassifier,
    read,
)
from training import agreement

YARDSTICKS = Path(__file__).parent / "data" / "yardsticks.csv"

#: `probe`: statements that nobody could mistake, which no corpus, however labelled, can turn round.
#: `choose`: texts whose errors were looked at; `report`: those that have chosen nothing.
PROBE, CHOOSE, REPORT = "probe", "choose", "report"


def load_yardsticks() -> pd.DataFrame:
    """`text`, `label`, `kind` (`film`, `product`, `restaurant`, `book`, `statement`) and `use`."""
    return pd.read_csv(YARDSTICKS, keep_default_na=False, dtype=str)


def without_yardsticks(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """True (n,) for the rows of a corpus whose text is none of the yardsticks."""
    known = {_folded(text) for text in load_yardsticks()["text"]}
    return np.array([_folded(text) not in known for text in rows["text"]], dtype=bool)


def measured(model: SentimentClassifier, embed: Embed, *, seed: int) -> dict[str, float]:
    """Scores on the probes and on the texts to report on, beside the commonest label's.

    `carry_over_accuracy` is of the texts that are positive or negative: whether the likelier of the two is
    the right one; `carry_over_macro_f1` is of all, neutral ones too.
    """
    rows = load_yardsticks()
    reading = read(list(rows["text"]))
    found = model.probabilities(reading, embed(reading.passages))
    true = agreement.codes(list(rows["label"]))
    probes, report = (np.array(rows["use"] == use) for use in (PROBE, REPORT))
    scores = _beside_the_commonest("probe_accuracy", true[probes], found[probes].argmax(axis=1), seed)
    scores |= _beside_the_commonest("carry_over_macro_f1", true[report], found[report].argmax(axis=1), seed)
    sided = report & (true != NEUTRAL)
    leaning = leanings(found)
    scores |= _beside_the_commonest("carry_over_accuracy", true[sided], leaning[sided], seed)
    for kind in sorted(set(rows["kind"][sided])):
        these = sided & np.array(rows["kind"] == kind)
        scores[f"carry_over_accuracy_{kind}"] = agreement.accuracy(true[these], leaning[these])
    return scores


def errors(model: SentimentClassifier, embed: Embed) -> dict[str, NDArray[np.float64]]:
    """1.0 for each probe that gets another label, and for each text of a side that leans the wrong way."""
    rows = load_yardsticks()
    reading = read(list(rows["text"]))
    found = model.probabilities(reading, embed(reading.passages))
    true = agreement.codes(list(rows["label"]))
    probes, report = (np.array(rows["use"] == use) for use in (PROBE, REPORT))
    sided = report & (true != NEUTRAL)
    return {
        "probe_error": (found.argmax(axis=1) != true)[probes].astype(np.float64),
        "carry_over_error": (leanings(found) != true)[sided].astype(np.float64),
    }


def leanings(found: Probabilities) -> agreement.Codes:
    """The likelier of positive and negative (n,), whatever the probability of neutral."""
    return np.where(found[:, POSITIVE] > found[:, NEGATIVE], POSITIVE, NEGATIVE)


def _beside_the_commonest(
    name: str, true: agreement.Codes, found: agreement.Codes, seed: int
) -> dict[str, float]:
    """The score with its 95 % interval, and that of the commonest label."""
    score = agreement.macro_f1 if name.endswith("f1") else agreement.accuracy
    estimate = agreement.with_interval(score, true, found, seed=seed)
    commonest = np.full(len(true), np.bincount(true, minlength=len(LABELS)).argmax())
    return {
        name: estimate.mean,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"baseline_{name}": score(true, commonest),
    }


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
