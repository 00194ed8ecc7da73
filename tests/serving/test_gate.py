"""Bodies that are not as they should be go no further than the gate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bookshelf.contracts import Contract, SentimentRequest
from bookshelf.table_contracts import TableRequest
from serving.gate import MAX_BODY_BYTES, Gate
from serving.queues import Queues

SENTIMENT = b'{"description": "A fine book."}'


@pytest.fixture
def client() -> TestClient:
    """An application that says the body it got, behind the gate."""

    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse((await request.body()).decode())

    routes = [Route(path, echo, methods=["GET", "POST"]) for path in ("/sentiment", "/table", "/other")]
    contracts: dict[str, type[Contract]] = {"/sentiment": SentimentRequest, "/table": TableRequest}
    return TestClient(Gate(Starlette(routes=routes), contracts, Queues()))


def fields(answer: Any) -> list[str]:
    return [one["field"] for one in answer.json()["errors"]]


def test_a_body_that_keeps_its_contract_arrives_byte_for_byte(client: TestClient) -> None:
    assert client.post("/sentiment", content=SENTIMENT).content == SENTIMENT


def test_no_body_counts_as_an_empty_object(client: TestClient) -> None:
    assert client.post("/table").status_code == 200
    answer = client.post("/sentiment")
    assert (answer.status_code, fields(answer)) == (422, ["description"])


def test_paths_without_a_contract_and_other_methods_pass(client: TestClient) -> None:
    assert client.post("/other", content=b"anything").text == "anything"
    assert client.get("/sentiment").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/vnd.bentoml+pickle", ""])
def test_another_content_type_than_json_is_refused_by_its_header(client: TestClient, kind: str) -> None:
    answer = client.post("/sentiment", content=SENTIMENT, headers={"Content-Type": kind})
    assert (answer.status_code, fields(answer)) == (415, ["Content-Type"])


def test_json_with_a_charset_is_json(client: TestClient) -> None:
    answer = client.post(
        "/sentiment", content=SENTIMENT, headers={"Content-Type": "Application/JSON; charset=utf-8"}
    )
    assert answer.status_code == 200


def test_a_description_of_5_mb_is_refused_by_its_name(client: TestClient) -> None:
    answer = client.post("/sentiment", json={"description": "x" * 5_000_000})
    assert (answer.status_code, fields(answer)) == (422, ["description"])


def test_a_body_without_end_is_refused_by_its_size(client: TestClient) -> None:
    answer = client.post("/sentiment", content=(b" " * 2**20 for _ in range(MAX_BODY_BYTES // 2**20 + 1)))
    assert (answer.status_code, fields(answer)) == (413, ["body"])


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b'{"description": "\\ud800"}', b"[" * 100_000, b"{", b"nonsense"]
)
def test_rubbish_is_a_bad_request(client: TestClient, body: bytes) -> None:
    answer = client.post("/sentiment", content=body)
    assert (answer.status_code, fields(answer)) == (400, ["body"])


def test_a_body_that_its_sender_broke_off_goes_no_further_even_if_it_could_be_read() -> None:
    reached, sent = [], []
    messages = iter(
        [
            {"type": "http.request", "body": SENTIMENT, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(True)

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/sentiment", "headers": []}
    asyncio.run(Gate(app, {"/sentiment": SentimentRequest}, Queues())(scope, receive, send))
    assert (reached, sent[0]["status"]) == ([], 400)
