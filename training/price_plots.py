"""The price model's plots: predicted against true, residuals by category, candidates beside the median."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features import schema
from features.price import INPUTS, OUTPUTS, PriceRegressor
from training.contest import Contest
from training.money import money, symbol, unit_of

_MODEL, _MISS, _TRUTH, _MUTED = "#2563a8", "#c8372d", "#444444", "#b8b8b8"
_MOST_CATEGORIES = 20


def price_figures(model: PriceRegressor, contest: Contest, held_out: pd.DataFrame) -> Mapping[str, Figure]:
    """Figures by file name. The first two are of the held-out rows, the third of the training rows."""
    figures = {
        "predicted_against_true": predicted_against_true(model, contest, held_out),
        "residuals_by_category": residuals_by_category(model, held_out),
    }
    if contest.median is not None:
        figures["candidates"] = candidates(contest, unit_of(model.currency))
    return figures


def predicted_against_true(model: PriceRegressor, contest: Contest, rows: pd.DataFrame) -> Figure:
    """Each held-out book with its interval; for an uninformative model also the best that was tried."""
    unit = unit_of(model.currency)
    shown = 1 if model.informative or contest.median is None else 2
    figure = Figure(figsize=(6.4 * shown, 6), layout="constrained")
    axes = figure.subplots(1, shown, squeeze=False)[0]
    true, found = rows[schema.LABEL].to_numpy(), model.predict(rows[list(INPUTS)])
    inside = ((found["low"] <= true) & (true <= found["high"])).to_numpy()
    for chosen, colour, name in ((inside, _MODEL, "inside"), (~inside, _MISS, "outside")):
        price, low, high = (found[column].to_numpy()[chosen] for column in OUTPUTS)
        axes[0].scatter(true[chosen], price, s=12, color=colour, label=f"{name} its interval: {chosen.sum()}")
        if model.informative:
            axes[0].vlines(true[chosen], low, high, color=colour, linewidth=0.6, alpha=0.6)
    if not model.informative:
        band = (found["low"].iloc[0], found["high"].iloc[0])
        axes[0].axhspan(
            *band,
            color=_MODEL,
            alpha=0.12,
            label=f"interval {money(band[0], unit)} to {money(band[1], unit)}",
        )
    verdict = "" if model.informative else ": one constant, for no pattern was found"
    axes[0].set_title(f"{len(rows)} books held out{verdict}", fontsize=10)
    _diagonal(axes[0], unit)
    if shown == 2:
        best = contest.entries[0]
        axes[1].scatter(contest.true, best.prices, s=10, alpha=0.5, color=_MUTED, label="a training book")
        axes[1].set_title(f"not used: the best candidate, {best.name}, on training books", fontsize=10)
        _diagonal(axes[1], unit)
    return figure


def residuals_by_category(model: PriceRegressor, rows: pd.DataFrame) -> Figure:
    """Truth less prediction for the categories with most held-out books, the largest on top."""
    unit = symbol(unit_of(model.currency))
    residuals = rows[schema.LABEL] - model.predict(rows[list(INPUTS)])["price"]
    largest = rows["category"].value_counts().head(_MOST_CATEGORIES).index[::-1]
    groups = [residuals[rows["category"] == name].to_numpy() for name in largest]
    figure = Figure(figsize=(8, 1.5 + 0.32 * len(groups)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(1, len(groups) + 1)
    axes.boxplot(groups, orientation="horizontal", positions=places, widths=0.6, showfliers=False, **_BOX)
    for place, group in zip(places, groups, strict=True):
        spread = np.linspace(-0.18, 0.18, len(group)) if len(group) > 1 else np.zeros(1)
        axes.scatter(group, place + spread, s=8, color=_MODEL, alpha=0.6, zorder=3)
    axes.set_yticks(places, [f"{name} ({len(group)})" for name, group in zip(largest, groups, strict=True)])
    axes.axvline(0, color=_TRUTH, linewidth=1)
    axes.set_xlabel(f"true price less predicted ({unit}); right of the line, dearer than predicted")
    known = rows["category"].nunique()
    axes.set_title(f"Residuals of held-out books, {len(groups)} largest of {known} categories", fontsize=10)
    return figure


def candidates(contest: Contest, unit: str) -> Figure:
    """Mean absolute error of each candidate on rows left out in turn, with the median's as a line."""
    assert contest.median is not None
    entries = contest.entries[::-1]
    figure = Figure(figsize=(8, 1.6 + 0.4 * len(entries)), layout="constrained")
    axes = figure.subplots()
    colours = [_MODEL if entry.name == contest.winner else _MUTED for entry in entries]
    bars = axes.barh([entry.name for entry in entries], [entry.error for entry in entries], color=colours)
    axes.bar_label(bars, [money(entry.error, unit) for entry in entries], padding=4)
    axes.axvline(contest.median.error, color=_TRUTH, linestyle="--", linewidth=1)
    axes.set_title(
        f"Mean error of {len(contest.true)} training books, each left out in turn; "
        f"dashed: the median, {money(contest.median.error, unit)}",
        fontsize=10,
    )
    axes.set_xlabel(f"mean absolute error ({symbol(unit)})")
    axes.margins(x=0.12)
    return figure


_BOX: dict[str, Any] = {
    "medianprops": {"color": _TRUTH},
    "boxprops": {"color": _MUTED},
    "whiskerprops": {"color": _MUTED},
}


def _diagonal(axes: Axes, unit: str) -> None:
    axes.axline((0, 0), slope=1, color=_TRUTH, linewidth=1, linestyle="--", label="predicted = true")
    axes.set_xlabel(f"true price ({symbol(unit)})")
    axes.set_ylabel(f"predicted price ({symbol(unit)})")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, loc="upper left")
