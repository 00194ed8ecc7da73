"""The API's list of books against an endpoint that reads the CSV with pandas for each request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from benchmarks.client import Client
from benchmarks.installation import free_port, serving, temporary_installation
from benchmarks.load import CLIENTS, measure_calls
from benchmarks.measure import Metric, Outcome, Tell, Way, compare
from benchmarks.sample import sample_books
from bookshelf.catalogue import Catalogue, now
from bookshelf.errors import BookshelfError
from bookshelf.secrets import draw_secrets
from bookshelf.settings import Settings
from ingestion.export import export_books
from walk.programs import Program, programs

ROUNDS = 21
CALLS = 80
_WARM_UP = 24  # so that every worker has opened its catalogue
PAGE = "/api/v1/books?page_size=20"


def run(rounds: int, tell: Tell) -> Outcome:
    with temporary_installation() as settings:
        total = _stock(settings)
        api = next(program for program in programs(settings) if program.name == "api")
        csv_url = f"http://{settings.host}:{free_port()}"
        with serving(settings, [api, _csv_program(settings, csv_url, api.command)]):
            ours, theirs = Client(settings.api_url, CLIENTS), Client(csv_url, CLIENTS)
            _check_same_answer(ours, theirs)
            baseline = Way("CSV read per request", _measure(theirs))
            comparisons = compare(baseline, [Way("data API", _measure(ours))], rounds, tell)
    setting = (
        f"GET {PAGE} of {total:,} books, both under gunicorn with api/gunicorn_conf.py, rounds: {rounds}"
    )
    return Outcome("books", setting, comparisons)


def _stock(settings: Settings) -> int:
    """Fill catalogue and CSV with the same books. Returns how many."""
    catalogue = Catalogue.open(settings.catalogue_url)
    catalogue.publish(sample_books(), "benchmark", now())
    draw_secrets(settings)  # the API does not start without
    listed = catalogue.all_books()
    export_books(listed, settings.export_csv)
    return len(listed)


def _csv_program(settings: Settings, url: str, api_command: Sequence[str]) -> Program:
    """The CSV endpoint under the API's own server and configuration."""
    gunicorn = api_command[0]
    app = f"benchmarks.csv_app:create_app({str(settings.export_csv)!r})"
    config = ("--config", "api/gunicorn_conf.py", "--bind", urlsplit(url).netloc)
    return Program("csv", (gunicorn, *config, app), url + PAGE)


def _check_same_answer(ours: Client, theirs: Client) -> None:
    for _ in range(_WARM_UP):
        first, second = json.loads(ours.get(PAGE)), json.loads(theirs.get(PAGE))
        if not same_books(first, second):
            raise BookshelfError(f"the two lists of books differ: {str(first)[:300]} and {str(second)[:300]}")


def same_books(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether a page of the API and one out of the CSV tell the same, in the columns that a CSV has.

    There what is not known is an empty text.
    """
    columns = theirs["items"][0].keys()
    told = [{name: "" if one[name] is None else one[name] for name in columns} for one in ours["items"]]
    return {**ours, "items": told} == theirs


def _measure(client: Client) -> Callable[[], Mapping[Metric, float]]:
    return lambda: measure_calls(client.get, [PAGE] * CALLS)
