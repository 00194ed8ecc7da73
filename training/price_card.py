"""The price model's card: what it was made of, how good it is beside the median, what not to use it for."""

from __future__ import annotations

from collections.abc import Mapping

from features.price import INPUTS, PriceRegressor
from training.cards import bullets, model_card, table
from training.contest import Contest
from training.dataset import TrainingSet
from training.money import money, unit_of

_HONEST = (
    "Nothing that is known of a book was found to tell its price: "
    "the model answers one constant for every book, and says so (`informative` is false)."
)
_SKILLED = "Prices here follow from what is known of a book: the model is nearer to them than the median is."

_CALL = """```python
import mlflow, pandas as pd

model = mlflow.sklearn.load_model("models:/price@champion")
books = pd.DataFrame([{
    "category": "Fiction", "rating": 4.0, "stock": float("nan"), "availability": "In stock",
    "title": "", "description": "",
}])
model.predict(books)    # price, low and high in the currency of `model.currency`
model.informative       # whether the price depends on the book at all
```"""

#: Name, title and format; without a format it is an amount of money.
_SCORES = (
    ("mae", "mean absolute error", ""),
    ("rmse", "root mean squared error", ""),
    ("r2", "share of variance explained (R²)", "{:.3f}"),
    ("coverage", "prices inside their interval", "{:.1%}"),
    ("interval_width", "mean width of the intervals", ""),
)


def price_card(
    data: TrainingSet, model: PriceRegressor, contest: Contest, measured: Mapping[str, float], held_out: int
) -> str:
    """Markdown; `measured` are the scores on the `held_out` rows, the baseline's as `baseline_<name>`."""
    unit = unit_of(model.currency)
    sections = {
        "Model": _about(model, contest),
        "Data": _data(data, held_out, unit),
        "Scores": _scores(measured, held_out, unit),
        "Candidates": _candidates(contest, unit),
        "Intended use": (
            "An estimate of what this shop would ask for a book, with the range to expect. "
            "Not a valuation, and not a basis for setting prices."
        ),
        "Limits": _limits(model),
        "How to call it": _CALL,
    }
    return model_card("Price of a book", _SKILLED if model.informative else _HONEST, sections)


def _about(model: PriceRegressor, contest: Contest) -> str:
    kind = f"`{contest.winner}`, fitted on {len(contest.true)} books. {contest.reason}"
    how = "residuals of books left out in turn" if model.informative else "the prices themselves"
    return (
        f"{kind}\n\nInputs: {', '.join(f'`{name}`' for name in INPUTS)}. "
        f"The interval is meant to hold {model.coverage:.0%} of prices; it is made of quantiles of {how}, "
        "with the conformal correction for their number."
    )


def _data(data: TrainingSet, held_out: int, unit: str) -> str:
    frame = data.frame
    prices = frame["price"]
    return bullets(
        [
            f"{len(frame)} books in {frame['category'].nunique()} categories: {len(frame) - held_out} to "
            f"train on and {held_out} held out, chosen by a hash of the book's id",
            f"prices from {money(prices.min(), unit)} to {money(prices.max(), unit)}, "
            f"median {money(prices.median(), unit)}",
            f"books without a description: {int((frame['description'] == '').sum())}",
            f"from {data.source or ', '.join(sorted(set(data.sources)))}",
            _unknown(data),
            f"Feast feature service `{data.service}` as of {data.as_of.isoformat()}",
            f"catalogue snapshot {data.snapshot_id}, SHA-256 of the rows `{data.sha256}`",
        ]
    )


def _unknown(data: TrainingSet) -> str:
    counts = {name: int(data.frame[name].isna().sum()) for name in ("rating", "stock")}
    return "books without " + ", without ".join(f"{name}: {count}" for name, count in counts.items())


def _scores(measured: Mapping[str, float], held_out: int, unit: str) -> str:
    def shown(value: float, shape: str) -> str:
        return shape.format(value) if shape else money(value, unit)

    rows = [
        (title, shown(measured[name], shape), shown(measured[f"baseline_{name}"], shape))
        for name, title, shape in _SCORES
        if name in measured
    ]
    told = (
        f"On held-out books, {held_out} of them, which no part of the training has seen. The baseline "
        "answers the median price of the training books."
    )
    return f"{told}\n\n" + table(("", "model", "baseline"), rows)


def _candidates(contest: Contest, unit: str) -> str:
    if contest.median is None:
        return "None was tried."
    entries = sorted([contest.median, *contest.entries], key=lambda entry: entry.error)
    rows = [(f"`{entry.name}`", money(entry.error, unit)) for entry in entries]
    told = (
        "Mean absolute error on the training books, each left out in turn. The number in a ridge's name is "
        "its strength; `_log` learns the logarithm of the price."
    )
    return f"{told}\n\n" + table(("candidate", "error"), rows)


def _limits(model: PriceRegressor) -> str:
    lines = [f"it knows {len(model.categories)} categories, those of the data; another counts as none"]
    if model.informative:
        lines.append("intervals hold their share over all books, and not for each category by itself")
    else:
        lines.append("one price and one interval for every book: differences between books are not told")
    lines.append("a shop that changes its prices needs a new training; the old intervals no longer hold")
    return bullets(lines)
