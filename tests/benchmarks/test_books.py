"""The list of books out of a CSV, against which the API's is measured, tells what the API tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.book_schemas import BookReply
from benchmarks.books import same_books
from benchmarks.csv_app import create_app
from benchmarks.sample import sample_books
from bookshelf.catalogue import Catalogue, now
from ingestion.export import export_books


@pytest.fixture
def pages(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same page as the API and as the CSV's endpoint give it."""
    catalogue = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.db'}")
    catalogue.publish(sample_books()[:30], "benchmark", now())
    listed = catalogue.all_books()
    export_books(listed, tmp_path / "books.csv")
    answer = create_app(str(tmp_path / "books.csv")).test_client().get("/api/v1/books?page_size=20")
    theirs: dict[str, Any] = json.loads(answer.data)
    items = [json.loads(BookReply.of(one).model_dump_json()) for one in listed[:20]]
    return {"items": items, "page": 1, "page_size": 20, "total": 30, "pages": 2}, theirs


def test_both_tell_the_same_books(pages: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = pages
    assert len(theirs["items"]) == 20
    assert same_books(ours, theirs)


@pytest.mark.parametrize("wrong", [{"price": 0.5}, {"author": "Somebody"}, {"stock": None}])
def test_another_value_is_found(pages: tuple[dict[str, Any], dict[str, Any]], wrong: dict[str, Any]) -> None:
    ours, theirs = pages
    ours["items"][7] |= wrong
    assert not same_books(ours, theirs)
