"""One price by HTTP, from the model server and through the API, against the bare pipeline under uvicorn."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import mlflow.artifacts
import mlflow.sklearn
from mlflow import MlflowClient

from benchmarks.client import Client
from benchmarks.installation import free_port, serving, temporary_installation
from benchmarks.load import call_times, calls_at_once
from benchmarks.measure import Metric, Outcome, Tell, Way, beside, percentile, take_turns
from benchmarks.sample import priced_by_contents, sample_books
from bookshelf.book import ListedBook
from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import PriceReply, PriceRequest
from bookshelf.errors import BookshelfError
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Settings
from features import schema
from features.price_columns import INPUTS
from features.tabular import book_frame
from features.text import clean_description
from training.aliases import CHAMPION
from training.dataset import TrainingSet, content_hash
from training.price import PriceParams, fit_price
from training.registry import register
from walk.programs import Program, programs

ROUNDS = 9
CALLS = 200
CLIENTS = 16
BARE, BENTO, API, UNMETERED, UNTRACED = (
    *("uvicorn and model.predict", "BentoML", "API → BentoML"),
    *("BentoML without metrics", "BentoML without spans"),
)

Ask = Callable[[bytes], bytes]
Address = tuple[str, str]  # of a server, and the path


def run(rounds: int, tell: Tell) -> Outcome:
    with temporary_installation() as settings:
        listed = fill_catalogue(settings)
        folder = trained_champion(settings, listed)
        questions = [question(one) for one in listed[:CALLS]]
        wanted = [program for program in programs(settings) if program.name in ("bento", "api")]
        others = _other_programs(settings, folder)
        with serving(settings, [*wanted, *others.values()]):
            ways = {
                BARE: (_base(others[BARE]), "/price"),
                BENTO: (settings.bento_url, "/price"),
                API: (settings.api_url, "/api/v1/ml/predict/price"),
                UNMETERED: (_base(others[UNMETERED]), "/price"),
                UNTRACED: (_base(others[UNTRACED]), "/price"),
            }
            _check_same_answers({label: _asking(address) for label, address in ways.items()}, questions)
            measures = [Way(label, partial(_measured, address, questions)) for label, address in ways.items()]
            taken = take_turns(measures, rounds, tell)
        kind = mlflow.sklearn.load_model(folder).kind
    pairs = ((BARE, BENTO), (BARE, API), (UNMETERED, BENTO), (UNTRACED, BENTO))
    comparisons = [one for baseline, ours in pairs for one in beside(taken, baseline, ours)]
    setting = f"{kind} on {len(listed):,} books of the sample shop, {CALLS} questions, rounds: {rounds}"
    return Outcome("price", setting, tuple(comparisons))


def _other_programs(settings: Settings, folder: str) -> dict[str, Program]:
    """The yardstick, and the model server without what its numbers and its spans cost."""
    bare_url, unmetered_url, untraced_url = (f"http://{settings.host}:{free_port()}" for _ in range(3))
    bare = (sys.executable, "-m", "benchmarks.bare_price", folder, bare_url.rpartition(":")[2])
    unmetered = _bento(settings, unmetered_url, "benchmarks.unmetered:Bookshelf")
    untraced = _bento(settings, untraced_url, "serving.service:Bookshelf", "OTEL_SDK_DISABLED=true")
    return {
        BARE: Program("bare", bare, f"{bare_url}/readyz"),
        UNMETERED: Program("unmetered", unmetered, f"{unmetered_url}/readyz"),
        UNTRACED: Program("untraced", untraced, f"{untraced_url}/readyz"),
    }


def _bento(settings: Settings, url: str, service: str, *variables: str) -> tuple[str, ...]:
    """A model server of its own, with a home of its own for what BentoML keeps."""
    port = url.rpartition(":")[2]
    home = f"BENTOML_HOME={settings.home.resolve() / f'bentoml-{port}'}"
    bentoml = str(Path(sys.executable).parent / "bentoml")
    started = (bentoml, "serve", service, "--host", settings.host, "--port", port)
    return ("/usr/bin/env", home, *variables, *started)


def _base(program: Program) -> str:
    return str(program.ready_url).removesuffix("/readyz")


def _asking(address: Address) -> Ask:
    url, path = address
    return partial(Client(url, CLIENTS).post, path)


def _measured(address: Address, questions: Sequence[bytes]) -> Mapping[Metric, float]:
    """One client's times, then those of many at once and how many calls they get answered."""
    ask = _asking(address)
    # Over connections that are made first, and anew: from one round to the next servers may close them.
    calls_at_once(ask, questions[: 2 * CLIENTS], CLIENTS)
    alone = call_times(ask, questions)
    together, per_second = calls_at_once(ask, questions, CLIENTS)
    many = f"{CLIENTS} clients"
    told = {
        Metric(f"{who}, p{hundredths}", "ms", higher_is_better=False): percentile(times, hundredths / 100)
        for who, times in (("one client", alone), (many, together))
        for hundredths in (50, 95, 99)
    }
    return {**told, Metric(many, "calls/s", higher_is_better=True): per_second}


def fill_catalogue(settings: Settings) -> list[ListedBook]:
    """The sample shop's books, at prices that follow from their fields, as the catalogue lists them."""
    draw_secrets(settings)  # the API does not start without
    catalogue = Catalogue.open(settings.catalogue_url)
    catalogue.publish(priced_by_contents(sample_books()), "benchmark", now())
    return catalogue.all_books()


def trained_champion(settings: Settings, listed: Sequence[ListedBook]) -> str:
    """Folder of the price model, trained and registered as ever, and named champion."""
    fitted = fit_price(_training_set(listed), PriceParams())
    if not fitted.informative:
        raise BookshelfError("the price model has learned a constant: there is no pipeline to measure")
    version = register(fitted, settings).version
    # By hand: the gate compares feature stores, and there are none here.
    MlflowClient(settings.tracking_uri).set_registered_model_alias("price", CHAMPION, version)
    folder = settings.home / "yardstick"
    return str(mlflow.artifacts.download_artifacts(f"models:/price/{version}", dst_path=str(folder)))


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


def question(listed: ListedBook) -> bytes:
    """The body that asks for the price of a book by what it is like."""
    told = {name: getattr(listed.book, name) for name in INPUTS}
    # As the features have it: the servers would do this to any text, and the pipeline would not.
    told["description"] = clean_description(listed.book.description)
    request = PriceRequest.model_validate(told)
    return request.model_dump_json(exclude_none=True).encode()


def _check_same_answers(ways: Mapping[str, Ask], questions: Sequence[bytes]) -> None:
    """Every way gives every question the same price, to the penny that ours are rounded to."""
    for question in questions:
        price: float = json.loads(ways[BARE](question))["price"]
        for label in (BENTO, API, UNMETERED, UNTRACED):
            answer = PriceReply.model_validate_json(ways[label](question))
            if abs(answer.price - price) > 0.00501:
                raise BookshelfError(f"{label} answers {answer.price} where {BARE} answers {price}")
