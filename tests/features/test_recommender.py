"""Neighbours are near, never the book itself nor its other editions, and the same after saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io

from features.recommender import BookRecommender, Vectors, compare, texts_of

BOOKS = pd.DataFrame(
    [
        (7, "Dune", "Science Fiction", "A desert planet, a spice and a young duke."),
        (3, "Dune (Illustrated Edition)", "Science Fiction", "The famous novel with new pictures."),
        (5, "The Sand Sea", "Science Fiction", "A desert planet without water."),
        (9, "Bread at Home", "Food and Drink", "Loaves, rolls and a sourdough starter."),
        (11, "Cakes at Home", "Food and Drink", "Sponges, tarts and a sourdough cake."),
        (13, "Bread Once More", "Food and Drink", "Loaves for a winter of baking."),
        (15, "Loaves", "Default", ""),
        (17, "The Rest", "Default", ""),
    ],
    columns=["book_id", "title", "category", "description"],
)


def vectors(n: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


@pytest.fixture
def recommender() -> BookRecommender:
    return BookRecommender().fit(BOOKS, vectors(len(BOOKS)))


def ids(recommender: BookRecommender, book_id: int, k: int = 100) -> list[int]:
    return [one.book_id for one in recommender.recommend(book_id, k)]


def test_a_book_is_never_recommended_for_itself(recommender: BookRecommender) -> None:
    assert all(book_id not in ids(recommender, book_id) for book_id in BOOKS["book_id"])


def test_another_edition_of_the_title_is_never_recommended(recommender: BookRecommender) -> None:
    assert 3 not in ids(recommender, 7)
    assert 7 not in ids(recommender, 3)


def test_a_book_described_by_nearly_the_same_vector_is_never_recommended() -> None:
    near = vectors(len(BOOKS))
    near[5] = near[3]
    found = BookRecommender().fit(BOOKS, near)
    assert 13 not in ids(found, 9)
    assert 13 in ids(found, 11)


def test_a_book_described_in_the_same_words_is_never_recommended() -> None:
    words = (
        "Loaves, rolls, buns, crusts, flour, water, salt, yeast, ovens, peels, baskets, knives, crumbs, rye."
    )
    books = BOOKS.assign(
        description=[words if book_id in (9, 13) else "Else." for book_id in BOOKS["book_id"]]
    )
    found = BookRecommender().fit(books, vectors(8))
    assert 13 not in ids(found, 9)
    assert 13 in ids(found, 11)


def test_every_other_book_comes_back_best_first(recommender: BookRecommender) -> None:
    found = recommender.recommend(9, 100)
    assert len(found) == len(BOOKS) - 1
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert max(scores) <= 1


def test_equal_scores_go_to_the_lower_id() -> None:
    flat = np.tile(vectors(1), (8, 1))
    flat[0] = vectors(1, seed=1)
    books = BOOKS.assign(title=[f"the {'x' * place}" for place in range(1, 9)], description="", category="")
    only_meaning = BookRecommender(1, 0, 0).fit(books, flat)
    assert ids(only_meaning, 7) == [3, 5, 9, 11, 13, 15, 17]


def test_the_category_alone_finds_the_category_and_no_category_is_none() -> None:
    found = BookRecommender(0, 0, 1).fit(BOOKS, vectors(8))
    assert [one.category for one in found.recommend(9, 2)] == ["Food and Drink"] * 2
    assert {one.score for one in found.recommend(15, 8)} == {0.0}


def test_a_book_without_a_description_is_known_by_its_title() -> None:
    only_words = BookRecommender(0, 1, 0).fit(BOOKS, vectors(8))
    assert set(ids(only_words, 15, 2)) == {9, 13}


def test_an_unknown_book_is_a_key_error(recommender: BookRecommender) -> None:
    for unknown in (0, 4, 100):
        with pytest.raises(KeyError):
            recommender.recommend(unknown, 5)


def test_a_frame_of_questions_gets_its_answers_in_order(recommender: BookRecommender) -> None:
    found = recommender.predict(pd.DataFrame({"book_id": [9, 7], "limit": [2, 1]}))
    assert found["query_id"].tolist() == [9, 9, 7]
    assert found["book_id"].tolist() == ids(recommender, 9, 2) + ids(recommender, 7, 1)
    assert found.dtypes.astype(str).tolist() == ["int64", "int64", "float64"]


def test_a_saved_recommender_answers_the_same_and_holds_nothing_strange(recommender: BookRecommender) -> None:
    saved = skops.io.dumps(recommender)
    types = skops.io.get_untrusted_types(data=saved)
    assert all(name.startswith(("features.", "scipy.")) for name in types)
    loaded = skops.io.loads(saved, trusted=types)
    questions = pd.DataFrame({"book_id": BOOKS["book_id"], "limit": 8})
    pd.testing.assert_frame_equal(loaded.predict(questions), recommender.predict(questions))
    assert loaded.embeddings.dtype == loaded.terms.dtype == np.float32


def test_comparing_profiles_is_what_recommending_does(recommender: BookRecommender) -> None:
    everything = recommender.profile(
        texts_of(BOOKS.sort_values("book_id")), recommender.categories, recommender.embeddings
    )
    table = recommender.blend(compare(everything, everything))
    one = recommender.recommend(9, 1)[0]
    rows = {book_id: row for row, book_id in enumerate(recommender.book_ids)}
    assert table[rows[9], rows[one.book_id]] == pytest.approx(one.score, abs=1e-6)


def test_a_title_without_a_word_can_be_indexed() -> None:
    books = pd.DataFrame({"book_id": [1, 2], "title": ["!", "?"], "category": "", "description": ""})
    assert ids(BookRecommender().fit(books, vectors(2)), 1) == [2]


@pytest.mark.parametrize("weights", [(-0.1, 1, 0), (0, 0, 0)])
def test_weights_that_weigh_nothing_are_refused(weights: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        BookRecommender(*weights).fit(BOOKS, vectors(8))


def test_books_that_cannot_be_indexed_are_refused() -> None:
    with pytest.raises(ValueError, match="each book_id once"):
        BookRecommender().fit(BOOKS.assign(book_id=1), vectors(8))
    with pytest.raises(ValueError, match="a vector for each of 8 books"):
        BookRecommender().fit(BOOKS, vectors(7))
