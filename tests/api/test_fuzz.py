"""Whatever is sent, the API never answers 500, and every refusal is a problem document."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.run_schemas import RunProblem
from bookshelf.contracts import Problem

A_PREDICTION = f"ml/predictions/{uuid4()}"
PATHS = (
    "health",
    "books",
    "books/search",
    "books/top-rated",
    "books/price-range",
    "categories",
    "stats/overview",
    "ml/features",
    "ml/training-data",
    "ml/recommendations/1",
    "books/1",
    "books/1/history",
    "stats/categories",
    "snapshots",
    "snapshots/1",
    "snapshots/1/changes",
    "scraping/runs",
    "webhooks",
    A_PREDICTION,
    f"{A_PREDICTION}/replay",
)
PARAMETERS = (
    *("page", "page_size", "title", "category", "limit", "min", "max", "model", "q", "mode"),
    *("as_of", "source", "kind", "format", "vectors"),
)
A_RUN = f"scraping/runs/{uuid4()}"
A_WEBHOOK = f"webhooks/{uuid4()}"
BODIES = (
    "auth/login",
    "auth/refresh",
    "scraping/trigger",
    "ml/predict/price",
    "ml/sentiment",
    "ml/predictions",
    "webhooks",
    f"{A_PREDICTION}/feedback",
    f"{A_RUN}/resume",
    f"{A_RUN}/release",
    f"{A_WEBHOOK}/deliveries/{uuid4()}/resend",
)
FIELDS = ("username", "password", "source", "book_id", "rating", "category", "availability", "title", "stock")
MORE_FIELDS = ("description", "model", "inputs", "url", "events", "secret", "value", "sentiment", "chosen")

texts = st.text(st.characters(exclude_categories=()), max_size=30)
numbers = st.one_of(st.integers(), st.decimals().map(str), st.floats().map(str)).map(str)
names = st.one_of(st.sampled_from(PARAMETERS), texts)
words = st.one_of(
    numbers,
    texts,
    st.sampled_from(["price", "In stock", "Poetry", "%", "_", "\0", "' OR 1=1 --"]),
    st.sampled_from(
        [
            "csv",
            "added",
            "ndjson",
            "parquet",
            "semantic",
            '"a b"* -c',
            "https://shop.test/",
            "2024-05-01T12:00:00Z",
        ]
    ),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[-+]\d\d:\d\d", fullmatch=True),
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS + MORE_FIELDS), texts), inner, max_size=5),
    ),
    max_leaves=12,
)
patiently = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def check(reply: Any) -> None:
    assert reply.status_code != 500, reply.text
    if reply.status_code >= 400 and reply.request.method != "HEAD":
        assert reply.content_type == "application/problem+json", reply.headers
        kind = RunProblem if "run_id" in reply.json else Problem
        assert kind.model_validate_json(reply.data).status == reply.status_code


def percent(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@patiently
@given(path=st.sampled_from(PATHS), query=st.lists(st.tuples(names, words), max_size=4))
def test_any_query(client: Any, as_admin: dict[str, str], path: str, query: list[tuple[str, str]]) -> None:
    check(
        client.get(
            f"/api/v1/{path}?" + "&".join(f"{percent(name)}={percent(word)}" for name, word in query),
            headers=as_admin,
        )
    )


@patiently
@given(query=st.binary(max_size=60))
def test_any_bytes_for_a_query(client: Any, query: bytes) -> None:
    check(client.get("/api/v1/books/search", environ_overrides={"QUERY_STRING": query.decode("latin-1")}))


@patiently
@given(
    before=st.sampled_from(
        ["", "books/", "ml/recommendations/", "scraping/runs/", "snapshots/", "webhooks/", f"{A_WEBHOOK}/"]
    ),
    text=words,
    after=st.sampled_from(["", "/history", "/changes", "/log", "/deliveries"]),
)
def test_any_path(client: Any, as_admin: dict[str, str], before: str, text: str, after: str) -> None:
    check(client.get(f"/api/v1/{before}{percent(text)}{after}", headers=as_admin))


@patiently
@given(
    name=st.sampled_from(["Idempotency-Key", "Accept", "Content-Type", "If-None-Match"]),
    value=st.text(st.characters(max_codepoint=255), max_size=300),
    path=st.sampled_from(["snapshots/1/changes", "ml/features", "books", "scraping/trigger", "webhooks"]),
)
def test_any_header(client: Any, as_admin: dict[str, str], name: str, value: str, path: str) -> None:
    header = value.translate(dict.fromkeys(map(ord, "\r\n")))
    verb = "POST" if path in ("scraping/trigger", "webhooks") else "GET"
    check(client.open(f"/api/v1/{path}", method=verb, headers=as_admin | {name: header}))


@patiently
@given(what=words, body=st.binary(max_size=40))
def test_any_delete(client: Any, as_admin: dict[str, str], what: str, body: bytes) -> None:
    for path in ("scraping/runs", "webhooks"):
        check(client.delete(f"/api/v1/{path}/{percent(what)}", data=body, headers=as_admin))


@patiently
@given(path=st.sampled_from(BODIES), document=documents)
def test_any_json(client: Any, as_admin: dict[str, str], path: str, document: Any) -> None:
    check(client.post(f"/api/v1/{path}", json=document, headers=as_admin))


@patiently
@given(path=st.sampled_from(BODIES), body=st.binary(max_size=80), json=st.booleans())
def test_any_body(client: Any, as_admin: dict[str, str], path: str, body: bytes, json: bool) -> None:
    content_type = "application/json" if json else "application/octet-stream"
    check(client.post(f"/api/v1/{path}", data=body, content_type=content_type, headers=as_admin))


@patiently
@given(token=st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_token(client: Any, token: str) -> None:
    header = token.translate(dict.fromkeys(map(ord, "\r\n")))
    reply = client.post("/api/v1/scraping/trigger", headers={"Authorization": f"Bearer {header}"})
    check(reply)
    assert reply.status_code == 401


@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/", "/apidocs", "/apidocs/", "/api/v1/books", "/api/v1/ml/sentiment", "//", "/*"]
)
def test_any_verb(client: Any, verb: str, path: str) -> None:
    check(client.open(path, method=verb))
