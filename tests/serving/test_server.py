"""A real `bentoml serve` process on a real registry and a real online store: attacked, killed, restarted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import requests

from bookshelf.book import ListedBook
from bookshelf.contracts import MODEL_NAMES, Problem
from bookshelf.settings import ROOT, Settings
from features.embedding import Encoder
from features.price import INPUTS
from features.tabular import book_frame

pytestmark = pytest.mark.slow

TAKEN_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
BOOK = {"rating": 4, "category": "Fiction", "availability": "In stock"}
TEXT = {"description": "A wonderful book."}
JSON = {"Content-Type": "application/json"}


class Server:
    """One `bentoml serve` with its worker, on a port of its own."""

    def __init__(self, settings: Settings, folder: Path, wait: Callable[..., None]) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self._folder, self._wait = folder, wait
        self._environment = {
            **os.environ,
            "MLFLOW_TRACKING_URI": settings.tracking_uri,
            "BOOKSHELF_DATABASE_URL": "",
            "BOOKSHELF_HOME": str(settings.home),
            "BOOKSHELF_MLRUNS": str(settings.mlruns),
            "BENTOML_HOME": str(folder / "bentoml"),
        }
        self.start()

    def start(self) -> None:
        bentoml = Path(sys.executable).with_name("bentoml")
        log = (self._folder / "server.log").open("ab")
        self._process = psutil.Popen(
            [bentoml, "serve", "serving.service:Bookshelf", "--host", "127.0.0.1", "--port", str(self.port)],
            cwd=ROOT,
            env=self._environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        self._wait(self.ready, seconds=120)

    def ready(self) -> bool:
        try:
            return bool(self.get("/readyz").status_code == 200)
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """Kill -9 of all of it."""
        for process in [*self._process.children(recursive=True), self._process]:
            process.kill()
        self._process.wait()

    def kill_parent(self) -> None:
        """Kill -9 of the process that keeps the worker."""
        workers = self._process.children()
        self._process.kill()
        self._process.wait()
        psutil.wait_procs(workers, timeout=30)

    def kill_worker(self) -> None:
        """Kill -9 of the process that answers."""
        [worker] = self._process.children()
        worker.send_signal(signal.SIGKILL)
        psutil.wait_procs([worker])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        options = options or {"json": body}
        return requests.post(f"http://127.0.0.1:{self.port}{path}", timeout=60, **options)

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def writer(home: Settings, registry_writer: Any) -> Any:
    return registry_writer(home)


def a_passage(encoder: Encoder) -> pd.DataFrame:
    vector = encoder.embed_layers(["A text."])[0].astype(np.float64)
    return pd.DataFrame({"text": ["A text."], "vector": pd.Series([vector], dtype=object)})


@pytest.fixture(scope="module")
def promoted(
    writer: Any,
    listed: Sequence[ListedBook],
    price_model: Any,
    recommender_model: Any,
    sentiment_model: Any,
    encoder: Encoder,
) -> dict[str, Any]:
    """Model and example of each registered champion."""
    rows = book_frame(listed, TAKEN_AT, TAKEN_AT).astype({"rating": "float64", "stock": "float64"})
    number = writer.add("encoder", encoder._model, ["A text."])
    tags = {"encoder_version": number, "encoder_fingerprint": encoder.fingerprint}
    examples = {
        "price": (price_model, rows[list(INPUTS)].head(2)),
        "recommender": (recommender_model, rows[["book_id"]].head(2).assign(limit=3)),
        "sentiment": (sentiment_model, a_passage(encoder)),
    }
    for name, (model, example) in examples.items():
        writer.add(name, model, example, trained_on=rows, **tags)
    return examples


@pytest.fixture(scope="module")
def server(
    home: Settings, promoted: dict[str, Any], folder: Path, wait_until: Callable[..., None]
) -> Iterator[Server]:
    assert set(promoted) == set(MODEL_NAMES)
    running = Server(home, folder, wait_until)
    yield running
    running.stop()


def fields(answer: requests.Response) -> list[str]:
    document = Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert document.status == answer.status_code
    return [one.field for one in document.errors]


def test_every_endpoint_answers(server: Server) -> None:
    assert server.post("/price", BOOK).json()["model"] == {"name": "price", "version": "1"}
    assert server.post("/price", {"book_id": 2}).status_code == 200
    assert len(server.post("/recommendations", {"book_id": 2, "limit": 3}).json()["items"]) == 3
    assert server.post("/sentiment", TEXT).json()["model"] == {"name": "sentiment", "version": "1"}
    many = server.post("/predictions", {"model": "sentiment", "inputs": [TEXT, {}]}).json()["items"]
    assert [one["error"] is None for one in many] == [True, False]
    assert server.post("/features", {}).json()["total"] == 61
    assert server.post("/training_data", {"model": "price"}).json()["total"] == 60
    assert len(server.post("/models", {}).json()["items"]) == 3
    assert server.get("/livez").status_code == server.get("/readyz").status_code == 200


ATTACKS: dict[str, tuple[str, dict[str, Any], int, set[str]]] = {
    "broken JSON": ("/price", {"data": b'{"rating": 4', "headers": JSON}, 400, {"body"}),
    "no body": ("/price", {"data": b"", "headers": JSON}, 422, {"rating", "category", "availability"}),
    "plain text": (
        "/price",
        {"data": b"4", "headers": {"Content-Type": "text/plain"}},
        415,
        {"Content-Type"},
    ),
    "a form": ("/price", {"data": {"rating": 4}}, 415, {"Content-Type"}),
    "a file": ("/sentiment", {"files": {"description": b"x"}}, 415, {"Content-Type"}),
    "5 MB": ("/sentiment", {"json": {"description": "x" * 5_000_000}}, 422, {"description"}),
    "20 MB": ("/sentiment", {"json": {"description": "x" * 20_000_000}}, 413, {"body"}),
    "an unknown category": ("/price", {"json": BOOK | {"category": "Cooking"}}, 422, {"category"}),
    "six stars": ("/price", {"json": BOOK | {"rating": 6}}, 422, {"rating"}),
    "half a star": ("/price", {"json": BOOK | {"rating": 0.5}}, 422, {"rating"}),
    "an empty list": ("/predictions", {"json": {"model": "price", "inputs": []}}, 422, {"inputs"}),
    "an unknown field": ("/price", {"json": BOOK | {"colour": "red"}}, 422, {"colour"}),
    "not a number": ("/price", {"data": b'{"book_id": NaN}', "headers": JSON}, 422, {"book_id"}),
    "infinity": ("/price", {"data": b'{"book_id": Infinity}', "headers": JSON}, 422, {"book_id"}),
    "a huge id": ("/recommendations", {"json": {"book_id": 10**300}}, 422, {"book_id"}),
    "a huge stock": ("/price", {"json": BOOK | {"stock": 2**63}}, 422, {"stock"}),
    "a negative id": ("/recommendations", {"json": {"book_id": -1}}, 422, {"book_id"}),
    "an unknown id": ("/recommendations", {"json": {"book_id": 999_999}}, 404, {"book_id"}),
    "an unpublished id": ("/price", {"json": {"book_id": 61}}, 404, {"book_id"}),
    "deep nesting": ("/predictions", {"data": b"[" * 1_000_000, "headers": JSON}, 400, {"body"}),
    "only spaces": ("/sentiment", {"json": {"description": "   "}}, 422, {"description"}),
    "half a character": (
        "/sentiment",
        {"data": b'{"description": "\\ud83d"}', "headers": JSON},
        400,
        {"body"},
    ),
    "no encoding": ("/sentiment", {"data": b'{"description": "\xe9"}', "headers": JSON}, 400, {"body"}),
    "no such page": ("/features", {"json": {"page": 0}}, 422, {"page"}),
    "no such model": ("/training_data", {"json": {"model": "oracle"}}, 422, {"model"}),
    "no such path": ("/oracle", {"json": {}}, 404, set()),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_rubbish_is_refused_by_the_name_of_its_field(server: Server, name: str) -> None:
    path, request, status, named = ATTACKS[name]
    answer = server.post(path, **request)
    assert (answer.status_code, set(fields(answer))) == (status, named)


def test_zeros_and_odd_characters_in_a_text_are_read_like_any_other(server: Server) -> None:
    for text in ("\x00", "a\x00b", "🙈" * 500, "‮ reversed", "x" * 20_000):
        assert server.post("/sentiment", {"description": text}).status_code == 200


def test_many_callers_at_once_all_get_their_own_answer(server: Server) -> None:
    def ask(number: int) -> bool:
        book_id = number % 60 + 1
        price = server.post("/price", {"book_id": book_id}).json()["price"]
        items = server.post("/features", {"page": book_id, "page_size": 1}).json()["items"]
        nearest = server.post("/recommendations", {"book_id": book_id, "limit": 1}).json()
        tone = server.post("/sentiment", TEXT | {"description": f"A fine book, number {number}."})
        return (
            abs(price - items[0]["price"]) < 5 and nearest["book_id"] == book_id and tone.status_code == 200
        )

    with ThreadPoolExecutor(max_workers=16) as callers:
        assert all(callers.map(ask, range(200)))


def test_refusals_leave_no_trace_in_the_log(server: Server) -> None:
    before = server.log
    for body in (BOOK | {"rating": 6}, {"book_id": 61}, BOOK | {"category": "Cooking"}, BOOK):
        server.post("/price", body)
    assert server.log == before


def test_metrics_count_requests_and_predictions_and_name_versions(server: Server) -> None:
    def value(start: str) -> float:
        lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith(start)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    predictions = 'bookshelf_predictions_total{model="price",outcome="made",version="1"}'
    requested = 'bentoml_service_request_total{endpoint="/price",http_response_code="200"'
    durations = 'bentoml_service_request_duration_seconds_count{endpoint="/price",http_response_code="200"'
    before = [value(one) for one in (predictions, requested, durations)]
    server.post("/price", BOOK)
    server.post("/predictions", {"model": "price", "inputs": [BOOK] * 10})
    assert [value(one) for one in (predictions, requested, durations)] == [
        before[0] + 11,
        before[1] + 1,
        before[2] + 1,
    ]
    assert value('bookshelf_model_info{informative="",model="recommender",') == 1
    server.post("/invented/endpoint", {})
    assert "invented" not in server.get("/metrics").text


def test_a_killed_worker_is_replaced_and_a_killed_server_starts_again(
    server: Server, wait_until: Callable[..., None]
) -> None:
    server.kill_worker()
    wait_until(server.ready, seconds=120)
    assert server.post("/price", BOOK).status_code == 200
    server.kill_parent()
    server.start()  # on the same port
    assert server.post("/price", BOOK).status_code == 200


def test_after_a_restart_the_new_champions_answer_and_a_missing_one_says_so(
    server: Server, writer: Any, promoted: dict[str, Any]
) -> None:
    writer.add("price", *promoted["price"])
    writer.demote("recommender")
    server.kill()
    server.start()
    assert server.post("/price", BOOK).json()["model"]["version"] == "2"
    away = server.post("/recommendations", {"book_id": 2})
    assert (away.status_code, fields(away)) == (503, [])
    assert "no version of recommender is champion: promote one" in away.json()["detail"]
    assert int(away.headers["retry-after"]) > 0
    assert server.post("/predictions", {"model": "recommender", "inputs": [{}]}).status_code == 503
    assert [one["name"] for one in server.post("/models", {}).json()["items"]] == ["price", "sentiment"]
    without = server.post("/training_data", {"model": "price"})
    assert (without.status_code, fields(without)) == (404, ["model"])
