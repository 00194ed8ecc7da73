"""Books searched for by the words that they hold and by what they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SEARCH = "/api/v1/books/search"
NEAREST = 44  # the server of these tests finds books 2 to 101, of which the catalogue has 2 to 45

Refused = Callable[[Any, int], list[str]]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("q=light", [1]),
        ("q=LIGHT attic&mode=text", [1]),
        ("q=lig*", [1]),
        ('q="in the attic"', [1]),
        ("q=attic light OR", []),
        ("q=book&page_size=3", [2, 3, 4]),
        ("q=book&page_size=3&page=2", [5, 6, 7]),
        ("q=fiction book 20", [20]),
        ("q=book&category=fiction&title=20", [20]),
        ("q=book&as_of=2020-01-01T00:00:00Z", []),
        ("q=&title=light", [1]),
        ("mode=text&title=light", [1]),
        ("q=日本 'x\\", []),
    ],
)
def test_words_are_found_and_come_in_pages_of_the_usual_shape(
    client: Any, model_server: Any, query: str, ids: list[int]
) -> None:
    model_server.mood = "broken"  # nobody asks it
    reply = client.get(f"{SEARCH}?{query}")
    assert reply.status_code == 200, reply.text
    assert [book["id"] for book in reply.json["items"]] == ids
    assert set(reply.json) == {"items", "page", "page_size", "total", "pages"}
    if ids:
        assert reply.json["items"][0] == client.get(f"/api/v1/books/{ids[0]}").json


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("q=!!! — _ *", ["q"]),
        ("q=%20", ["q"]),
        ("q=" + "+".join("abcdefghijklmnopq"), ["q"]),
        ("q=" + "x" * 1_001, ["q"]),
        ("q=a%00b", ["q"]),
        ("q=%ff", ["query"]),
        ("q=a&mode=fuzzy", ["mode"]),
        ("q=a&q=b", ["q"]),
        ("mode=semantic", ["q"]),
        ("mode=semantic&q=%20", ["q"]),
        ("mode=semantic&q=sea&as_of=2026-01-01T00:00:00Z", ["as_of"]),
        ("mode=semantic&q=sea&title=sea&as_of=2026-01-01T00:00:00Z", ["title", "as_of"]),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_by_its_field(
    client: Any, refused: Refused, query: str, fields: list[str]
) -> None:
    if "%ff" in query:
        reply = client.get(SEARCH, environ_overrides={"QUERY_STRING": query.replace("%ff", "\xff")})
    else:
        reply = client.get(f"{SEARCH}?{query}")
    assert refused(reply, 422) == fields


def test_by_meaning_the_nearest_come_first_as_the_catalogue_has_them(client: Any, model_server: Any) -> None:
    found = client.get(f"{SEARCH}?q=a+tale+of+the+sea&mode=semantic&page_size=3").json
    [(path, question)] = model_server.asked
    assert (path, question["text"], question["limit"]) == ("/similar", "a tale of the sea", 100)
    assert {name: found[name] for name in found if name != "items"} == {
        "page": 1,
        "page_size": 3,
        "total": NEAREST,
        "pages": 15,
        "model": {"name": "recommender", "version": "3"},
    }
    assert [(book["id"], book["score"]) for book in found["items"]] == [(2, 1 / 2), (3, 1 / 3), (4, 1 / 4)]
    book = client.get("/api/v1/books/2").json
    assert found["items"][0] == book | {"score": 1 / 2}


def test_by_meaning_pages_end_with_the_nearest_hundred(client: Any) -> None:
    last = client.get(f"{SEARCH}?q=sea&mode=semantic&page_size=20&page=3").json
    assert [book["id"] for book in last["items"]] == [42, 43, 44, 45]
    beyond = client.get(f"{SEARCH}?q=sea&mode=semantic&page_size=100&page=2").json
    assert (beyond["items"], beyond["total"]) == ([], NEAREST)


def test_by_meaning_source_and_category_are_filters_of_the_model_server(
    client: Any, model_server: Any
) -> None:
    client.get(f"{SEARCH}?q=sea&mode=semantic&category=POETRY&source=https://shop.test/")
    [(_, question)] = model_server.asked
    asked = question["filters"]
    assert (asked["category"], asked["source"]) == ("Poetry", "https://shop.test/")


def test_by_meaning_a_category_is_named_whole(client: Any, refused: Refused) -> None:
    reply = client.get(f"{SEARCH}?q=sea&mode=semantic&category=poet")
    assert refused(reply, 404) == ["category"]
    assert reply.json["detail"] == "no book on offer is in the category 'poet'"


def test_by_meaning_a_source_that_offers_nothing_is_named_as_it_was_asked_for(
    client: Any, refused: Refused
) -> None:
    reply = client.get(f"{SEARCH}?q=of+nobody's&mode=semantic&source=https://shop.test/")
    assert refused(reply, 404) == ["source"]


@pytest.mark.parametrize("mood", ["broken", "no champion", "garbled"])
def test_without_the_model_server_meaning_has_to_wait_and_words_do_not(
    client: Any, model_server: Any, refused: Refused, mood: str
) -> None:
    model_server.mood = mood
    reply = client.get(f"{SEARCH}?q=light&mode=semantic")
    assert refused(reply, 503) == []
    assert int(reply.headers["Retry-After"]) > 0
    assert client.get(f"{SEARCH}?q=light").json["total"] == 1
