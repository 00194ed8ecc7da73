"""Recommendations follow what is liked, disliked, said and filtered, on a real catalogue's offer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.contracts import (
    Contract,
    RecommendationReply,
    RecommendationRequest,
    SimilarReply,
    SimilarRequest,
)
from bookshelf.errors import ModelUnavailable, NotFound
from bookshelf.settings import Settings
from features.recommender import BookRecommender
from serving.champions import Champion
from serving.encoding import Encoding
from serving.offer import OnOffer
from serving.recommendations import RecommendationAnswers

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
ENCODING = Encoding()
WIDTH = 8
WORDS = ("whales", "loaves", "planets", "sonnets")


class FixedEncoder:
    """In the place of a sentence encoder: the first axis for every text."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.eye(len(texts), WIDTH, dtype=np.float32)


def a_book(number: int, **facts: Any) -> Book:
    """Every fourth book is of one subject; prices rise by a pound a book."""
    usual: dict[str, Any] = {
        "upc": f"upc-{number}",
        "title": f"Tale {number}",
        "rating": 4,
        "category": "Poetry" if number % 2 else "Travel",
        "price": Decimal(10 + number),
        "stock": number % 3,
        "description": f"A book about {WORDS[number % 4]} and thing{number}. It has many pages.",
    }
    return Book(**(usual | facts))


def recommender(books: int) -> Champion:
    chance = np.random.default_rng(0).normal(size=(books, WIDTH))
    listed = [a_book(number) for number in range(1, books + 1)]
    frame = pd.DataFrame(
        {
            "book_id": range(1, books + 1),
            "title": [book.title for book in listed],
            "category": [book.category for book in listed],
            "description": [book.description for book in listed],
        }
    )
    vectors = (chance / np.linalg.norm(chance, axis=1, keepdims=True)).astype(np.float32)
    encoder: Any = FixedEncoder()
    return Champion("recommender", "1", "run", BookRecommender().fit(frame, vectors), {}, encoder)


@pytest.fixture
def catalogue(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr("serving.offer._ASK_AGAIN", 0.0)
    return Catalogue.open(settings.catalogue_url)


def answers_of(books: int, catalogue: Catalogue) -> RecommendationAnswers:
    return RecommendationAnswers(recommender(books), OnOffer(lambda: catalogue), ENCODING)


def answer(answers: RecommendationAnswers, request: Contract) -> Any:
    [reply] = asyncio.run(answers([request]))  # type: ignore[list-item]
    return reply


def similar(answers: RecommendationAnswers, **asked: Any) -> SimilarReply:
    reply = answer(answers, SimilarRequest.model_validate(asked))
    assert isinstance(reply, SimilarReply), reply
    return reply


def ids(reply: SimilarReply | RecommendationReply) -> list[int]:
    return [one.id for one in reply.items]


def neighbours(answers: RecommendationAnswers) -> set[int]:
    return set(ids(answer(answers, RecommendationRequest(book_id=1, limit=10))))


def test_a_book_that_left_is_recommended_no_more(catalogue: Catalogue) -> None:
    answers = answers_of(4, catalogue)
    assert neighbours(answers) == {2, 3, 4}  # nothing is published: nobody is known to have left
    catalogue.publish([a_book(number) for number in range(1, 5)], "shop", MONDAY)
    assert neighbours(answers) == {2, 3, 4}
    catalogue.publish([a_book(1), a_book(3)], "shop", MONDAY + DAY)
    assert neighbours(answers) == {3}
    catalogue.publish([a_book(3), a_book(2)], "shop", MONDAY + 2 * DAY)
    assert neighbours(answers) == {2, 3}


def test_where_the_catalogue_cannot_be_read_the_last_offer_counts(catalogue: Catalogue) -> None:
    catalogue.publish([a_book(1), a_book(2), a_book(3)], "shop", MONDAY)
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY + DAY)
    answers = answers_of(3, catalogue)
    assert neighbours(answers) == {2}
    with catalogue.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE snapshots RENAME TO gone")
    assert neighbours(answers) == {2}


FILTERS: dict[str, tuple[dict[str, Any], set[int]]] = {
    "category, whatever its case": ({"category": "poetry"}, set(range(3, 41, 2))),
    "lowest price, included": ({"min_price": 45}, set(range(35, 41))),
    "highest price, included": ({"max_price": 15.0}, {2, 3, 4, 5}),
    "both": ({"min_price": 15.01, "max_price": 17}, {6, 7}),
    "in stock": ({"in_stock": True, "max_price": 16}, {2, 4, 5}),
    "sold out": ({"in_stock": False, "max_price": 16}, {3, 6}),
    "source": ({"source": "shop", "max_price": 12}, {2}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_apply_first_so_that_as_many_come_back_as_there_are(catalogue: Catalogue, name: str) -> None:
    catalogue.publish([a_book(number) for number in range(1, 41)], "shop", MONDAY)
    filters, expected = FILTERS[name]
    answers = answers_of(40, catalogue)
    assert set(ids(similar(answers, like=[1], filters=filters, limit=100))) == expected
    assert len(similar(answers, like=[1], filters=filters, limit=3).items) == min(3, len(expected))


def test_filters_ask_the_catalogue_of_now_and_not_of_the_training(catalogue: Catalogue) -> None:
    catalogue.publish([a_book(1), a_book(2), a_book(3)], "shop", MONDAY)
    answers = answers_of(3, catalogue)
    assert ids(similar(answers, like=[1], filters={"max_price": 12})) == [2]
    catalogue.publish([a_book(1), a_book(2, price=Decimal(99)), a_book(3)], "shop", MONDAY + DAY)
    assert ids(similar(answers, like=[1], filters={"max_price": 12})) == []


def test_filters_that_nobody_can_apply_are_no_answer(catalogue: Catalogue) -> None:
    request = SimilarRequest.model_validate({"like": [1], "filters": {"in_stock": True}})
    assert isinstance(answer(answers_of(3, catalogue), request), ModelUnavailable)


def test_what_is_liked_draws_near_and_what_is_disliked_pushes_away(catalogue: Catalogue) -> None:
    answers = answers_of(40, catalogue)
    liked = similar(answers, like=[4, 8], limit=38)
    assert not {4, 8} & set(ids(liked))
    assert {one.why.terms[0] for one in liked.items[:3]} == {"whales"}
    pushed = similar(answers, like=[4, 8], dislike=[12], limit=37)
    scores = {one.id: one.score for one in liked.items}
    assert 12 not in ids(pushed)
    assert np.mean([one.score - scores[one.id] for one in pushed.items if one.id % 4 == 0]) < 0


def test_a_text_finds_books_by_its_words_and_says_which(catalogue: Catalogue) -> None:
    found = similar(answers_of(40, catalogue), text="Tell me of WHALES", limit=5)
    assert found.items[0].id % 4 == 0
    assert found.items[0].why.terms == ("whales",)
    assert found.items[0].why.sentence == f"A book about whales and thing{found.items[0].id}."
    assert found.items[0].why.category is None


@pytest.mark.parametrize("text", ["zzz qqq", "…", "的", "...more"])
def test_a_text_in_no_known_words_has_an_answer_too(catalogue: Catalogue, text: str) -> None:
    found = similar(answers_of(40, catalogue), text=text, limit=5)
    assert len(found.items) == 5
    assert {one.why.terms for one in found.items} == {()}


@pytest.mark.parametrize("asked", [{"like": [1, 41]}, {"like": [1], "dislike": [2, 41]}])
def test_an_unknown_id_is_not_found_by_its_place(catalogue: Catalogue, asked: dict[str, Any]) -> None:
    error = answer(answers_of(40, catalogue), SimilarRequest.model_validate(asked))
    assert isinstance(error, NotFound)
    assert error.field == f"{list(asked)[-1]}.1"
    assert "does not know book 41" in str(error)


def test_naming_a_book_twice_is_naming_it_once(catalogue: Catalogue) -> None:
    answers = answers_of(40, catalogue)
    assert similar(answers, like=[4, 4, 7]) == similar(answers, like=[4, 7])


def test_liking_one_book_is_asking_for_its_recommendations(catalogue: Catalogue) -> None:
    answers = answers_of(40, catalogue)
    asked = answer(answers, RecommendationRequest(book_id=7, limit=6))
    assert asked.items == similar(answers, like=[7], limit=6).items


def test_diversity_chooses_other_books_and_begins_with_the_same(catalogue: Catalogue) -> None:
    answers = answers_of(40, catalogue)
    plain, spread = (similar(answers, like=[4], limit=6, diversity=share) for share in (0, 0.8))
    assert spread.items[0] == plain.items[0]
    assert len(set(ids(spread))) == 6
    assert {number % 4 for number in ids(spread)} > {number % 4 for number in ids(plain)}


@pytest.mark.parametrize(("field", "name"), [("category", "Poerty"), ("source", "shoq")])
def test_a_filter_that_names_nothing_on_offer_is_not_found(
    catalogue: Catalogue, field: str, name: str
) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    request = SimilarRequest.model_validate({"like": [1], "filters": {field: name}})
    refused = answer(answers_of(2, catalogue), request)
    assert isinstance(refused, NotFound)
    assert (refused.field, repr(name) in str(refused)) == (f"filters.{field}", True)
