"""A real `bentoml serve` on a real registry and online store: attacked, swapped, killed, restarted."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LinearRegression

from bookshelf.book import ListedBook
from bookshelf.contracts import MODEL_NAMES, Problem
from bookshelf.prediction import new_id
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import ROOT, Settings
from features.embedding import Encoder
from features.layers import LayeredEncoder
from features.price import PriceRegressor
from features.price_columns import INPUTS
from features.recommender import BookRecommender
from features.tabular import book_frame
from tests.conftest import wait_until
from tests.serving.attacks import ATTACKS, BOOK, TEXT
from tests.serving.server import Load, Server

pytestmark = pytest.mark.slow

TAKEN_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)

SWAPS = 20
BENTO_CODE = ("bookshelf", "features", "serving")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def writer(home: Settings, registry_writer: Any) -> Any:
    return registry_writer(home)


def a_passage(encoder: Encoder) -> pd.DataFrame:
    vector = LayeredEncoder.over(encoder).embed(["A text."])[0].astype(np.float64)
    return pd.DataFrame({"description": ["A text."], "layers": pd.Series([vector], dtype=object)})


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
    number = writer.add("encoder", encoder.model, ["A text."])
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
def server(home: Settings, promoted: dict[str, Any], folder: Path) -> Iterator[Server]:
    assert set(promoted) == set(MODEL_NAMES)
    running = Server(home, folder, wait_until)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bento(server: Server) -> Path:
    return server.build()


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


def test_past_its_queue_the_server_refuses_at_once_and_answers_again_when_the_rush_is_over(
    server: Server,
) -> None:
    answers = asyncio.run(rush(server, "/price", {"book_id": 2}, callers=400))
    refusals = [rest for status, rest in answers if status == 503]
    assert {status for status, _ in answers} == {200, 503}
    assert sum(status == 200 for status, _ in answers) >= 16
    assert refusals
    for head, _, body in (rest.partition("\r\n\r\n") for rest in refusals):
        assert "retry-after: 1" in head.lower()
        assert Problem.model_validate_json(body).status == 503
    assert [server.post("/price", {"book_id": 2}).status_code for _ in range(5)] == [200] * 5
    told = server.get("/metrics").text
    counted = [line for line in told.splitlines() if 'bookshelf_queue_refused_total{kind="price"' in line]
    assert sum(float(line.rpartition(" ")[2]) for line in counted) == len(refusals)
    assert 'bookshelf_queue_length{kind="price"} 0.0' in told


async def rush(server: Server, path: str, body: Any, callers: int) -> list[tuple[int, str]]:
    """So many ask in the same moment, each once: status and the rest of each answer."""
    sent = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: application/json\r\n"
    question = f"{head}Content-Length: {len(sent)}\r\n\r\n{sent}".encode()
    lines = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(callers)))
    with server.held():  # or it might have answered the first before the last could ask
        for _, writer in lines:
            writer.write(question)
            await writer.drain()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, str]:
        told = (await asyncio.wait_for(reader.read(), timeout=120)).decode()
        writer.close()
        return int(told.split(" ")[1]), told

    return list(await asyncio.gather(*(answer(*line) for line in lines)))


@pytest.fixture(scope="module")
def broken(server: Server, writer: Any, promoted: dict[str, Any]) -> dict[str, str]:
    """Versions of the price model that cannot be served, each in its own way, with what is said of it."""
    assert server.served("price")["version"], "the first version is the champion before any other is there"
    colours = pd.DataFrame({"rating": [1.0, 2.0, 3.0], "colour": [0.0, 1.0, 0.0]})
    strange = LinearRegression().fit(colours, [1.0, 2.0, 3.0])
    good, example = promoted["price"]
    damaged = writer.add("price", good, example, champion=False)
    writer.file("price", damaged, "model.skops").write_bytes(b"rubbish")
    undescribed = writer.add("price", good, example, champion=False)
    writer.file("price", undescribed, "MLmodel").unlink()
    return {
        damaged: "cannot be served",
        undescribed: "cannot be served",
        writer.add("price", good, None, champion=False): "has no signature",
        writer.add("price", strange, colours, champion=False): "colour",
        writer.add("price", *promoted["sentiment"], champion=False): "layers",
    }


def test_versions_swap_under_load_without_a_failure_and_broken_ones_are_refused(
    server: Server,
    writer: Any,
    promoted: dict[str, Any],
    broken: dict[str, str],
) -> None:
    with Load(server, ("/price", BOOK), ("/price", {"book_id": 2}), ("/sentiment", TEXT)) as load:
        first = server.served("price")["version"]
        second = writer.add("price", *promoted["price"])
        good, bad, took = itertools.cycle([second, first]), iter(broken), list[float]()
        for turn in range(SWAPS):
            refused = turn % (SWAPS // len(broken)) == 1
            wanted = next(bad if refused else good)
            writer.appoint("price", wanted)
            began = time.monotonic()
            wait_until(lambda: _is_settled(server, wanted, refused=refused))  # noqa: B023
            took.append(time.monotonic() - began)
            if refused:
                assert broken[wanted] in server.served("price")["refused"]
                assert broken[wanted] in writer.tags("price", wanted)["serving"]
        info = [line for line in server.get("/metrics").text.splitlines() if "refused" in line]
    assert median(took) < 10
    assert next(bad, None) is None
    assert {status for status, _ in load.answers} == {200}
    assert {name for _, name in load.answers} == {f"price/{first}", f"price/{second}", "sentiment/1"}
    assert load.asked > 100
    counted = f'bookshelf_model_swaps_total{{model="price",outcome="refused"}} {len(broken)}.0'
    assert any(counted in line for line in info)


def _is_settled(server: Server, wanted: str, *, refused: bool) -> bool:
    price = server.served("price")
    if price["wanted_version"] != wanted:
        return False
    return price["refused"] is not None if refused else price["version"] == wanted


def test_a_rollback_answers_within_ten_seconds_and_the_answer_names_the_version(
    server: Server, writer: Any, promoted: dict[str, Any]
) -> None:
    before = server.post("/price", BOOK).json()["model"]["version"]
    writer.add("price", *promoted["price"])
    wait_until(lambda: server.post("/price", BOOK).json()["model"]["version"] != before)
    writer.appoint("price", before)
    began, named = time.monotonic(), f"price/{before}"
    wait_until(lambda: server.post("/price", BOOK).headers["x-model-version"] == named)
    assert time.monotonic() - began < 10
    wait_until(lambda: writer.tags("price", before)["serving"].startswith("serving since "))


def test_two_hundred_predictions_replay_equal_after_two_promotions(
    server: Server, writer: Any, promoted: dict[str, Any], listed: Any
) -> None:
    made = [_id_of(server, *question) for question in _questions(200)]
    many = {"model": "price", "inputs": [{"book_id": 3}, BOOK]}
    made += [one["prediction"]["prediction_id"] for one in server.post("/predictions", many).json()["items"]]
    before = server.post("/price", BOOK).json()["price"]
    for alpha in (10.0, 1_000.0):
        for name, (model, example) in _retrained(promoted, listed, alpha).items():
            number = writer.add(name, model, example, **writer.tags(name, "1"))
            wait_until(lambda: server.served(name)["version"] == number)  # noqa: B023
    assert abs(server.post("/price", BOOK).json()["price"] - before) > 0.1
    replays = [server.post("/replay", {"prediction_id": one}).json() for one in made]
    assert [one for one in replays if not one["equal"]] == []
    assert max(one["largest_difference"] for one in replays) <= 1e-6
    assert {one["model"]["name"] for one in replays} == set(MODEL_NAMES)


def _questions(number: int) -> Iterator[tuple[str, Any]]:
    """By books and by features, alone, by likes, words and filters, in random order."""
    drawn = np.random.default_rng(5)
    for _ in range(number):
        book_id, rating, kind = (int(drawn.integers(1, most)) for most in (60, 6, 7))
        words = " ".join(drawn.choice(["a", "warm", "dull", "tale", "of", "the", "sea", "wonderful"], 6))
        wish = {"like": [book_id], "text": words, "filters": {"max_price": 40.0}, "diversity": 0.3}
        yield [
            ("/price", {"book_id": book_id}),
            ("/price", BOOK | {"rating": rating, "description": words}),
            ("/recommendations", {"book_id": book_id, "limit": 7}),
            ("/similar", wish),
            ("/similar", {"text": words}),
            ("/sentiment", {"description": words}),
        ][kind - 1]


def _retrained(promoted: dict[str, Any], listed: Any, alpha: float) -> dict[str, Any]:
    """Prices and neighbours that are otherwise than those of the versions on duty."""
    rows = book_frame(listed, TAKEN_AT, TAKEN_AT).astype({"rating": "float64", "stock": "float64"})
    price = PriceRegressor("ridge", alpha=alpha).fit(rows, rows["price"].to_numpy() + alpha)
    vectors = np.random.default_rng(int(alpha)).normal(size=(len(rows), 384))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    models = {"price": price, "recommender": BookRecommender().fit(rows, unit)}
    # The tone of a text comes from the encoder, which all versions share: another number is enough of it.
    return promoted | {name: (model, promoted[name][1]) for name, model in models.items()}


def _id_of(server: Server, path: str, body: Any) -> str:
    made: str = server.post(path, body).json()["prediction_id"]
    return made


def test_feedback_is_shown_with_its_prediction_and_must_be_about_its_model(server: Server) -> None:
    made = _id_of(server, "/sentiment", TEXT)
    said = {"prediction_id": made, "feedback_id": str(uuid4())}
    assert fields(server.post("/feedback", said | {"value": 3.0})) == ["value"]
    kept = server.post("/feedback", said | {"sentiment": "neutral"})
    assert kept.status_code == 200
    shown = server.post("/prediction", {"prediction_id": made}).json()
    assert (shown["inputs"], shown["role"], shown["feedback"]) == (TEXT, "champion", [kept.json()])
    nowhere = server.post("/prediction", {"prediction_id": new_id(TAKEN_AT)})
    assert (nowhere.status_code, fields(nowhere)) == (404, ["prediction_id"])


def test_a_prediction_whose_version_is_gone_says_so(
    server: Server, writer: Any, promoted: dict[str, Any]
) -> None:
    before = server.served("price")["version"]
    gone = writer.add("price", *promoted["price"])
    wait_until(lambda: server.served("price")["version"] == gone)
    made = _id_of(server, "/price", {"book_id": 2})
    writer.appoint("price", before)
    wait_until(lambda: server.served("price")["version"] == before)
    writer.delete("price", gone)
    answer = server.post("/replay", {"prediction_id": made})
    assert (answer.status_code, fields(answer)) == (404, ["prediction_id"])
    assert f"price version {gone}, which made it, is not there any more" in answer.json()["detail"]


def test_a_killed_worker_is_replaced_and_a_killed_server_starts_again_without_the_registry(
    server: Server, home: Settings, nobodys_port: int
) -> None:
    version = server.served("price")["version"]
    acknowledged = [_id_of(server, "/price", {"book_id": number % 60 + 1}) for number in range(100)]
    last = UUID(acknowledged[-1])
    wait_until(lambda: PredictionFiles(home.home).find(last) is not None)  # it writes in order
    server.kill_worker()
    wait_until(server.ready, seconds=300)
    assert server.post("/price", BOOK).status_code == 200
    found = [server.post("/prediction", {"prediction_id": one}).status_code for one in acknowledged]
    assert found == [200] * 100
    server.kill_parent()
    server.start(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{nobodys_port}")  # on the same port
    for path, body in (("/price", BOOK), ("/sentiment", TEXT), ("/recommendations", {"book_id": 2})):
        assert server.post(path, body).status_code == 200
    assert server.served("price")["version"] == version
    assert "bookshelf_registry_reachable 0.0" in server.get("/metrics").text


def test_a_bento_has_what_it_serves_with_pinned_packages_and_nothing_else(bento: Path) -> None:
    files = {str(path.relative_to(bento / "src")) for path in (bento / "src").rglob("*") if path.is_file()}
    code = {str(path.relative_to(ROOT)) for name in BENTO_CODE for path in (ROOT / name).rglob("*.py")}
    assert files == code | {"bentofile.yaml", "feature_repo/feature_store.yaml"}
    pinned = (bento / "env" / "python" / "requirements.txt").read_text().split()
    assert set((ROOT / "requirements.lock").read_text().split()) <= set(pinned)


def test_after_a_restart_as_a_bento_the_new_champions_answer_and_a_missing_one_says_so(
    server: Server, writer: Any, promoted: dict[str, Any], bento: Path, folder: Path
) -> None:
    server.kill()
    number = writer.add("price", *promoted["price"])
    writer.demote("recommender")
    package = bento / "src" / "bookshelf" / "__init__.py"  # there is another copy in the environment
    package.write_text("import sys\n\nprint(__file__, file=sys.stderr)\n")
    server.start("bookshelf-service:latest", cwd=folder, PYTHONPATH="")
    assert str(package) in server.log
    assert server.post("/price", BOOK).json()["model"]["version"] == number
    away = server.post("/recommendations", {"book_id": 2})
    assert (away.status_code, fields(away)) == (503, [])
    assert "no version of recommender is champion: promote one" in away.json()["detail"]
    assert int(away.headers["retry-after"]) > 0
    assert server.post("/predictions", {"model": "recommender", "inputs": [{}]}).status_code == 503
    assert server.served("recommender")["version"] is None
    assert "promote one" in server.served("recommender")["refused"]
    without = server.post("/training_data", {"model": "price"})
    assert (without.status_code, fields(without)) == (404, ["model"])
