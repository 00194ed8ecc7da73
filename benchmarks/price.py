"""One price by HTTP, from the model server and through the API, against the bare pipeline in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlflow.sklearn
import pandas as pd

from benchmarks.client import Client
from benchmarks.installation import serving, temporary_installation
from benchmarks.load import CLIENTS, measure_calls
from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.sample import priced_by_contents, sample_books
from bookshelf.book import ListedBook
from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import PriceReply, PriceRequest
from bookshelf.errors import BookshelfError
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Settings
from features import schema
from features.price_columns import INPUTS, NUMBERS
from features.tabular import book_frame
from training.dataset import TrainingSet, content_hash
from training.price import PriceParams, fit_price
from training.promote import promote
from training.registry import register
from walk.programs import programs

ROUNDS = 21
CALLS = 80


@dataclass(frozen=True, slots=True)
class Question:
    """One book to price, as the model reads it and as it is asked over HTTP."""

    row: pd.DataFrame
    body: bytes


def run(rounds: int, tell: Tell) -> Outcome:
    with temporary_installation() as settings:
        listed = _fill_catalogue(settings)
        model = _trained_champion(settings, listed)
        questions = [_question(one) for one in listed[:CALLS]]
        wanted = [program for program in programs(settings) if program.name in ("bento", "api")]
        with serving(settings, wanted):
            bento, api = Client(settings.bento_url, CLIENTS), Client(settings.api_url, CLIENTS)
            ways: dict[str, Callable[[Question], Any]] = {
                "model.predict": lambda question: model.predict(question.row),
                "BentoML": lambda question: bento.post("/price", question.body),
                "API → BentoML": lambda question: api.post("/api/v1/ml/predict/price", question.body),
            }
            _check_same_answers(ways, questions)
            baseline, *ours = (Way(label, _measure(call, questions)) for label, call in ways.items())
            comparisons = compare(baseline, ours, rounds, tell)
    setting = f"{model.kind} on {len(listed):,} books of the sample shop, {CALLS} questions, rounds: {rounds}"
    return Outcome("price", setting, comparisons)


def _fill_catalogue(settings: Settings) -> list[ListedBook]:
    draw_secrets(settings)  # the API does not start without
    catalogue = Catalogue.open(settings.catalogue_url)
    catalogue.publish(priced_by_contents(sample_books()), "benchmark", now())
    return catalogue.all_books()


def _trained_champion(settings: Settings, listed: Sequence[ListedBook]) -> Any:
    """The price model, trained, registered and promoted as ever, and loaded from the registry."""
    fitted = fit_price(_training_set(listed), PriceParams())
    if not fitted.informative:
        raise BookshelfError("the price model has learned a constant: there is no pipeline to measure")
    version = register(fitted, settings).version
    decision = promote("price", settings, version)
    if not decision.promoted:
        raise BookshelfError(str(decision))
    return mlflow.sklearn.load_model(f"models:/price/{version}")


def _training_set(listed: Sequence[ListedBook]) -> TrainingSet:
    """The rows that the feature store would give back, without the store: it is not what is measured."""
    at = now()
    columns = [name for view in schema.SERVICES[schema.PRICE_SERVICE].values() for name in view]
    # Without vectors: a text to encode is another measurement.
    frame = book_frame(listed, at, at)[[name for name in columns if name != schema.VECTOR]]
    book_ids = tuple(one.id for one in listed)
    return TrainingSet(
        frame=frame,
        book_ids=book_ids,
        sources=tuple(one.source for one in listed),
        sha256=content_hash(frame, book_ids),
        service=schema.PRICE_SERVICE,
        as_of=at,
        snapshot_id=1,
    )


def _question(listed: ListedBook) -> Question:
    request = PriceRequest.model_validate({name: getattr(listed.book, name) for name in INPUTS})
    row = book_frame([listed], now(), now())[list(INPUTS)].astype(dict.fromkeys(NUMBERS, "float64"))
    return Question(row, request.model_dump_json(exclude_none=True).encode())


def _measure(
    call: Callable[[Question], Any], questions: Sequence[Question]
) -> Callable[[], Mapping[Metric, float]]:
    return lambda: measure_calls(call, questions)


def _check_same_answers(ways: Mapping[str, Callable[[Question], Any]], questions: Sequence[Question]) -> None:
    """Every way gives every question the same price; which also warms all of them up."""
    bare, *served = ways
    for question in questions:
        price = round(float(ways[bare](question)["price"].iloc[0]), 2)
        for label in served:
            answer = PriceReply.model_validate_json(ways[label](question))
            if answer.price != price:
                raise BookshelfError(f"{label} answers {answer.price} where {bare} answers {price}")
