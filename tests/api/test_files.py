"""Whole tables handed on as they come: which form is wanted, and what becomes of one that breaks off."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from api.gateway import MAX_FILES
from bookshelf.errors import ModelUnavailable

FEATURES = "/api/v1/ml/features"
TRAINING = "/api/v1/ml/training-data"
NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

Refused = Callable[[Any, int], list[str]]


@pytest.mark.parametrize(
    ("query", "accept", "format"),
    [
        ("", None, "json"),
        ("", "", "json"),
        ("", "*/*", "json"),
        ("", BROWSER, "json"),
        ("", "application/*", "json"),
        ("", NDJSON, "ndjson"),
        ("", f"{NDJSON};q=0.5, {PARQUET}", "parquet"),
        ("", f"application/json;q=0.1, {NDJSON};q=0.5", "ndjson"),
        ("?format=parquet", "application/json", "parquet"),
        ("?format=ndjson", None, "ndjson"),
        ("?format=json", NDJSON, "json"),
        ("?format=ndjson", "text/csv", "ndjson"),
    ],
)
def test_the_form_is_the_one_named_or_else_the_one_liked_best(
    client: Any, model_server: Any, query: str, accept: str | None, format: str
) -> None:
    reply = client.get(f"{FEATURES}{query}", headers={} if accept is None else {"Accept": accept})
    assert reply.status_code == 200, reply.text
    assert reply.headers["Vary"] == "Accept"
    [(path, question)] = model_server.asked
    expected = ("/features", None) if format == "json" else ("/features_file", format)
    assert (path, question.get("format")) == expected


def test_a_file_comes_whole_with_its_name(client: Any, model_server: Any) -> None:
    reply = client.get(
        f"{FEATURES}?format=ndjson&as_of=2024-05-01T14:00:00%2B02:00&source=https://shop.test/"
    )
    assert [json.loads(line)["book_id"] for line in reply.text.splitlines()] == [1, 2, 3]
    assert reply.content_type == NDJSON
    assert reply.headers["Content-Disposition"] == 'attachment; filename="features.ndjson"'
    [(_, question)] = model_server.asked
    assert question == {
        "as_of": "2024-05-01T12:00:00Z",
        "source": "https://shop.test/",
        "format": "ndjson",
    }


def test_training_rows_are_asked_for_with_their_model_and_their_vectors(
    client: Any, model_server: Any
) -> None:
    client.get(f"{TRAINING}?format=parquet&model=sentiment&vectors=true")
    client.get(f"{TRAINING}?format=parquet")
    asked = [(path, question["model"], question["vectors"]) for path, question in model_server.asked]
    assert asked == [("/training_data_file", "sentiment", True), ("/training_data_file", "price", False)]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{FEATURES}?format=csv", ["format"]),
        (f"{FEATURES}?format=", ["format"]),
        (f"{FEATURES}?format=ndjson&page=1", ["page"]),
        (f"{FEATURES}?format=parquet&page=2&page_size=10", ["page", "page_size"]),
        (f"{FEATURES}?vectors=true", ["vectors"]),
        (f"{TRAINING}?vectors=true", ["vectors"]),
        (f"{TRAINING}?format=ndjson&vectors=perhaps", ["vectors"]),
        (f"{TRAINING}?format=ndjson&model=none", ["model"]),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_field(
    client: Any, refused: Refused, path: str, fields: list[str]
) -> None:
    assert refused(client.get(path), 422) == fields


@pytest.mark.parametrize("path", [FEATURES, TRAINING])
@pytest.mark.parametrize("accept", ["text/csv", "image/*", f"{NDJSON};q=0"])
def test_a_form_that_there_is_not_is_a_406(client: Any, refused: Refused, path: str, accept: str) -> None:
    reply = client.get(path, headers={"Accept": accept})
    assert refused(reply, 406) == ["Accept"]
    assert PARQUET in reply.json["detail"]


def test_what_goes_wrong_before_the_first_byte_is_a_problem(
    client: Any, model_server: Any, refused: Refused
) -> None:
    assert refused(client.get(f"{TRAINING}?format=ndjson&source=unheard+of"), 404) == ["source"]
    model_server.mood = "broken"
    reply = client.get(f"{FEATURES}?format=parquet")
    assert refused(reply, 503) == []
    assert int(reply.headers["Retry-After"]) > 0


def test_a_file_that_breaks_off_is_no_file(client: Any, model_server: Any) -> None:
    model_server.mood = "breaks off"
    reply = client.get(f"{FEATURES}?format=ndjson", buffered=False)
    chunks = iter(reply.response)
    assert json.loads(next(chunks)) == {"book_id": 1}
    with pytest.raises(ModelUnavailable, match="broke off"):
        next(chunks)
    reply.close()


def test_files_that_nobody_reads_on_give_their_place_back(client: Any) -> None:
    for _ in range(2 * MAX_FILES):
        reply = client.get(f"{FEATURES}?format=ndjson", buffered=False)
        next(iter(reply.response))
        reply.close()
        with client.head(f"{FEATURES}?format=ndjson") as head:
            assert head.status_code == 200
    assert client.get(f"{FEATURES}?format=ndjson").status_code == 200
