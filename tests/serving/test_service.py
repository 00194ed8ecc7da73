"""Every endpoint over HTTP, with real models in this process."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from bookshelf.contracts import (
    MODEL_NAMES,
    PredictionsReply,
    PriceReply,
    Problem,
    RecommendationReply,
    SentimentReply,
    SimilarReply,
)
from features.embedding import Encoder
from features.price import PriceRegressor

BOOK = {"rating": 4, "category": "Fiction", "availability": "In stock"}


def counted(method: Callable[[Any, Any], Any], sizes: list[int]) -> Callable[[Any, Any], Any]:
    """The method, noting how many rows each call is given."""

    def counting(self: Any, rows: Any) -> Any:
        sizes.append(len(rows))
        return method(self, rows)

    return counting


def fields(answer: Any) -> list[str]:
    document = Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert document.status == answer.status_code
    return [one.field for one in document.errors]


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer says, without the id that no other has."""
    assert answer["prediction_id"]
    return {name: value for name, value in answer.items() if name != "prediction_id"}


def description_of(client: TestClient, book_id: int) -> str:
    [row] = client.post("/features", json={"page": book_id, "page_size": 1}).json()["items"]
    return str(row["description"])


def test_a_price_by_features_follows_them_and_names_the_version(client: TestClient) -> None:
    answer = client.post("/price", json=BOOK | {"stock": 3})
    reply = PriceReply.model_validate_json(answer.content)
    assert reply.price == pytest.approx(30, abs=2)  # £10, and £5 a star, in Fiction
    assert reply.interval.low <= reply.price <= reply.interval.high
    assert (reply.interval.coverage, reply.informative) == (0.9, True)
    assert (reply.model.name, reply.model.version) == ("price", "3")


def test_a_price_by_id_is_the_price_by_the_features_the_store_has(client: TestClient) -> None:
    by_id = client.post("/price", json={"book_id": 2})
    by_features = client.post(
        "/price",
        json={
            "rating": 3,
            "category": "Travel",
            "availability": "In stock",
            "stock": 2,
            "title": "Book number 2",
            "description": description_of(client, 2),
        },
    )
    assert told(by_id.json()) | {"features": None} == told(by_features.json())


def test_a_price_by_id_tells_how_fresh_its_features_are_and_one_by_features_has_none(
    client: TestClient,
) -> None:
    told = client.post("/price", json={"book_id": 2}).json()["features"]
    assert (told["service"], told["limit_seconds"], told["missing"]) == ("price_model", 48 * 3600, [])
    assert told["status"] == "STALE"  # the shop was read in 2025
    assert told["age_seconds"] > 48 * 3600
    assert client.post("/price", json=BOOK).json()["features"] is None


def test_every_answer_of_a_model_names_it_in_a_header(client: TestClient) -> None:
    asked = {
        "/price": BOOK,
        "/recommendations": {"book_id": 2},
        "/sentiment": {"description": "Fine."},
        "/predictions": {"model": "price", "inputs": [BOOK]},
    }
    told = [client.post(path, json=body).headers["x-model-version"] for path, body in asked.items()]
    assert told == ["price/3", "recommender/5", "sentiment/8", "price/3"]


def test_a_description_means_the_same_with_the_teaser_that_a_shop_puts_before_it(client: TestClient) -> None:
    text = "A long story of the sea and of those who live by it, told in letters to a friend at home."
    plain, folded = (
        told(client.post("/price", json=BOOK | {"description": one}).json())
        for one in (text, f"{text[:60]}{text} ...more")
    )
    assert plain == folded


def test_a_book_that_the_store_does_not_know_is_not_found(client: TestClient) -> None:
    answer = client.post("/price", json={"book_id": 61})
    assert (answer.status_code, fields(answer)) == (404, ["book_id"])


def test_an_unknown_category_is_told_some_of_the_known(client: TestClient) -> None:
    answer = client.post("/price", json=BOOK | {"category": "Cooking"})
    assert (answer.status_code, fields(answer)) == (422, ["category"])
    assert "'Fiction', 'Poetry', 'Travel', got 'Cooking'" in answer.json()["detail"]


def test_recommendations_are_the_nearest_books_with_the_best_first(client: TestClient) -> None:
    answer = client.post("/recommendations", json={"book_id": 2, "limit": 7})
    reply = RecommendationReply.model_validate_json(answer.content)
    scores = [one.score for one in reply.items]
    assert (len(reply.items), scores) == (7, sorted(scores, reverse=True))
    assert 2 not in [one.id for one in reply.items]
    assert (reply.model.name, reply.model.version) == ("recommender", "5")


def test_a_book_that_the_recommender_does_not_know_is_not_found(client: TestClient) -> None:
    answer = client.post("/recommendations", json={"book_id": 999_999})
    assert (answer.status_code, fields(answer)) == (404, ["book_id"])


def test_books_near_what_is_liked_and_said_come_with_their_reasons(client: TestClient) -> None:
    asked = {
        "like": [2],
        "dislike": [3],
        "text": "poems of the sea",
        "filters": {"in_stock": True},
        "limit": 4,
    }
    reply = SimilarReply.model_validate_json(client.post("/similar", json=asked).content)
    assert len(reply.items) == 4
    assert not {2, 3} & {one.id for one in reply.items}
    assert (reply.model.name, reply.model.version) == ("recommender", "5")
    unknown = client.post("/similar", json={"like": [2, 999_999]})
    assert (unknown.status_code, fields(unknown)) == (404, ["like.1"])
    empty = client.post("/similar", json={"dislike": [2]})
    assert (empty.status_code, fields(empty)) == (422, ["text"])


def test_a_sentiment_has_a_score_between_minus_one_and_one(client: TestClient) -> None:
    texts = ("I loved this wonderful book, it is a delight.", "I hated this dull book, it is a waste.")
    good, bad = (client.post("/sentiment", json={"description": text}) for text in texts)
    reply = SentimentReply.model_validate_json(good.content)
    assert (reply.sentiment, bad.json()["sentiment"]) == ("positive", "negative")
    assert -1 <= bad.json()["score"] < 0 < reply.score <= 1
    assert (reply.model.name, reply.model.version) == ("sentiment", "8")


def test_a_sentiment_names_the_language_and_the_sentence_that_decided(client: TestClient) -> None:
    plain, decisive = (
        "The book has twelve chapters and an index.",
        "I hated every tedious page of this novel.",
    )
    answer = client.post("/sentiment", json={"description": f"{plain} {decisive}"}).json()
    assert (answer["sentence"], answer["language"]) == (decisive, "en")


def test_a_text_in_another_language_is_not_pretended_to_be_understood(client: TestClient) -> None:
    text = "Un livre merveilleux, tendre et drôle, que j'ai adoré du début à la fin."
    answer = client.post("/sentiment", json={"description": text}).json()
    assert answer["language"] == "fr"
    assert (answer["sentiment"], answer["score"], answer["sentence"]) == ("neutral", 0.0, None)


def test_a_description_of_nothing_but_a_fold_is_refused(client: TestClient) -> None:
    answer = client.post("/sentiment", json={"description": " ...more"})
    assert (answer.status_code, fields(answer)) == (422, ["description"])


def test_many_prices_have_one_answer_each_in_order_and_the_bad_spoil_only_their_own(
    client: TestClient,
) -> None:
    inputs = [
        {"book_id": 2},
        BOOK | {"rating": 6},
        BOOK,
        {"book_id": 61},
        BOOK | {"category": "Cooking"},
        {},
        BOOK | {"book_id": 3},
        {"book_id": 3},
    ]
    answer = client.post("/predictions", json={"model": "price", "inputs": inputs})
    reply = PredictionsReply.model_validate_json(answer.content)
    assert [one.index for one in reply.items] == list(range(8))
    errors = {one.index: one.error for one in reply.items if one.error}
    assert {
        index: (error.status, {one.field for one in error.errors}) for index, error in errors.items()
    } == {
        1: (422, {"inputs.1.rating"}),
        3: (404, {"inputs.3.book_id"}),
        4: (422, {"inputs.4.category"}),
        5: (422, {"inputs.5.rating", "inputs.5.category", "inputs.5.availability"}),
        6: (422, {"inputs.6.rating", "inputs.6.category", "inputs.6.availability"}),
    }
    alone = told(client.post("/price", json={"book_id": 3}).json())
    many = told(answer.json()["items"][7]["prediction"])
    assert many | {"features": None} == alone | {"features": None}
    assert many["features"]["status"] == alone["features"]["status"]


@pytest.mark.parametrize(
    ("model", "path", "one"),
    [
        ("price", "/price", BOOK),
        ("recommender", "/recommendations", {"book_id": 4, "limit": 3}),
        ("sentiment", "/sentiment", {"description": "A dull book."}),
    ],
)
def test_asking_for_many_gives_what_asking_alone_gives(
    client: TestClient, model: str, path: str, one: dict[str, Any]
) -> None:
    items = client.post("/predictions", json={"model": model, "inputs": [one] * 70}).json()["items"]
    alone = told(client.post(path, json=one).json())
    score = alone.pop("score", None)
    for item in items:
        assert item["error"] is None
        if score is not None:  # texts in one batch are padded, which moves the last digits
            assert item["prediction"].pop("score") == pytest.approx(score, abs=1e-5)
        assert told(item["prediction"]) == alone
    assert len({item["prediction"]["prediction_id"] for item in items}) == 70


def test_texts_that_were_read_together_replay_exactly_one_by_one(client: TestClient) -> None:
    texts = [f"It is number {n}. {'A wonderful tale of the sea. ' * (n % 9)}" for n in range(40)]
    many = {"model": "sentiment", "inputs": [{"description": text} for text in texts]}
    for item in client.post("/predictions", json=many).json()["items"]:
        asked = {"prediction_id": item["prediction"]["prediction_id"]}
        replayed = client.post("/replay", json=asked).json()
        assert (replayed["equal"], replayed["largest_difference"]) == (True, 0.0)


def test_many_prices_are_one_prediction_and_many_texts_one_encoding(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    for owner, method in ((PriceRegressor, "predict"), (Encoder, "embed")):
        monkeypatch.setattr(owner, method, counted(getattr(owner, method), calls))
    client.post("/predictions", json={"model": "price", "inputs": [BOOK] * 100})
    client.post("/predictions", json={"model": "sentiment", "inputs": [{"description": "Fine."}] * 30})
    assert calls == [100, 30]


def test_a_long_batch_of_texts_is_judged_in_parts_so_that_others_get_their_turn(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(Encoder, "embed", counted(Encoder.embed, calls))
    inputs = [{"description": "word " * 1_500}] * 5  # 7,500 letters each
    items = client.post("/predictions", json={"model": "sentiment", "inputs": inputs}).json()["items"]
    assert [one["error"] for one in items] == [None] * 5
    assert len(calls) == 3


@pytest.mark.parametrize("inputs", [[], [1], "rubbish", None, [{}] * 1_001])
def test_a_batch_that_is_no_list_of_inputs_is_refused(client: TestClient, inputs: Any) -> None:
    answer = client.post("/predictions", json={"model": "price", "inputs": inputs})
    assert answer.status_code == 422
    assert all(field.startswith("inputs") for field in fields(answer))


def test_an_unknown_model_is_refused_by_its_field(client: TestClient) -> None:
    answer = client.post("/predictions", json={"model": "horoscope", "inputs": [{}]})
    assert (answer.status_code, fields(answer)) == (422, ["model"])


def test_models_lists_what_is_on_duty(client: TestClient) -> None:
    items = client.post("/models", json={}).json()["items"]
    assert [one["name"] for one in items] == list(MODEL_NAMES)
    assert items[0].pop("since")
    assert items[0] == {
        "name": "price",
        "version": "3",
        "run_id": "run-of-price",
        "informative": True,
        "wanted_version": "3",
        "refused": None,
        "trial": None,
    }
    assert items[1]["informative"] is None


def test_features_are_the_rows_of_the_online_store(client: TestClient) -> None:
    table = client.post("/features", json={"page": 1, "page_size": 5}).json()
    assert (table["total"], len(table["items"])) == (61, 5)
    assert table["items"][1]["title"] == "Book number 2"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"page": 0}, "page"), ({"page_size": 100_000}, "page_size"), ({"page": "1"}, "page"), ({"x": 1}, "x")],
)
def test_a_page_that_cannot_be_is_refused(client: TestClient, body: dict[str, Any], field: str) -> None:
    answer = client.post("/features", json=body)
    assert (answer.status_code, fields(answer)) == (422, [field])


@pytest.mark.parametrize("path", ["/price", "/recommendations", "/sentiment", "/predictions", "/features"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"NaN", b'{"rating": NaN}', b"\xff"])
def test_rubbish_never_gets_more_than_a_problem(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    if (path, body) == ("/features", b""):
        assert answer.status_code == 200  # everything in it may be left out
    else:
        assert answer.status_code in (400, 422)
        assert fields(answer)


def test_another_path_and_another_method_are_problems(client: TestClient) -> None:
    elsewhere, got = client.post("/prices", json=BOOK), client.get("/price")
    assert (elsewhere.status_code, got.status_code) == (404, 405)
    assert fields(elsewhere) == fields(got) == []


def test_the_heap_is_settled_before_the_service_is_ready(client: TestClient) -> None:
    assert client.get("/livez").status_code == 200
    assert gc.get_freeze_count() > 100_000


def test_declaring_the_service_imports_no_model_and_reads_no_setting() -> None:
    code = (
        "import sys; import serving.service; "
        "print([name for name in ('torch', 'mlflow', 'feast', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("format", "media_type"),
    [("ndjson", "application/x-ndjson"), ("parquet", "application/vnd.apache.parquet")],
)
def test_a_whole_table_is_a_file_with_a_name(client: TestClient, format: str, media_type: str) -> None:
    answer = client.post("/features_file", json={"format": format})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["content-disposition"] == f'attachment; filename="features.{format}"'
    nothing = client.post("/features_file", json={"format": format, "as_of": "2020-01-01T00:00:00Z"})
    assert nothing.headers["content-disposition"].endswith(f'"features-as-of-20200101T000000Z.{format}"')


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        ({}, ["format"]),
        ({"format": "csv"}, ["format"]),
        ({"format": "ndjson", "page": 1}, ["page"]),
        ({"format": "ndjson", "source": ""}, ["source"]),
    ],
)
def test_a_file_asked_for_against_the_contract_is_refused(
    client: TestClient, question: dict[str, Any], wrong: list[str]
) -> None:
    answer = client.post("/features_file", json=question)
    assert (answer.status_code, fields(answer)) == (422, wrong)
