"""An API on a real catalogue of its own, and a small server that speaks the model server's part."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import ValidationError
from werkzeug.security import generate_password_hash

from api.app import create_app
from api.prediction_examples import A_PREDICTION_ID, PREDICTION_EXAMPLES
from bookshelf.book import Book
from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import (
    Contract,
    PredictionsRequest,
    PriceRequest,
    RecommendationRequest,
    SentimentRequest,
    SimilarRequest,
)
from bookshelf.prediction_contracts import FeedbackRequest, PredictionLookup
from bookshelf.secrets import ADMIN_PASSWORD_HASH, SECRETS_FILE
from bookshelf.settings import Settings
from bookshelf.table_contracts import (
    FileRequest,
    TableRequest,
    TrainingDataRequest,
    TrainingFileRequest,
)
from tests.conftest import RoomyServer, wait_until

PASSWORD = "correct horse battery staple"
JWT_SECRET = "a secret of the tests that is longer than sixty-four bytes, as HS512 wants"
BOOKS = 45

QUESTIONS: dict[str, type[Contract]] = {
    "/price": PriceRequest,
    "/recommendations": RecommendationRequest,
    "/similar": SimilarRequest,
    "/sentiment": SentimentRequest,
    "/predictions": PredictionsRequest,
    "/features": TableRequest,
    "/training_data": TrainingDataRequest,
    "/features_file": FileRequest,
    "/training_data_file": TrainingFileRequest,
    "/models": Contract,
    "/prediction": PredictionLookup,
    "/replay": PredictionLookup,
    "/feedback": FeedbackRequest,
}


class ModelServer:
    """Speaks the contracts over HTTP; `mood` says how it behaves, `asked` what it was asked.

    Who asks it while it is slow is `asleep` until `woken` is set, and answered then if its mood is better.
    """

    def __init__(self) -> None:
        self.mood = "well"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.callers: list[str | None] = []
        self.asleep: list[str] = []
        self.woken = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet, or each answer waits 40 ms for an ACK

            def do_GET(self) -> None:
                server.answer(self, "/readyz")

            def do_POST(self) -> None:
                server.answer(self, self.path)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.http = RoomyServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, path: str) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self.mood == "slow" and not self.wake_up(path):
            handler.close_connection = True
            return
        if self.mood == "hangs up once":
            self.mood = "well"
            handler.close_connection = True
            return
        self.callers.append(handler.headers.get("X-Trial-Key"))
        status, reply = self.reply(path, body)
        if "lines" in reply:
            self.send_file(handler, reply["lines"])
            return
        payload = b"<html>oops</html>" if self.mood == "garbled" else json.dumps(reply).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(payload)))
        if self.mood == "busy":
            handler.send_header("Retry-After", "1")
        handler.end_headers()
        handler.wfile.write(payload)

    def wake_up(self, path: str) -> bool:
        """Sleep; whether to answer after that."""
        self.asleep.append(path)
        self.woken.wait(60)
        better = self.mood != "slow"
        self.asleep.remove(path)
        return better

    def send_file(self, handler: BaseHTTPRequestHandler, lines: list[str]) -> None:
        """In chunks; of one that breaks off the last is missing, and so is the end."""
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.send_header("Content-Disposition", 'attachment; filename="features.ndjson"')
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        whole = self.mood != "breaks off"
        chunks = [f"{len(line):x}\r\n{line}\r\n" for line in (lines if whole else lines[:1])]
        with suppress(BrokenPipeError):  # a client need not read to the end
            handler.wfile.write("".join([*chunks, *["0\r\n\r\n"] * whole]).encode())
            handler.wfile.flush()
        handler.close_connection = not whole

    def reply(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.mood == "no champion":
            return 503, a_problem(503, "no version of 'price' is on duty yet")
        if self.mood == "busy":
            return 503, a_problem(503, "the model server has 80 questions in hand")
        if self.mood == "broken":
            return 500, {"error": "An unexpected error has occurred"}
        if path == "/readyz":
            return 200, {}
        question = json.loads(body)
        self.asked.append((path, question))
        try:
            QUESTIONS[path].model_validate(question)
        except ValidationError as error:
            return 400, a_problem(400, str(error), str(error.errors()[0]["loc"]))
        return ANSWERS[path](question)


def a_problem(status: int, detail: str, field: str | None = None) -> dict[str, Any]:
    errors = [{"field": field, "message": detail}] if field else []
    return {"type": "about:blank", "title": "Problem", "status": status, "detail": detail, "errors": errors}


def a_model(name: str) -> dict[str, str]:
    return {"name": name, "version": "3"}


def a_price(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["category"] == "Unheard of":
        return 422, a_problem(422, "category: no book is in 'Unheard of'", "category")
    interval = {"low": 10.5, "high": 59.0, "coverage": 0.9}
    found = {"price": 35.07, "currency": "EUR", "interval": interval, "informative": False}
    return 200, found | {"model": a_model("price")}


def some_recommendations(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["book_id"] > BOOKS:
        return 404, a_problem(404, f"no book has the id {question['book_id']}", "book_id")
    items = [
        {"id": number, "title": f"Book {number}", "category": "Poetry", "score": 1 / number}
        for number in range(2, 2 + question["limit"])
    ]
    return 200, {"book_id": question["book_id"], "items": items, "model": a_model("recommender")}


def similar_books(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    for place, book_id in enumerate(question["like"]):
        if book_id > BOOKS:
            return 404, a_problem(404, f"no book has the id {book_id}", f"like.{place}")
    if question["text"] == "of nobody's":
        return 404, a_problem(404, "no book on offer is from the source", "filters.source")
    found = some_recommendations({"book_id": 1, "limit": question["limit"]})[1]
    return 200, {"items": found["items"], "model": found["model"]}


def a_sentiment(_question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    told = {"sentence": "Lovely.", "language": "en"}
    return 200, {"sentiment": "positive", "score": 0.8, "model": a_model("sentiment"), **told}


def some_predictions(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    items = [
        {"index": 0, "prediction": a_price({"category": "Poetry"})[1], "error": None},
        {"index": 1, "prediction": None, "error": a_problem(422, "rating: is required", "inputs.1.rating")},
    ]
    return 200, {"items": items[: len(question["inputs"])], "model": a_model("price")}


def a_table(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    rows = [{"book_id": 1, "title": "Book 1", "stock": None, "price": 51.77}]
    page = {"page": question["page"], "page_size": question["page_size"], "total": 1, "pages": 1}
    return 200, {"items": rows if question["page"] == 1 else [], **page}


def a_file(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["source"] == "unheard of":
        return 404, a_problem(404, "not told apart by source", "source")
    return 200, {"lines": [json.dumps({"book_id": number}) + "\n" for number in (1, 2, 3)]}


def a_logged_prediction(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["prediction_id"] != A_PREDICTION_ID:
        return 404, a_problem(404, "no such prediction is in the log", "prediction_id")
    return 200, PREDICTION_EXAMPLES["LoggedPrediction"]


def a_replay(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["prediction_id"] != A_PREDICTION_ID:
        return a_logged_prediction(question)
    return 200, PREDICTION_EXAMPLES["ReplayReply"]


def some_feedback(question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if question["value"] is None:
        return 422, a_problem(422, "value must be given for a prediction of the price model", "value")
    said = {name: question[name] for name in ("feedback_id", "value", "sentiment", "chosen")}
    return 200, said | {"at": "2026-02-03T10:12:45Z"}


def served_models(_question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"items": [{"name": "price", "version": "3", "run_id": "abc", "informative": False}]}


ANSWERS: dict[str, Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]] = {
    "/price": a_price,
    "/recommendations": some_recommendations,
    "/similar": similar_books,
    "/sentiment": a_sentiment,
    "/predictions": some_predictions,
    "/features": a_table,
    "/training_data": a_table,
    "/features_file": a_file,
    "/training_data_file": a_file,
    "/models": served_models,
    "/prediction": a_logged_prediction,
    "/replay": a_replay,
    "/feedback": some_feedback,
}


def book_number(number: int) -> Book:
    """Prices rise by 1.01 from £10.00, ratings go round from 1 to 5, every tenth book is sold out."""
    stock = 0 if number % 10 == 0 else number
    return Book(
        upc=f"upc-{number}",
        title="A Light in the Attic" if number == 1 else f"Book {number} of 100% Wonder",
        price=Decimal("10.00") + Decimal("1.01") * (number - 1),
        rating=(number - 1) % 5 + 1,
        availability="In stock" if stock else "Out of stock",
        stock=stock,
        category="Poetry" if number <= 15 else "Science Fiction",
        image=f"https://shop.test/{number}.jpg",
        thumbnail=f"https://shop.test/{number}-small.jpg",
        description="" if number == 2 else f"It is book {number}… ...more",
        url=f"https://shop.test/{number}",
    )


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture(autouse=True)
def calm(model_server: ModelServer) -> Iterator[None]:
    model_server.mood = "well"
    model_server.woken.clear()
    model_server.asked.clear()
    model_server.callers.clear()
    yield
    model_server.woken.set()
    wait_until(lambda: not model_server.asleep)  # or the next test would find their questions


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not taken for a dependency that is away."""
    monkeypatch.setattr("api.health.PROBE_TIMEOUT", timedelta(seconds=60))


@pytest.fixture(scope="session")
def apps() -> list[Flask]:
    """Those that are in use."""
    return []


@pytest.fixture(autouse=True)
def let_go(apps: list[Flask]) -> Iterator[None]:
    """No app of a test's own keeps threads and connections, of which PostgreSQL has a hundred, for the next.

    They would be let go by the collector, which takes its time where other tests have filled the memory.
    """
    others = len(apps)
    yield
    for app in apps[others:]:
        app.extensions["bookshelf"].catalogue.engine.dispose()
        app.extensions["bookshelf"].probes.shutdown(wait=False)
    del apps[others:]


@pytest.fixture(scope="session")
def make_app(model_server: ModelServer, apps: list[Flask]) -> Callable[..., Flask]:
    """An app on the given home, with its `books` published there, and any settings by variable."""
    kept = json.dumps({ADMIN_PASSWORD_HASH: generate_password_hash(PASSWORD, method="scrypt")})

    def make(home: Path, books: int = BOOKS, **variables: str) -> Flask:
        home.mkdir(parents=True, exist_ok=True)
        (home / SECRETS_FILE).write_text(kept)  # a password in the environment is hashed by each app anew
        given = {
            "BOOKSHELF_HOME": str(home),
            "BOOKSHELF_ADMIN_PASSWORD": "",
            "BOOKSHELF_JWT_SECRET": JWT_SECRET,
            "BOOKSHELF_DATABASE_URL": "",
            "BOOKSHELF_MODEL_TIMEOUT": "PT60S",
            "BENTO_PORT": str(model_server.port),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (given | variables).items():
                patch.setenv(name, value)
            settings = Settings()
        if books:
            catalogue = Catalogue.open(settings.catalogue_url)
            catalogue.publish(
                [book_number(number + 1) for number in range(books)], "https://shop.test/", now()
            )
            catalogue.engine.dispose()
        apps.append(create_app(settings))
        return apps[-1]

    return make


@pytest.fixture(scope="session")
def app(make_app: Callable[..., Flask], tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def tokens(client: FlaskClient) -> dict[str, Any]:
    reply = client.post("/api/v1/auth/login", json={"username": "admin", "password": PASSWORD})
    assert reply.status_code == 200, reply.text
    return json.loads(reply.data)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def as_admin(tokens: dict[str, Any]) -> dict[str, str]:
    """The headers of a request of the admin's."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


Refused = Callable[[Any, int], list[str]]


@pytest.fixture(scope="session")
def refused() -> Refused:
    """Check that a reply is a problem document of that status; gives the names of the fields at fault."""

    def fields(reply: Any, status: int) -> list[str]:
        assert reply.status_code == status, reply.text
        assert reply.content_type == "application/problem+json"
        assert reply.json["status"] == status
        assert reply.json["title"]
        assert reply.json["detail"]
        assert "Traceback" not in reply.text
        return [error["field"] for error in reply.json["errors"]]

    return fields
