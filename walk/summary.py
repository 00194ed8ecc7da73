"""What `make run` ends with: addresses, models beside their baselines, commands to paste."""

from __future__ import annotations

from collections.abc import Sequence

from bookshelf.contracts import ModelStatus
from bookshelf.settings import Settings


def summary(settings: Settings, models: Sequence[ModelStatus]) -> str:
    """The closing table as text."""
    return "\n".join(("", _addresses(settings), "", _model_table(models), "", _commands(settings), ""))


def _addresses(settings: Settings) -> str:
    rows = [
        ("API", f"{settings.api_url}/api/v1"),
        ("API documentation", f"{settings.api_url}/apidocs/"),
        ("model server", settings.bento_url),
        ("MLflow", settings.mlflow_url),
    ]
    return _table(("service", "address"), rows)


def _model_table(models: Sequence[ModelStatus]) -> str:
    rows = [
        (
            model.name,
            model.version,
            f"{model.metric} {_number(model.score, model.unit)}",
            _number(model.baseline, model.unit),
            _verdict(model),
        )
        for model in models
    ]
    return _table(("model", "version", "score", "baseline", "promoted"), rows)


def _verdict(model: ModelStatus) -> str:
    if model.promotion != "champion":
        return model.promotion or "not yet judged"
    return "yes, as uninformative: nothing here foretells prices" if model.informative is False else "yes"


def _number(value: float, unit: str) -> str:
    if unit == "pounds":
        return f"£{value:.2f}"
    is_currency = len(unit) == 3 and unit.isupper()
    return f"{value:.2f} {unit}" if is_currency else f"{value:.3f}"


def _commands(settings: Settings) -> str:
    api = f"{settings.api_url}/api/v1"
    return "\n".join(
        (
            "Try:",
            f"  curl {api}/books/1",
            f"  curl {api}/ml/recommendations/1?limit=5",
            f"  curl {api}/ml/sentiment -H 'Content-Type: application/json' "
            '-d \'{"description": "A warm and funny book that I did not want to end."}\'',
        )
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, tuple("─" * width for width in widths), *rows]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
