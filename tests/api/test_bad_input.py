"""What bad input gets: a 4xx problem document naming the field, nothing changed, never a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[Any, int], list[str]]

PRICE = "/api/v1/ml/predict/price"
SIMILAR = "/api/v1/ml/recommendations"
LOGIN = "/api/v1/auth/login"
A_BOOK: dict[str, Any] = {"rating": 4, "category": "Poetry", "availability": "In stock"}

QUERIES = {
    "/api/v1/books?page=0": ["page"],
    "/api/v1/books?page=-1": ["page"],
    "/api/v1/books?page=1.0": ["page"],
    "/api/v1/books?page=1_0": ["page"],
    "/api/v1/books?page=%201": ["page"],
    "/api/v1/books?page=": ["page"],
    "/api/v1/books?page=٣": ["page"],
    "/api/v1/books?page=1e3": ["page"],
    f"/api/v1/books?page={2**63}": ["page"],
    f"/api/v1/books?page={'9' * 5000}": ["page"],
    "/api/v1/books?page_size=0": ["page_size"],
    "/api/v1/books?page_size=100000": ["page_size"],
    "/api/v1/books?page_size=101": ["page_size"],
    "/api/v1/books?page=0&page_size=x": ["page", "page_size"],
    "/api/v1/books?page=1&page=2": ["page"],
    "/api/v1/books?sort=price": ["sort"],
    "/api/v1/books?%00=1": ["\0"],
    "/api/v1/books/1?page=1": ["page"],
    "/api/v1/books/abc": ["book_id"],
    "/api/v1/books/0": ["book_id"],
    "/api/v1/books/-1": ["book_id"],
    "/api/v1/books/1.5": ["book_id"],
    "/api/v1/books/1%00": ["book_id"],
    "/api/v1/books/%F0%9F%93%9A": ["book_id"],
    f"/api/v1/books/{2**31}": ["book_id"],
    f"/api/v1/books/{2**63}": ["book_id"],
    f"/api/v1/books/{'9' * 5000}": ["book_id"],
    "/api/v1/books/search?title=a%00b": ["title"],
    f"/api/v1/books/search?title={'x' * 201}": ["title"],
    f"/api/v1/books/search?category={'x' * 100_000}": ["category"],
    "/api/v1/books/search?author=Silverstein": ["author"],
    "/api/v1/books/top-rated?limit=0": ["limit"],
    "/api/v1/books/top-rated?limit=101": ["limit"],
    "/api/v1/books/top-rated?limit=5&page=2&page_size=3": ["page", "page_size"],
    "/api/v1/books/price-range?min=-0.01": ["min"],
    "/api/v1/books/price-range?max=-5": ["max"],
    "/api/v1/books/price-range?min=20&max=10": ["max"],
    "/api/v1/books/price-range?min=cheap": ["min"],
    "/api/v1/books/price-range?min=": ["min"],
    "/api/v1/books/price-range?min=1.001": ["min"],
    "/api/v1/books/price-range?min=nan&max=inf": ["min", "max"],
    "/api/v1/books/price-range?max=1e400": ["max"],
    "/api/v1/books/price-range?lowest=1": ["lowest"],
    "/api/v1/categories?page=1": ["page"],
    "/api/v1/stats/overview?x": ["x"],
    "/api/v1/health?verbose=1": ["verbose"],
    "/api/v1/ml/recommendations/abc": ["book_id"],
    "/api/v1/ml/recommendations/1?limit=0": ["limit"],
    "/api/v1/ml/recommendations/1?limit=101": ["limit"],
    "/api/v1/ml/recommendations/1?limit=five": ["limit"],
    "/api/v1/ml/features?page_size=10001": ["page_size"],
    "/api/v1/ml/features?page=0": ["page"],
    "/api/v1/ml/training-data?model=encoder": ["model"],
    "/api/v1/ml/drift?model=encoder": ["model"],
    "/api/v1/ml/drift?page=0": ["page"],
    "/api/v1/ml/drift?page_size=101&version=1": ["page_size", "version"],
}


@pytest.mark.parametrize("address", QUERIES, ids=lambda address: address[:60])
def test_a_wrong_address_is_refused_by_the_name_of_what_is_wrong(
    client: Any, refused: Refused, model_server: Any, address: str
) -> None:
    assert refused(client.get(address), 422) == QUERIES[address]
    assert model_server.asked == []


BODIES: list[tuple[str, object, list[str]]] = [
    (PRICE, A_BOOK | {"rating": 6}, ["rating"]),
    (PRICE, A_BOOK | {"rating": 0}, ["rating"]),
    (PRICE, A_BOOK | {"rating": "4"}, ["rating"]),
    (PRICE, A_BOOK | {"rating": 5.5}, ["rating"]),
    (PRICE, A_BOOK | {"rating": True}, ["rating"]),
    (PRICE, A_BOOK | {"author": "A" * 1001}, ["author"]),
    (PRICE, A_BOOK | {"binding": 7}, ["binding"]),
    (PRICE, A_BOOK | {"genre": "A" * 201}, ["genre"]),
    (PRICE, A_BOOK | {"year": 0}, ["year"]),
    (PRICE, A_BOOK | {"year": "1999"}, ["year"]),
    (PRICE, A_BOOK | {"reviews": 2**31}, ["reviews"]),
    (PRICE, {"book_id": 1, "author": "Jane Austen", "year": 1813}, ["author", "year"]),
    (PRICE, A_BOOK | {"rating": 10**300}, ["rating"]),
    (PRICE, A_BOOK | {"category": ""}, ["category"]),
    (PRICE, A_BOOK | {"category": ["Poetry"]}, ["category"]),
    (PRICE, A_BOOK | {"availability": "maybe"}, ["availability"]),
    (PRICE, A_BOOK | {"stock": -1}, ["stock"]),
    (PRICE, A_BOOK | {"price": -5}, ["price"]),
    (PRICE, A_BOOK | {"book_id": 1}, ["rating", "category", "availability"]),
    (PRICE, {"book_id": 2**63}, ["book_id"]),
    (PRICE, {"book_id": "1"}, ["book_id"]),
    (PRICE, {}, ["rating", "category", "availability"]),
    (PRICE, [], ["body"]),
    (PRICE, [A_BOOK], ["body"]),
    (PRICE, "a text", ["body"]),
    (PRICE, json.dumps(A_BOOK), ["body"]),
    (PRICE, None, ["body"]),
    (PRICE, 7, ["body"]),
    (PRICE, A_BOOK | {"x" * 1000: 1}, ["x" * 200]),
    (SIMILAR, {}, ["text"]),
    (SIMILAR, {"dislike": [1]}, ["text"]),
    (SIMILAR, {"text": " \n"}, ["text"]),
    (SIMILAR, {"text": "x" * 20_001}, ["text"]),
    (SIMILAR, {"like": 1}, ["like"]),
    (SIMILAR, {"like": [1, 0]}, ["like.1"]),
    (SIMILAR, {"like": [1, "2"]}, ["like.1"]),
    (SIMILAR, {"like": list(range(1, 102))}, ["like"]),
    (SIMILAR, {"like": [1, 2], "dislike": [2]}, ["dislike"]),
    (SIMILAR, {"like": [1], "limit": 0}, ["limit"]),
    (SIMILAR, {"like": [1], "limit": 101}, ["limit"]),
    (SIMILAR, {"like": [1], "diversity": 1.1}, ["diversity"]),
    (SIMILAR, {"like": [1], "diversity": True}, ["diversity"]),
    (SIMILAR, {"like": [1], "filters": {"min_price": -1}}, ["filters.min_price"]),
    (SIMILAR, {"like": [1], "filters": {"min_price": 9, "max_price": 8}}, ["filters.max_price"]),
    (SIMILAR, {"like": [1], "filters": {"in_stock": "yes"}}, ["filters.in_stock"]),
    (SIMILAR, {"like": [1], "filters": {"category": ""}}, ["filters.category"]),
    (SIMILAR, {"like": [1], "filters": {"colour": "red"}}, ["filters.colour"]),
    ("/api/v1/ml/sentiment", {"description": "x" * 5_000_000}, ["description"]),
    ("/api/v1/ml/sentiment", {"description": ""}, ["description"]),
    ("/api/v1/ml/sentiment", {"description": " \n\t"}, ["description"]),
    ("/api/v1/ml/sentiment", {"description": 5}, ["description"]),
    ("/api/v1/ml/sentiment", {}, ["description"]),
    ("/api/v1/ml/predictions", {"model": "price", "inputs": []}, ["inputs"]),
    ("/api/v1/ml/predictions", {"model": "price", "inputs": [{}] * 1001}, ["inputs"]),
    ("/api/v1/ml/predictions", {"model": "encoder", "inputs": [{}]}, ["model"]),
    ("/api/v1/ml/predictions", {"model": "price", "inputs": [{}, 3]}, ["inputs.1"]),
    ("/api/v1/ml/predictions", {"model": "price", "inputs": {"0": {}}}, ["inputs"]),
    (LOGIN, {"username": "admin"}, ["password"]),
    (LOGIN, {"username": "admin", "password": None}, ["password"]),
    (LOGIN, {"username": "admin", "password": "x" * 1001}, ["password"]),
    (LOGIN, {"username": {"$ne": 1}, "password": "x"}, ["username"]),
]


@pytest.mark.parametrize(("address", "body", "fields"), BODIES, ids=lambda part: str(part)[:40])
def test_a_wrong_body_is_refused_by_the_name_of_what_is_wrong(
    client: Any, refused: Refused, model_server: Any, address: str, body: object, fields: list[str]
) -> None:
    assert refused(client.post(address, json=body), 422) == fields
    assert model_server.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"rating": 4,}',
        b"{'rating': 4}",
        b"rating=4",
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b'{"rating": NaN}',
        b'{"rating": Infinity}',
        b'{"category": "\\ud800"}',
        b'{"category": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"rating": ' + b"9" * 100_000 + b"}",
        b"{} {}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_json_is_a_400(client: Any, refused: Refused, body: bytes) -> None:
    reply = client.post(PRICE, data=body, content_type="application/json")
    assert refused(reply, 400) == ["body"]
    assert reply.json["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_content_type_is_a_415(client: Any, refused: Refused, content_type: str) -> None:
    reply = client.post(PRICE, data=json.dumps(A_BOOK), content_type=content_type)
    assert refused(reply, 415) == ["Content-Type"]


def test_json_by_another_name_is_json(client: Any) -> None:
    for content_type in ("application/json; charset=utf-8", "application/vnd.shop+json", "Application/JSON"):
        reply = client.post(PRICE, data=json.dumps(A_BOOK), content_type=content_type)
        assert reply.status_code == 200, reply.text


def test_no_body_at_all_is_a_422_naming_the_body(client: Any, refused: Refused) -> None:
    assert refused(client.post(PRICE), 422) == ["body"]
    assert refused(client.post(PRICE, data=b"", content_type="application/json"), 422) == ["body"]


def test_a_body_that_was_cut_off_is_a_400_even_if_it_could_be_read(
    client: Any, refused: Refused, model_server: Any
) -> None:
    whole = json.dumps(A_BOOK)
    cut = {"CONTENT_LENGTH": str(len(whole) + 1), "wsgi.input_terminated": True}  # as gunicorn gives it
    reply = client.post(PRICE, data=whole, content_type="application/json", environ_overrides=cut)
    assert refused(reply, 400) == ["body"]
    assert reply.json["detail"] == f"the body was cut off after {len(whole)} of {len(whole) + 1} bytes"
    assert model_server.asked == []


def test_a_body_beyond_the_limit_is_a_413(client: Any, refused: Refused) -> None:
    large = b'{"description": "' + b"x" * (16 * 2**20) + b'"}'
    reply = client.post("/api/v1/ml/sentiment", data=large, content_type="application/json")
    assert refused(reply, 413) == ["body"]


@pytest.mark.parametrize("status", ["nowhere", "api/v2/books", "api/v1", "api/v1/books/", "api/v1/books/1/2"])
def test_an_unknown_address_is_a_404(client: Any, refused: Refused, status: str) -> None:
    assert refused(client.get(f"/{status}"), 404) == []


def test_an_address_with_dots_leads_nowhere(client: Any, refused: Refused) -> None:
    refused(client.get("/apidocs/swagger/../../../api/secrets.json"), 404)
    refused(client.get("/apidocs/swagger/..%2f..%2f__init__.py"), 404)


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_another_verb_is_a_405_that_says_which_are_allowed(client: Any, refused: Refused, verb: str) -> None:
    reply = client.open("/api/v1/books", method=verb)
    assert refused(reply, 405) == []
    assert "GET" in reply.headers["Allow"]


def test_a_thousand_unknown_fields_are_answered_briefly(client: Any, refused: Refused) -> None:
    reply = client.post(PRICE, json=A_BOOK | {f"field{number}": number for number in range(1_000)})
    assert len(refused(reply, 422)) == 100


def test_an_error_nobody_foresaw_is_a_500_without_a_word_of_its_own(
    client: Any, refused: Refused, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError("the secret of /etc/passwd")

    monkeypatch.setattr(client.application.extensions["bookshelf"].gateway.__class__, "models", fail)
    reply = client.get("/api/v1/ml/models")
    assert refused(reply, 500) == []
    assert "secret" not in reply.text
    assert "ZeroDivisionError" in caplog.text
