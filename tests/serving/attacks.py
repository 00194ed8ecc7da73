"""Questions to a model server: two that are well put, and many that are not."""

from __future__ import annotations

from typing import Any

BOOK = {"rating": 4, "category": "Fiction", "availability": "In stock"}
TEXT = {"description": "A wonderful book."}
JSON = {"Content-Type": "application/json"}

#: By name: path, what is sent, the status it is to be answered with, and the fields to be named.
ATTACKS: dict[str, tuple[str, dict[str, Any], int, set[str]]] = {
    "broken JSON": ("/price", {"data": b'{"rating": 4', "headers": JSON}, 400, {"body"}),
    "no body": ("/price", {"data": b"", "headers": JSON}, 422, {"rating", "category", "availability"}),
    "plain text": (
        "/price",
        {"data": b"4", "headers": {"Content-Type": "text/plain"}},
        415,
        {"Content-Type"},
    ),
    "a form": ("/price", {"data": {"rating": 4}}, 415, {"Content-Type"}),
    "a file": ("/sentiment", {"files": {"description": b"x"}}, 415, {"Content-Type"}),
    "5 MB": ("/sentiment", {"json": {"description": "x" * 5_000_000}}, 422, {"description"}),
    "20 MB": ("/sentiment", {"json": {"description": "x" * 20_000_000}}, 413, {"body"}),
    "an unknown category": ("/price", {"json": BOOK | {"category": "Cooking"}}, 422, {"category"}),
    "six stars": ("/price", {"json": BOOK | {"rating": 6}}, 422, {"rating"}),
    "half a star": ("/price", {"json": BOOK | {"rating": 0.5}}, 422, {"rating"}),
    "an empty list": ("/predictions", {"json": {"model": "price", "inputs": []}}, 422, {"inputs"}),
    "an unknown field": ("/price", {"json": BOOK | {"colour": "red"}}, 422, {"colour"}),
    "not a number": ("/price", {"data": b'{"book_id": NaN}', "headers": JSON}, 422, {"book_id"}),
    "infinity": ("/price", {"data": b'{"book_id": Infinity}', "headers": JSON}, 422, {"book_id"}),
    "a huge id": ("/recommendations", {"json": {"book_id": 10**300}}, 422, {"book_id"}),
    "a huge stock": ("/price", {"json": BOOK | {"stock": 2**63}}, 422, {"stock"}),
    "a negative id": ("/recommendations", {"json": {"book_id": -1}}, 422, {"book_id"}),
    "an unknown id": ("/recommendations", {"json": {"book_id": 999_999}}, 404, {"book_id"}),
    "an unpublished id": ("/price", {"json": {"book_id": 61}}, 404, {"book_id"}),
    "deep nesting": ("/predictions", {"data": b"[" * 1_000_000, "headers": JSON}, 400, {"body"}),
    "only spaces": ("/sentiment", {"json": {"description": "   "}}, 422, {"description"}),
    "half a character": (
        "/sentiment",
        {"data": b'{"description": "\\ud83d"}', "headers": JSON},
        400,
        {"body"},
    ),
    "no encoding": ("/sentiment", {"data": b'{"description": "\xe9"}', "headers": JSON}, 400, {"body"}),
    "no such page": ("/features", {"json": {"page": 0}}, 422, {"page"}),
    "a page behind all pages": ("/features", {"json": {"page": 2**63}}, 422, {"page"}),
    "a time before all times": (
        "/features",
        {"json": {"as_of": "0001-01-01T00:00:00+14:00"}},
        422,
        {"as_of"},
    ),
    "no such model": ("/training_data", {"json": {"model": "oracle"}}, 422, {"model"}),
    "no such path": ("/oracle", {"json": {}}, 404, set()),
}
