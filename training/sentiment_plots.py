"""The sentiment model's plots: what is taken for what, and whether its probabilities keep their word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.sentiment import LABELS, Probabilities
from training.agreement import Codes, confusion, reliability

_COLOURS = dict(zip(LABELS, ("#c8372d", "#777777", "#2563a8"), strict=True))
_TRUTH = "#444444"


def sentiment_figures(
    true: Codes, found: Probabilities, hand_true: Codes, hand_found: Codes
) -> Mapping[str, Figure]:
    """Figures by file name, of the held-out texts (n,) and of any descriptions labelled by hand (m,)."""
    return {
        "confusion": confusions(true, found.argmax(axis=1), hand_true, hand_found),
        "calibration": calibration(true, found),
    }


def confusions(true: Codes, found: Codes, hand_true: Codes, hand_found: Codes) -> Figure:
    """How often each label was taken for which, in counts and in shares of the true label."""
    tables = [(confusion(true, found), f"{len(true)} texts held out")]
    if len(hand_true):
        tables.append((confusion(hand_true, hand_found), f"{len(hand_true)} descriptions labelled by hand"))
    figure = Figure(figsize=(5.2 * len(tables), 4.6), layout="constrained")
    for axes, (table, title) in zip(figure.subplots(1, len(tables), squeeze=False)[0], tables, strict=True):
        _matrix(axes, table)
        axes.set_title(title, fontsize=10)
    return figure


def calibration(true: Codes, found: Probabilities) -> Figure:
    """For each label, the share that came true of texts given about the same probability of it."""
    figure = Figure(figsize=(6.4, 6), layout="constrained")
    axes = figure.subplots()
    axes.axline((0, 0), slope=1, color=_TRUTH, linewidth=1, linestyle="--", label="keeps its word")
    for place, (label, colour) in enumerate(_COLOURS.items()):
        expected, came, count = reliability(true == place, found[:, place]).T
        axes.plot(expected, came, color=colour, linewidth=1)
        axes.scatter(expected, came, s=6 + 2 * count, color=colour, alpha=0.75, label=label)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("probability given")
    axes.set_ylabel("share of texts that have the label")
    axes.set_title(f"{len(true)} texts held out, by tenths; larger dots, more texts", fontsize=10)
    axes.legend(fontsize=8, loc="upper left")
    return figure


def _matrix(axes: Axes, table: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if shares[row, column] > 0.5 else _TRUTH
        told = f"{count}\n{shares[row, column]:.0%}"
        axes.text(column, row, told, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(LABELS)), LABELS)
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set_xlabel("found")
    axes.set_ylabel("true")
