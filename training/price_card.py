"""The price model's card: what it was made of, how good it is beside the median, what not to use it for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

import pandas as pd

from features.price import PriceRegressor
from features.price_columns import NUMBERS, TEXTS, VECTOR
from training.cards import bullets, model_card, table
from training.contest import Contest
from training.dataset import TrainingSet
from training.money import money
from training.price_report import PriceReport
from training.price_verdict import Verdict
from training.skill import RULE

_HONEST = (
    "Nothing that is known of a book was found to tell its price: "
    "the model answers one constant for every book, and says so (`informative` is false)."
)
_SKILLED = "Prices here follow from what is known of a book: the model is nearer to them than the median is."

_VECTORS = "from features.embedding import Encoder\n\n"

_CALL = """```python
import mlflow, pandas as pd
{vectors}
model = mlflow.sklearn.load_model("models:/price@champion")
books = pd.DataFrame([{{
{cells}
}}])
model.predict(books)    # price, low and high in the currency of `model.currency`
model.informative       # whether the price depends on the book at all
```

```
curl -X POST localhost:8000/api/v1/ml/predict/price -H 'Content-Type: application/json' \\
  -d {body}
```"""

_EXAMPLE = (
    dict.fromkeys(TEXTS, '""')
    | dict.fromkeys(NUMBERS, 'float("nan")')
    | {"availability": '"In stock"', VECTOR: 'Encoder.load().embed([""])[0]'}
)

_BY_CATEGORY = "cv_coverage_"

#: Name, title and format; without a format it is an amount of money.
_SCORES = (
    ("mae", "mean absolute error", ""),
    ("rmse", "root mean squared error", ""),
    ("r2", "share of variance explained (R²)", "{:.3f}"),
    ("log_score", "1 − RMSE of log10(price + 1)", "{:.3f}"),
    ("cv_log_score", "the same, five-fold over all books", "{:.3f}"),
    ("coverage", "prices inside their interval", "{:.1%}"),
    ("cv_coverage", "the same, five-fold over all books", "{:.1%}"),
    ("interval_width", "mean width of the intervals", ""),
)


def price_card(
    data: TrainingSet, verdict: Verdict, report: PriceReport, measured: Mapping[str, float], held_out: int
) -> str:
    """Markdown; `measured` are the scores on the `held_out` rows, the baseline's as `baseline_<name>`."""
    model, unit = verdict.model, verdict.yardstick.unit
    sections = {
        "Model": _about(verdict),
        "Data": _data(data, held_out, unit),
        "Scores": _scores(measured, held_out, unit),
        "Skill": _skill(verdict),
        "Candidates": _candidates(verdict.contest),
        "Slices": _slices(report, unit),
        "What matters": _importance(report),
        "Intended use": (
            "An estimate of what this shop would ask for a book, with the range to expect. "
            "Not a valuation, and not a basis for setting prices."
        ),
        "Limits": _limits(model),
        "How to call it": call_of(model),
    }
    return model_card("Price of a book", _SKILLED if model.informative else _HONEST, sections)


def call_of(model: PriceRegressor) -> str:
    """How to ask the model, in Python and over HTTP; the Python runs as it stands."""
    cells = [f'    "{name}": {_EXAMPLE[name]},' for name in model.inputs]
    vectors = _VECTORS if model.reads_vectors else ""
    asked = {"category": model.categories[0], "rating": 4, "availability": "In stock"}
    body = shlex.quote(json.dumps(asked, ensure_ascii=False))  # a shop may have a shelf `Children's`
    return _CALL.format(body=body, vectors=vectors, cells="\n".join(cells))


def _about(verdict: Verdict) -> str:
    model, contest = verdict.model, verdict.contest
    kind = f"`{verdict.candidate}`, fitted on {len(contest.true)} books. {verdict.reason}"
    how = "the prices themselves"
    if model.informative:
        how = (
            "residuals of books left out in turn, divided by how large they are expected to be for such a "
            "book, of all books and of the book's own category"
        )
    scale = "shares of the price (log10)" if verdict.yardstick.in_shares else "amounts of money"
    return (
        f"{kind}\n\nErrors are judged as {scale}: these prices lie more evenly so. "
        f"Inputs: {', '.join(f'`{name}`' for name in model.inputs)}. "
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
            _unknown(frame),
            f"from {data.source or ', '.join(sorted(set(data.sources)))}",
            f"Feast feature service `{data.service}` as of {data.as_of.isoformat()}",
            f"catalogue snapshot {data.snapshot_id}, SHA-256 of the rows `{data.sha256}`",
        ]
    )


def _unknown(frame: pd.DataFrame) -> str:
    counts = {name: int((frame[name] == "").sum()) for name in TEXTS} | {
        name: int(frame[name].isna().sum()) for name in NUMBERS
    }
    missing = ", ".join(f"{name}: {count}" for name, count in counts.items() if count)
    return f"books without {missing}" if missing else "everything is known of every book"


def _scores(measured: Mapping[str, float], held_out: int, unit: str) -> str:
    def shown(name: str, shape: str) -> str:
        value = measured.get(name)
        return "" if value is None else shape.format(value) if shape else money(value, unit)

    rows = [
        (title, shown(name, shape), shown(f"baseline_{name}", shape))
        for name, title, shape in _SCORES
        if name in measured
    ]
    told = (
        f"On held-out books, {held_out} of them, which no part of the training has seen; the five-fold score "
        "is over all books, each left out in turn with its other editions. The baseline answers the median "
        "price of the training books."
    )
    scores = f"{told}\n\n" + table(("", "model", "baseline"), rows)
    by_category = [
        f"{name.removeprefix(_BY_CATEGORY)}: {held:.1%}"
        for name, held in measured.items()
        if name.startswith(_BY_CATEGORY)
    ]
    if not by_category:
        return scores
    return f"{scores}\n\nPrices inside their interval by large category, five-fold: {', '.join(by_category)}."


def _skill(verdict: Verdict) -> str:
    contest = verdict.contest
    if contest.skill is None:
        return contest.reason
    lines = [f"on {len(contest.true)} training books, each left out in turn: {contest.skill}"]
    if verdict.skill is not None:
        lines.append(f"on the held-out books: {verdict.skill}")
    return (
        "Skill is the share of the median's loss that the best candidate saves; its interval is the paired "
        "bootstrap's, and chance is the same predictions dealt out at random. A model is informative only "
        f"if both intervals lie above 0, the first skill is {RULE.smallest_skill:.0%} at least, and chance "
        f"comes as near with a probability of {RULE.largest_p:g} and {RULE.largest_held_out_p:g} at most.\n\n"
    ) + bullets(lines)


def _candidates(contest: Contest) -> str:
    if contest.median is None:
        return "None was tried."
    entries = sorted([contest.median, *contest.entries], key=lambda entry: entry.error)
    rows = [(f"`{entry.name}`", contest.yardstick.told(entry.error)) for entry in entries]
    told = (
        "Error on the training books, each left out in turn with its other editions. The number in a ridge's "
        "name is its strength; `_log` learns the logarithm of the price; `blend` is of the other three."
    )
    return f"{told}\n\n" + table(("candidate", "error"), rows)


def _slices(report: PriceReport, unit: str) -> str:
    if report.slices.empty:
        return "Too few books were held out."
    rows = [
        (
            f"{one['by']}: {one['slice']}",
            one["books"],
            money(one["mae"], unit),
            money(one["baseline_mae"], unit),
            _share(one["skill"]),
            f"{one['coverage']:.0%}",
        )
        for one in report.slices.to_dict("records")
    ]
    header = ("held-out books", "number", "mean error", "baseline", "skill", "inside the interval")
    told = (
        "Small slices say little: of 30 books, chance alone moves a coverage of 90 % by 11 points. Nothing "
        "is nearer to prices around the median than the median itself, so that skill there is below 0."
    )
    return f"{told}\n\n" + table(header, rows)


def _importance(report: PriceReport) -> str:
    if report.importance.empty:
        return "Nothing: the model answers a constant."
    rows = [(f"`{one['input']}`", _share(one["importance"])) for one in report.importance.to_dict("records")]
    told = (
        "By how much the loss on held-out books grows when an input's values are dealt out among the books, "
        "in the mean of three deals. Inputs that tell the same stand in for each other and share it."
    )
    return f"{told}\n\n" + table(("input", "growth of the loss"), rows)


def _share(value: float) -> str:
    return f"{value:.0%}".replace("-", "−")


def _limits(model: PriceRegressor) -> str:
    lines = [f"it knows {len(model.categories)} categories, those of the data; another counts as none"]
    if model.informative:
        lines.append("intervals hold their share over all books, nearly so in large categories, not in small")
        lines.append("an author, a genre or a word that fewer than two training books have tells it nothing")
    else:
        lines.append("one price and one interval for every book: differences between books are not told")
    lines.append("a shop that changes its prices needs a new training; the old intervals no longer hold")
    return bullets(lines)
