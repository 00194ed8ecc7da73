"""What passes through the gateway, and what is answered while the model server cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.gateway import MAX_CALLS
from tests.conftest import wait_until

PRICE = "/api/v1/ml/predict/price"
A_BOOK = {"rating": 4, "category": "Poetry", "availability": "In stock"}
GETS = (
    "/api/v1/ml/recommendations/1",
    "/api/v1/ml/features",
    "/api/v1/ml/training-data",
)

Refused = Callable[[Any, int], list[str]]


def test_a_price_comes_with_its_interval_and_its_model(client: Any, model_server: Any) -> None:
    assert client.post(PRICE, json=A_BOOK).json == {
        "prediction_id": None,
        "arm": None,
        "price": 35.07,
        "currency": "EUR",
        "interval": {"low": 10.5, "high": 59.0, "coverage": 0.9},
        "informative": False,
        "model": {"name": "price", "version": "3"},
        "features": None,
    }
    [(path, question)] = model_server.asked
    assert path == "/price"
    assert {name: value for name, value in question.items() if value is not None} == A_BOOK


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (PRICE, A_BOOK, "price/3"),
        ("/api/v1/ml/sentiment", {"description": "Lovely."}, "sentiment/3"),
        ("/api/v1/ml/predictions", {"model": "price", "inputs": [A_BOOK]}, "price/3"),
        ("/api/v1/ml/recommendations/7", None, "recommender/3"),
    ],
)
def test_every_answer_of_a_model_names_it_in_a_header(
    client: Any, path: str, body: dict[str, Any] | None, named: str
) -> None:
    reply = client.get(path) if body is None else client.post(path, json=body)
    assert reply.headers["X-Model-Version"] == named
    documented = client.get("/apidocs/openapi.json").json["paths"][path.replace("/7", "/{book_id}")]
    [operation] = documented.values()
    assert "X-Model-Version" in operation["responses"]["200"]["headers"]


def test_who_asks_is_passed_on_so_that_a_trial_can_tell_callers_apart(
    client: Any, model_server: Any, refused: Refused
) -> None:
    text, liked = {"description": "Lovely."}, {"like": [1]}
    asked = {PRICE: A_BOOK, "/api/v1/ml/sentiment": text, "/api/v1/ml/recommendations": liked}
    asked["/api/v1/ml/predictions"] = {"model": "price", "inputs": [A_BOOK]}
    for path, body in asked.items():
        assert client.post(path, json=body, headers={"X-Trial-Key": "session 7"}).status_code == 200
    assert client.get(GETS[0], headers={"X-Trial-Key": "session 7"}).status_code == 200
    assert client.post(PRICE, json=A_BOOK).status_code == 200
    assert model_server.callers == ["session 7"] * 5 + [None]
    for key in ("", "x" * 201, "Zoë"):
        reply = client.post(PRICE, json=A_BOOK, headers={"X-Trial-Key": key})
        assert refused(reply, 422) == ["X-Trial-Key"]


def test_recommendations_are_asked_for_by_id_and_limit(client: Any, model_server: Any) -> None:
    found = client.get("/api/v1/ml/recommendations/7?limit=3").json
    assert (found["book_id"], len(found["items"])) == (7, 3)
    assert set(found["items"][0]) == {"id", "title", "category", "score", "why"}
    client.get("/api/v1/ml/recommendations/7")
    assert model_server.asked == [
        ("/recommendations", {"book_id": 7, "limit": 3}),
        ("/recommendations", {"book_id": 7, "limit": 5}),
    ]


def test_what_is_liked_disliked_and_filtered_is_passed_on(
    client: Any, model_server: Any, refused: Refused
) -> None:
    question = {
        "like": [3, 4],
        "dislike": [5],
        "text": "poems about the sea",
        "filters": {"category": "Poetry", "min_price": 5, "max_price": 40, "in_stock": True, "source": "a"},
        "limit": 2,
        "diversity": 0.5,
    }
    reply = client.post("/api/v1/ml/recommendations", json=question)
    assert [item["id"] for item in reply.json["items"]] == [2, 3]
    assert model_server.asked == [("/similar", question)]
    unknown = client.post("/api/v1/ml/recommendations", json={"like": [1, 5000]})
    assert refused(unknown, 404) == ["like.1"]


def test_a_sentiment_has_a_score_a_sentence_and_a_language(client: Any) -> None:
    reply = client.post("/api/v1/ml/sentiment", json={"description": "Lovely."})
    assert reply.json == {
        "prediction_id": None,
        "arm": None,
        "sentiment": "positive",
        "score": 0.8,
        "model": {"name": "sentiment", "version": "3"},
        "sentence": "Lovely.",
        "language": "en",
    }


def test_of_many_inputs_each_has_its_own_answer(client: Any) -> None:
    reply = client.post("/api/v1/ml/predictions", json={"model": "price", "inputs": [A_BOOK, {}]})
    [good, bad] = reply.json["items"]
    assert (good["prediction"]["price"], good["error"]) == (35.07, None)
    assert (bad["prediction"], bad["error"]["errors"][0]["field"]) == (None, "inputs.1.rating")


def test_a_number_beyond_all_bounds_among_many_inputs_is_not_passed_on_as_nothing(
    client: Any, model_server: Any
) -> None:
    body = '{"model": "price", "inputs": [{"rating": 4, "stock": 1e400}]}'
    client.post("/api/v1/ml/predictions", data=body, content_type="application/json")
    [(_, question)] = model_server.asked
    assert question["inputs"] == [{"rating": 4, "stock": math.inf}]


def test_tables_are_rows_ready_for_a_data_frame(client: Any, model_server: Any) -> None:
    found = client.get("/api/v1/ml/features").json
    assert found["items"] == [{"book_id": 1, "title": "Book 1", "stock": None, "price": 51.77}]
    client.get("/api/v1/ml/training-data?model=sentiment&page=2&page_size=10000")
    assert model_server.asked == [
        ("/features", {"as_of": None, "source": None, "page": 1, "page_size": 1000}),
        (
            "/training_data",
            {"as_of": None, "source": None, "page": 2, "page_size": 10_000, "model": "sentiment"},
        ),
    ]


@pytest.mark.parametrize("table", ["features", "training-data"])
def test_moment_and_source_of_a_table_are_passed_on(client: Any, model_server: Any, table: str) -> None:
    asked = client.get(f"/api/v1/ml/{table}?as_of=2024-05-01T14:00:00+02:00&source=https://shop.test/")
    assert asked.status_code == 200, asked.text
    [(_, question)] = model_server.asked
    assert (question["as_of"], question["source"]) == ("2024-05-01T12:00:00Z", "https://shop.test/")


def test_the_served_models_are_listed(client: Any) -> None:
    assert client.get("/api/v1/ml/models").json["items"][0]["version"] == "3"


def test_what_the_model_server_refuses_is_passed_on_as_it_is(client: Any, refused: Refused) -> None:
    unknown = client.post(PRICE, json=A_BOOK | {"category": "Unheard of"})
    assert refused(unknown, 422) == ["category"]
    assert unknown.json["detail"] == "category: no book is in 'Unheard of'"
    assert refused(client.get("/api/v1/ml/recommendations/5000"), 404) == ["book_id"]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("no champion", "no version of 'price' is on duty yet"),
        ("broken", "the model server answered 500"),
        ("garbled", "breaks the contract"),
    ],
)
def test_a_model_server_that_cannot_answer_is_a_503_that_says_when_to_ask_again(
    client: Any, model_server: Any, refused: Refused, mood: str, words: str
) -> None:
    model_server.mood = mood
    reply = client.post(PRICE, json=A_BOOK)
    assert refused(reply, 503) == []
    assert words in reply.json["detail"]
    assert int(reply.headers["Retry-After"]) > 0


def test_a_model_server_that_does_not_answer_in_time_is_not_waited_for(
    make_app: Callable[..., Any], tmp_path: Path, model_server: Any, refused: Refused
) -> None:
    model_server.mood = "slow"
    reply = make_app(tmp_path, BOOKSHELF_MODEL_TIMEOUT="PT0.2S").test_client().post(PRICE, json=A_BOOK)
    assert refused(reply, 503) == []
    assert reply.json["detail"] == "the model server did not answer in time"
    assert reply.headers["Retry-After"] == "5"
    wait_until(lambda: model_server.asleep == ["/price"])  # or the next test might be asked in its place


def test_a_kept_connection_that_was_closed_is_opened_again(client: Any, model_server: Any) -> None:
    assert client.post(PRICE, json=A_BOOK).status_code == 200
    model_server.mood = "hangs up once"
    assert client.post(PRICE, json=A_BOOK).status_code == 200


def test_a_model_server_with_too_much_in_hand_says_itself_when_to_ask_again(
    client: Any, model_server: Any, refused: Refused
) -> None:
    model_server.mood = "busy"
    reply = client.post(PRICE, json=A_BOOK)
    assert refused(reply, 503) == []
    assert "80 questions in hand" in reply.json["detail"]
    assert reply.headers["Retry-After"] == "1"
    assert client.get("/api/v1/books").status_code == 200


def test_with_the_model_server_down_books_answer_and_models_say_503(
    make_app: Callable[..., Any], tmp_path: Path, refused: Refused
) -> None:
    client = make_app(tmp_path, BENTO_PORT="9").test_client()
    for address in GETS:
        reply = client.get(address)
        assert refused(reply, 503) == []
        assert reply.headers["Retry-After"]
        assert reply.json["detail"] == "the model server is not there"
    assert client.get("/api/v1/books").status_code == 200


def test_more_calls_than_may_wait_are_turned_away_and_books_still_answer(
    make_app: Callable[..., Any], tmp_path: Path, model_server: Any, refused: Refused
) -> None:
    app = make_app(tmp_path)
    model_server.mood = "slow"
    with ThreadPoolExecutor(MAX_CALLS) as callers:
        asked = [callers.submit(app.test_client().post, PRICE, json=A_BOOK) for _ in range(MAX_CALLS)]
        wait_until(lambda: len(model_server.asleep) == MAX_CALLS)
        turned_away = app.test_client().post(PRICE, json=A_BOOK)
        books = app.test_client().get("/api/v1/books")
        waited = not any(call.done() for call in asked)
        model_server.mood = "well"
        model_server.woken.set()
        assert [call.result().status_code for call in asked] == [200] * MAX_CALLS
    assert refused(turned_away, 503) == []
    assert turned_away.json["detail"] == "the model server has more questions waiting than it can answer"
    assert turned_away.headers["Retry-After"] == "1"
    assert (books.status_code, waited) == (200, True)
