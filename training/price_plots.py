"""The price model's plots: predictions, residuals, candidates, slices, and which inputs matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from features import schema
from features.price import OUTPUTS, PriceRegressor
from training.contest import Contest
from training.money import money, symbol, unit_of
from training.price_report import PriceReport
from training.price_verdict import Verdict
from training.yardstick import Yardstick

_MODEL, _MISS, _TRUTH, _MUTED = "#2563a8", "#c8372d", "#444444", "#b8b8b8"
_MOST_CATEGORIES = 20


def price_figures(verdict: Verdict, report: PriceReport, held_out: pd.DataFrame) -> Mapping[str, Figure]:
    """Figures by file name. All are of the held-out rows but `candidates`, which is of the training rows."""
    model, contest = verdict.model, verdict.contest
    figures = {
        "predicted_against_true": predicted_against_true(verdict, held_out),
        "residuals_by_category": residuals_by_category(model, held_out),
    }
    if contest.median is not None:
        figures["candidates"] = candidates(contest, verdict.candidate)
    if not report.importance.empty:
        figures["importance"] = importance(report.importance)
    if not report.slices.empty:
        figures["slices"] = slices(report.slices, model.coverage)
    return figures


def predicted_against_true(verdict: Verdict, rows: pd.DataFrame) -> Figure:
    """Each held-out book with its interval; for an uninformative model also the best that was tried."""
    model, contest, unit = verdict.model, verdict.contest, verdict.yardstick.unit
    shown = 1 if model.informative or contest.median is None else 2
    figure = Figure(figsize=(6.4 * shown, 6), layout="constrained")
    axes = figure.subplots(1, shown, squeeze=False)[0]
    _books(axes[0], model, rows, unit)
    word = ": one constant, for no pattern was found"
    axes[0].set_title(f"{len(rows)} books held out{'' if model.informative else word}", fontsize=10)
    _diagonal(axes[0], verdict.yardstick)
    if shown == 2:
        best = contest.entries[0]
        axes[1].scatter(contest.true, best.prices, s=10, alpha=0.5, color=_MUTED, label="a training book")
        axes[1].set_title(f"not used: the best candidate, {best.name}, on training books", fontsize=10)
        _diagonal(axes[1], verdict.yardstick)
    return figure


def _books(axes: Axes, model: PriceRegressor, rows: pd.DataFrame, unit: str) -> None:
    true, found = rows[schema.LABEL].to_numpy(), model.predict(rows)
    inside = ((found["low"] <= true) & (true <= found["high"])).to_numpy()
    for chosen, colour, name in ((inside, _MODEL, "inside"), (~inside, _MISS, "outside")):
        price, low, high = (found[column].to_numpy()[chosen] for column in OUTPUTS)
        axes.scatter(true[chosen], price, s=12, color=colour, label=f"{name} its interval: {chosen.sum()}")
        if model.informative:
            axes.vlines(true[chosen], low, high, color=colour, linewidth=0.6, alpha=0.3)
    if not model.informative:
        low, high = found["low"].iloc[0], found["high"].iloc[0]
        told = f"interval {money(low, unit)} to {money(high, unit)}"
        axes.axhspan(low, high, color=_MODEL, alpha=0.12, label=told)


def residuals_by_category(model: PriceRegressor, rows: pd.DataFrame) -> Figure:
    """Truth less prediction for the categories with most held-out books, the largest on top."""
    unit = symbol(unit_of(model.currency))
    residuals = rows[schema.LABEL] - model.predict(rows)["price"]
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


def candidates(contest: Contest, chosen: str) -> Figure:
    """Error of each candidate on rows left out in turn, with the median's as a line."""
    assert contest.median is not None
    yardstick, entries = contest.yardstick, contest.entries[::-1]
    figure = Figure(figsize=(8, 1.6 + 0.4 * len(entries)), layout="constrained")
    axes = figure.subplots()
    colours = [_MODEL if entry.name == chosen else _MUTED for entry in entries]
    bars = axes.barh([entry.name for entry in entries], [entry.error for entry in entries], color=colours)
    axes.bar_label(bars, [yardstick.told(entry.error) for entry in entries], padding=4)
    axes.axvline(contest.median.error, color=_TRUTH, linestyle="--", linewidth=1)
    axes.set_title(
        f"Error on {len(contest.true)} training books, each left out in turn; "
        f"dashed: the median, {yardstick.told(contest.median.error)}",
        fontsize=10,
    )
    in_money = f"mean absolute error ({symbol(yardstick.unit)})"
    axes.set_xlabel("root mean squared error of log10(price + 1)" if yardstick.in_shares else in_money)
    axes.margins(x=0.18)
    return figure


def importance(table: pd.DataFrame) -> Figure:
    """By how much the loss grows when an input is dealt out anew; a line from the least to the most."""
    shown = table[::-1]
    figure = Figure(figsize=(8, 1.4 + 0.32 * len(shown)), layout="constrained")
    axes = figure.subplots()
    reach = [shown["importance"] - shown["least"], shown["most"] - shown["importance"]]
    axes.barh(shown["input"], shown["importance"], xerr=reach, color=_MODEL, ecolor=_TRUTH)
    axes.axvline(0, color=_TRUTH, linewidth=1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("growth of the mean loss on held-out books")
    axes.set_title("What is lost when the values of one input are dealt out among the books", fontsize=10)
    return figure


def slices(table: pd.DataFrame, coverage: float) -> Figure:
    """Skill and measured coverage of each slice of the held-out books, beside what is promised."""
    shown = table[::-1]
    names = [f"{name} ({books})" for name, books in zip(shown["slice"], shown["books"], strict=True)]
    figure = Figure(figsize=(11, 1.4 + 0.3 * len(shown)), layout="constrained")
    skill, held = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(shown))
    skill.barh(places, shown["skill"], color=np.where(shown["skill"] > 0, _MODEL, _MISS))
    skill.set_yticks(places, names)
    skill.axvline(0, color=_TRUTH, linewidth=1)
    skill.set_xlabel("share of the median's loss that is saved")
    # Two standard errors of a share of so many books.
    error = 2 * np.sqrt(coverage * (1 - coverage) / shown["books"])
    held.errorbar(coverage * np.ones(len(shown)), places, xerr=error, fmt="none", ecolor=_MUTED, elinewidth=5)
    held.scatter(shown["coverage"], places, color=_MODEL, zorder=3)
    held.axvline(coverage, color=_TRUTH, linestyle="--", linewidth=1)
    held.set_xlabel("prices inside their interval; grey: what chance makes of the promise")
    for axes in (skill, held):
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.suptitle("Slices of the held-out books, with their number", fontsize=10)
    return figure


_BOX: dict[str, Any] = {
    "medianprops": {"color": _TRUTH},
    "boxprops": {"color": _MUTED},
    "whiskerprops": {"color": _MUTED},
}


def _diagonal(axes: Axes, yardstick: Yardstick) -> None:
    axes.axline((1, 1), (2, 2), color=_TRUTH, linewidth=1, linestyle="--", label="predicted = true")
    axes.set_xlabel(f"true price ({symbol(yardstick.unit)})")
    axes.set_ylabel(f"predicted price ({symbol(yardstick.unit)})")
    if yardstick.in_shares:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, loc="upper left")
