"""A window's plot: the features that moved most, the shares of their cells then and now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.drift_statistics import Compared

_REFERENCE, _WINDOW, _VIOLATED = "#b8b8b8", "#2563a8", "#c8372d"
_SHOWN, _COLUMNS = 6, 2
_LONGEST_LABEL = 24


def worst_features(compared: Sequence[Compared], title: str) -> Figure:
    """The first six of `compared`, which comes worst first; red where a limit is reached."""
    shown = compared[:_SHOWN]
    rows = -(-len(shown) // _COLUMNS)
    tallest = max((len(one.cells.labels) for one in shown), default=1)
    figure = Figure(figsize=(12, 0.8 + rows * (1.3 + 0.22 * tallest)), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for place, one in zip(axes, shown, strict=False):
        _shares(place, one)
    for place in axes[len(shown) :]:
        place.set_axis_off()
    if shown:
        axes[0].legend(fontsize=8, loc="lower right")
    return figure


def _shares(axes: Axes, one: Compared) -> None:
    before, now = (counts / max(counts.sum(), 1) for counts in (one.cells.reference, one.cells.window))
    places = np.arange(len(one.cells.labels))
    colour = _VIOLATED if one.drift.violated else _WINDOW
    axes.barh(places - 0.2, before, height=0.4, color=_REFERENCE, label="learnt from")
    axes.barh(places + 0.2, now, height=0.4, color=colour, label="on offer")
    axes.set_yticks(places, [_short(label) for label in one.cells.labels], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("share of the books", fontsize=8)
    ks = "" if one.drift.ks is None else f", KS {one.drift.ks:.3f} of {one.drift.ks_limit:.2f}"
    axes.set_title(
        f"{one.drift.feature}: PSI {one.drift.psi:.3f} of {one.drift.psi_limit:.2f}{ks}", fontsize=9
    )


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
