"""Errors of every origin leave the service as problem documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bookshelf.contracts import PredictionsRequest, PriceRequest, Problem
from bookshelf.errors import BookshelfError, InvalidBook, ModelUnavailable, NotFound
from serving.problems import Problems, broken_contract, of_error, response


def broken(body: str | bytes, contract: Any = PriceRequest, place: str = "") -> Problem:
    with pytest.raises(ValidationError) as caught:
        contract.model_validate_json(body)
    return broken_contract(caught.value, place)


def test_a_body_that_is_no_json_is_a_bad_request_that_names_the_body() -> None:
    document = broken('{"rating": 4,')
    assert (document.status, [one.field for one in document.errors]) == (400, ["body"])


def test_every_broken_field_is_named() -> None:
    document = broken('{"rating": 6, "category": "", "colour": "red"}')
    assert document.status == 422
    assert {one.field for one in document.errors} == {"rating", "category", "availability", "colour"}
    assert "rating" in document.detail


def test_a_body_of_the_wrong_shape_is_named_as_a_whole() -> None:
    assert [one.field for one in broken("[1, 2]").errors] == ["body"]


def test_the_fields_of_one_input_are_named_by_their_place() -> None:
    assert {one.field for one in broken("{}", place="inputs.3").errors} == {
        "inputs.3.rating",
        "inputs.3.category",
        "inputs.3.availability",
    }


def test_a_body_broken_in_many_places_names_the_first_of_them_in_short() -> None:
    document = broken(json.dumps({f"{number}" + "x" * 10_000: 0 for number in range(500)}))
    assert len(document.errors) == 50
    assert len(document.model_dump_json()) < 30_000


def test_a_body_broken_in_countless_places_is_named_as_a_whole() -> None:
    document = broken(json.dumps({str(number): 0 for number in range(5_000)}))
    assert [(one.field, one.message) for one in document.errors] == [
        ("body", "breaks its contract in 5,003 places")
    ]


@pytest.mark.parametrize(("digits", "field"), [(20, "rating"), (400, "rating"), (50_000, "body")])
def test_a_huge_number_is_an_error_of_its_field_or_of_the_body(digits: int, field: str) -> None:
    assert field in {one.field for one in broken('{"rating": ' + "9" * digits + "}").errors}


def test_one_long_batch_has_one_error_for_being_too_long() -> None:
    document = broken(json.dumps({"model": "price", "inputs": [{}] * 1_001}), PredictionsRequest)
    assert [one.field for one in document.errors] == ["inputs"]


@pytest.mark.parametrize(
    ("error", "status", "fields"),
    [
        (NotFound("book_id", "no such book"), 404, ["book_id"]),
        (InvalidBook("category", "known", "Cooking"), 422, ["category"]),
        (ModelUnavailable("no champion"), 503, []),
        (BookshelfError("something else"), 500, []),
    ],
)
def test_our_own_errors_have_their_statuses(error: BookshelfError, status: int, fields: list[str]) -> None:
    document = of_error(error)
    assert (document.status, [one.field for one in document.errors]) == (status, fields)


def test_a_model_that_is_away_for_now_says_when_to_ask_again() -> None:
    assert response(of_error(ModelUnavailable("no champion"))).headers["retry-after"] == "5"


def as_served(answer: Response | Exception, path: str = "/", known: str = "/") -> Any:
    """The answer of an application that answers this, behind `Problems`."""

    async def handle(_request: Request) -> Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    app = Problems(Starlette(routes=[Route("/", handle)]), frozenset({known}))
    return TestClient(app, raise_server_exceptions=False).get(path)


@pytest.mark.parametrize(
    ("answer", "status", "detail"),
    [
        (JSONResponse({"error": "took too long"}, 504), 504, "took too long"),
        (PlainTextResponse("gone", 410), 410, "gone"),
        (JSONResponse(["odd"], 400), 400, "Bad Request"),
        (HTTPException(503, "not ready"), 503, "not ready"),
        (ZeroDivisionError("a defect"), 500, "Internal Server Error"),
    ],
)
def test_an_error_in_another_form_becomes_a_problem(
    answer: Response | Exception, status: int, detail: str
) -> None:
    reply = as_served(answer)
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert Problem.model_validate_json(reply.content).detail == detail


def test_what_is_no_error_is_passed_on_untouched() -> None:
    reply = as_served(PlainTextResponse("hello"))
    assert (reply.status_code, reply.text) == (200, "hello")


def test_a_problem_is_passed_on_as_it_is() -> None:
    document = of_error(NotFound("book_id", "no such book"))
    assert Problem.model_validate_json(as_served(response(document)).content) == document


def test_a_path_that_does_not_exist_is_a_problem_too() -> None:
    assert as_served(PlainTextResponse("hello"), path="/elsewhere").json()["status"] == 404
