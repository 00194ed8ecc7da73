"""The OpenAPI document tells the truth, and its pages need nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel

import api.book_schemas
import api.drift_schemas
import api.inputs
import api.model_inputs
import api.model_schemas
import api.run_schemas
import api.schemas
import api.webhook_schemas
import bookshelf.contracts
import bookshelf.prediction_contracts
import bookshelf.table_contracts
from api.examples import EXAMPLES, ORDER_PROBLEM_EXAMPLE, PROBLEM_EXAMPLES, RUN_PROBLEM_EXAMPLE
from api.model_schemas import OrderProblem
from api.run_schemas import RunProblem
from bookshelf.contracts import Problem

SCHEMAS = (
    *(api.model_schemas, api.schemas, api.book_schemas, api.run_schemas, api.webhook_schemas),
    api.drift_schemas,
)
CONTRACTS = (bookshelf.contracts, bookshelf.table_contracts, bookshelf.prediction_contracts)


@pytest.fixture(scope="module")
def document(client: Any) -> dict[str, Any]:
    reply = client.get("/apidocs/openapi.json")
    assert reply.status_code == 200
    return reply.json  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb, operation


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_the_user_interface_is_at_apidocs_and_root_leads_there(client: Any) -> None:
    assert client.get("/").headers["Location"] == "/apidocs/"
    assert client.get("/apidocs").headers["Location"].endswith("/apidocs/")
    page = client.get("/apidocs/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "SwaggerUIBundle(" in page.text


def test_the_page_loads_nothing_from_elsewhere(client: Any) -> None:
    page = client.get("/apidocs/").text
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(f"/apidocs/{asset}").status_code == 200, asset


def test_every_endpoint_is_documented(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), verb.lower())
        for rule in app.url_map.iter_rules()
        for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1")
    }
    assert {(path, verb) for path, verb, _ in operations(document)} == served


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_every_endpoint_documents_its_answer_and_its_problems(document: dict[str, Any]) -> None:
    for path, verb, operation in operations(document):
        answers = operation["responses"]
        [good] = [status for status in answers if status.startswith("2")]
        if good != "204":
            assert answers[good]["content"]["application/json"]["schema"]["$ref"], path
        expected = {"422"} | ({"503"} if "/auth/" not in path else set())
        expected |= {"404"} if "{" in path or path.endswith(("/price", "/recommendations")) else set()
        expected |= {"400", "413", "415"} if verb in ("post", "put", "patch", "delete") else set()
        expected |= {"409"} if "/changes" in path or ("/scraping/" in path and verb != "get") else set()
        expected |= {"409"} if "/ml/models/" in path and verb == "post" else set()
        expected |= {"401"} if "security" in operation or path.endswith("/login") else set()
        assert expected <= set(answers), (path, verb)
        for status in set(answers) - {good}:
            kind = (
                "application/json"
                if path.endswith("/health") and status == "503"
                else "application/problem+json"
            )
            assert kind in answers[status]["content"], (path, status)
        assert operation["summary"]
        assert "`" not in operation["summary"], "summaries are shown as plain text"
        assert "<br/>" not in operation.get("description", "")


def test_operations_have_readable_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert {"list_books", "one_book", "predict_price"} <= set(names)


def test_what_needs_a_login_says_so(document: dict[str, Any]) -> None:
    guarded = {path for path, _, operation in operations(document) if operation.get("security")}
    assert guarded == {
        "/api/v1/auth/refresh",
        "/api/v1/scraping/trigger",
        "/api/v1/scraping/runs/{run_id}",  # to cancel it; to read it needs none
        "/api/v1/scraping/runs/{run_id}/resume",
        "/api/v1/scraping/runs/{run_id}/release",
        "/api/v1/ml/predictions/{prediction_id}/feedback",
        "/api/v1/ml/models/{name}/promote",
        "/api/v1/ml/models/{name}/rollback",
        "/api/v1/ml/models/{name}/retrain",
        "/api/v1/ml/models/{name}/trial",
        "/api/v1/webhooks",
        "/api/v1/webhooks/{webhook_id}",
        "/api/v1/webhooks/{webhook_id}/deliveries",
        "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    }
    assert "security" not in document["paths"]["/api/v1/scraping/runs/{run_id}"]["get"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_bounds_are_in_the_document(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/api/v1/books"]["get"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in parameters}
    bounds = {name: (each.get("minimum"), each.get("maximum")) for name, each in schemas.items()}
    assert bounds["page"] == (1, 1_000_000)
    assert bounds["page_size"] == (1, 100)
    assert {"type": "string", "format": "date-time"} in schemas["as_of"]["anyOf"]
    [key] = document["paths"]["/api/v1/scraping/trigger"]["post"]["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", False)
    assert key["schema"]["anyOf"][0]["maxLength"] == 200


READS = (
    *("/books", "/books/search", "/books/top-rated", "/books/price-range", "/books/{book_id}"),
    *("/categories", "/stats/overview", "/stats/categories", "/ml/features", "/ml/training-data"),
)


@pytest.mark.parametrize("path", READS)
def test_every_read_endpoint_takes_a_moment_and_a_source(document: dict[str, Any], path: str) -> None:
    parameters = document["paths"][f"/api/v1{path}"]["get"]["parameters"]
    assert {"as_of", "source"} <= {each["name"] for each in parameters}


@pytest.mark.parametrize("table", ["features", "training-data"])
def test_a_table_is_documented_in_each_of_its_forms(document: dict[str, Any], table: str) -> None:
    answers = document["paths"][f"/api/v1/ml/{table}"]["get"]["responses"]
    kinds = {"application/json", "application/x-ndjson", "application/vnd.apache.parquet"}
    assert set(answers["200"]["content"]) == kinds
    assert "406" in answers


def test_every_body_and_every_answer_has_an_example(document: dict[str, Any]) -> None:
    used = {
        reference.rpartition("/")[2]
        for _, _, operation in operations(document)
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in part.get("content", {}).values()
        for reference in references(content["schema"])
    }
    assert used - {"Problem"} <= set(EXAMPLES)


def test_examples_of_a_run_and_of_an_order_in_the_way_are_such() -> None:
    assert RunProblem.model_validate(RUN_PROBLEM_EXAMPLE).status == 409
    assert OrderProblem.model_validate(ORDER_PROBLEM_EXAMPLE).status == 409


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_its_type_says(name: str, document: dict[str, Any]) -> None:
    kinds: list[type[BaseModel]] = [
        getattr(module, name)
        for module in (*SCHEMAS, api.inputs, api.model_inputs, *CONTRACTS)
        if hasattr(module, name)
    ]
    kinds[0].model_validate_json(kinds[0].model_validate(EXAMPLES[name]).model_dump_json())
    assert document["components"]["schemas"][name]["examples"] == [EXAMPLES[name]]


@pytest.mark.parametrize("status", PROBLEM_EXAMPLES)
def test_an_example_of_a_problem_is_one(status: int) -> None:
    assert Problem.model_validate(PROBLEM_EXAMPLES[status]).status == status
