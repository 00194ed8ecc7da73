"""The sentiment model's card: what it learnt from, how good it is beside the commonest label."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from features.sentiment import LABELS, SentimentClassifier
from training.cards import bullets, model_card, table
from training.corpus import corpus_hash
from training.explanation import HELD_OUT

_SENTENCE = (
    "The tone of a text, as its words give it: it hears praise, blame and plain facts well in reviews, less "
    "well in descriptions that sell, and irony badly."
)

_CALL = """```python
import mlflow
from features.layers import LayeredEncoder
from features.sentiment import judge

model = mlflow.sklearn.load_model("models:/sentiment@champion")
judge(model, LayeredEncoder.load().embed, ["A joyful, hilarious and uplifting story"])
# sentiment, score, the sentence that decided, language
```"""


def sentiment_card(
    rows: pd.DataFrame, model: SentimentClassifier, measured: Mapping[str, float], as_of: datetime
) -> str:
    """Markdown; `rows` are the corpus with the column `held_out`, `measured` all scores."""
    sections = {
        "Model": _about(model),
        "Data": _data(rows, as_of),
        "Scores": _scores(measured, int(rows[HELD_OUT].sum())),
        "Carry-over": _carry_over(measured),
        "Agreement with hand labels": _by_hand(measured),
        "Intended use": (
            "To sort or filter descriptions and short reviews by tone. Not to judge a single reader's words, "
            "and not to judge people."
        ),
        "Limits": _limits(),
        "How to call it": _CALL,
    }
    return model_card("Tone of a description", _SENTENCE, sections)


def _about(model: SentimentClassifier) -> str:
    return (
        "A text is cut into passages of whole sentences, eight words or more each. Two logistic regressions "
        f"give the probabilities of {', '.join(LABELS)} for a passage: one of vectors from three layers of "
        f"the sentence encoder (C = {model.C:g}), one of words and pairs of words, which has a share of "
        f"{model.words_weight:g} in the logarithm; the temperature {model.temperature:g} makes them true to "
        "their word. All three were chosen by cross-validation that leaves out whole kinds of text. A text "
        "feels as much as its passages do in the quadratic mean and leans as those lean that feel "
        "something. The more "
        f"passages, the more they must feel (reserve {model.reserve:g}) and the more negative they must be "
        f"(caution {model.caution:g}), because a description praises and tells a plot, which needs trouble. "
        "The score is the probability of positive less that of negative."
    )


def _data(rows: pd.DataFrame, as_of: datetime) -> str:
    counts = rows["label"].value_counts()
    parts = [part for part in rows["part"].value_counts().index if part]
    lines = [
        f"{len(rows)} labelled texts: " + ", ".join(f"{counts[label]} {label}" for label in LABELS),
        f"{int(rows[HELD_OUT].sum())} of them held out, chosen by a hash of the text, twins together",
        f"SHA-256 of the corpus `{corpus_hash(rows)}`, read on {as_of.date().isoformat()}",
    ]
    if parts:
        lines.append("parts: " + ", ".join(f"`{part}` ({(rows['part'] == part).sum()})" for part in parts))
    return bullets(lines)


def _scores(measured: Mapping[str, float], held_out: int) -> str:
    rows = [
        (title, f"{measured[name]:.3f}", f"{measured[f'baseline_{name}']:.3f}")
        for name, title in (("macro_f1", "macro-F1"), ("accuracy", "accuracy"))
    ]
    rows += [
        (f"accuracy on `{name.removeprefix('accuracy_')}`", f"{value:.3f}", "")
        for name, value in measured.items()
        if name.startswith("accuracy_")
    ]
    rows.append(("log loss (ln 3 = 1.099 knows nothing)", f"{measured['log_loss']:.3f}", "1.099"))
    rows.append(("calibration error", f"{measured['calibration_error']:.3f}", ""))
    told = f"On {held_out} texts that no part of the training has seen. The baseline is the commonest label."
    return f"{told}\n\n" + table(("", "model", "baseline"), rows)


def _carry_over(measured: Mapping[str, float]) -> str:
    rows = [
        (
            title,
            f"{measured[name]:.3f}",
            f"{measured[f'{name}_low']:.3f} to {measured[f'{name}_high']:.3f}",
            f"{measured[f'baseline_{name}']:.3f}",
        )
        for name, title in (
            ("carry_over_accuracy", "leaning the right way"),
            ("carry_over_macro_f1", "macro-F1, neutral ones too"),
            ("probe_accuracy", "accuracy on plain statements"),
        )
    ]
    kind = "carry_over_accuracy_"
    rows += [
        (f"leaning the right way, `{name.removeprefix(kind)}`", f"{value:.3f}", "", "")
        for name, value in measured.items()
        if name.startswith(kind)
    ]
    told = (
        "On texts in the manner of public reviews of films, products, restaurants and books, written for "
        "this (`training/data/YARDSTICKS.md`); none was used to learn or to choose. The gate asks for "
        "these, because a corpus whose labels are wrong agrees with itself."
    )
    return f"{told}\n\n" + table(("", "model", "95 % interval", "baseline"), rows)


def _by_hand(measured: Mapping[str, float]) -> str:
    books = int(measured["hand_labelled_books"])
    if not books:
        return (
            "None of the descriptions that were labelled by hand is in this catalogue, so how the model does "
            "on whole descriptions was not measured here."
        )
    rows = [
        (
            title,
            f"{measured[name]:.3f}",
            f"{measured[f'{name}_low']:.3f} to {measured[f'{name}_high']:.3f}",
            f"{measured[f'baseline_{name}']:.3f}",
        )
        for name, title in (("hand_macro_f1", "macro-F1"), ("hand_accuracy", "accuracy"))
    ]
    told = (
        f"On {books} real descriptions of this catalogue, labelled twice by reading (`training/data/"
        "HAND_LABELS.md`); none of them was used to learn or to choose. The baseline is the commonest label "
        "among them."
    )
    recalls = ", ".join(
        f"{measured[f'hand_recall_{label}']:.0%} of the {label} ones"
        for label in LABELS
        if f"hand_recall_{label}" in measured
    )
    scores = table(("", "model", "95 % interval", "baseline"), rows)
    return f"{told}\n\n{scores}\n\nIt found {recalls}."


def _limits() -> str:
    return bullets(
        [
            "irony, understatement and a turn that hangs on one word are read right in about two of three "
            "cases: see the score on `twins`",
            "few descriptions are negative, and those that are, bleak plots in words of praise, are mostly "
            "not found to be",
            "most descriptions sell: the line between praise and plain telling is fine, and labellers too "
            "draw it differently",
            "it reads English alone; a text known to be in another language is called neutral, its score 0, "
            "and its language told",
            "it judges words, not books: a bleak masterpiece may be told as bleak",
        ]
    )
