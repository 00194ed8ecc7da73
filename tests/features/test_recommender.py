"""Neighbours are near, never the book itself nor its other editions, and the same after saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.typing import NDArray

from features.lens import Lens
from features.reasons import Why
from features.recommender import BookRecommender
from features.respects import CATEGORY, MEANING, RESPECTS, WORDS, Vectors, compare, compare_with_few

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
    only_meaning = BookRecommender({MEANING: 1}).fit(books, flat)
    assert ids(only_meaning, 7) == [3, 5, 9, 11, 13, 15, 17]


def test_the_category_alone_finds_the_category_and_no_category_is_none() -> None:
    found = BookRecommender({CATEGORY: 1}).fit(BOOKS, vectors(8))
    assert [one.category for one in found.recommend(9, 2)] == ["Food and Drink"] * 2
    assert {one.score for one in found.recommend(15, 8)} == {0.0}


def test_a_book_without_a_description_is_known_by_its_title() -> None:
    only_words = BookRecommender({WORDS: 1}).fit(BOOKS, vectors(8))
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
    assert {matrix.dtype for matrix in loaded.profile.respects.values()} == {np.dtype("float32")}
    wish = loaded.wish([9])
    assert loaded.why(wish, [11]) == recommender.why(recommender.wish([9]), [11])


def test_several_liked_books_ask_as_their_mean(recommender: BookRecommender) -> None:
    alone = {
        book_id: {one.book_id: one.score for one in recommender.recommend(book_id, 8)} for book_id in (9, 5)
    }
    both = recommender.nearest(recommender.wish([9, 5]), 8)
    assert {5, 9}.isdisjoint(one.book_id for one in both)
    for one in both:
        mean = np.mean([scores[one.book_id] for scores in alone.values()])
        assert one.score == pytest.approx(mean, abs=1e-6)


def test_half_of_what_is_disliked_is_taken_off(recommender: BookRecommender) -> None:
    liked = {one.book_id: one.score for one in recommender.recommend(9, 8)}
    disliked = {one.book_id: one.score for one in recommender.recommend(5, 8)}
    found = recommender.nearest(recommender.wish([9], [5]), 8)
    for one in found:
        assert one.score == pytest.approx(liked[one.book_id] - disliked[one.book_id] / 2, abs=1e-6)


def test_neither_a_disliked_book_nor_its_editions_are_given(recommender: BookRecommender) -> None:
    found = recommender.nearest(recommender.wish([9], [7]), 8)
    assert {3, 7}.isdisjoint(one.book_id for one in found)


def test_works_of_one_title_by_other_authors_are_recommended_for_each_other() -> None:
    books = BOOKS.assign(title=["Poems" if book_id in (5, 9) else "x" for book_id in BOOKS["book_id"]])
    by_two = books.assign(author=["Poe" if book_id == 5 else "Keats" for book_id in BOOKS["book_id"]])
    assert 5 in ids(BookRecommender().fit(by_two, vectors(8)), 9)
    by_one = books.assign(author="John Keats")
    assert 5 not in ids(BookRecommender().fit(by_one, vectors(8)), 9)
    assert 5 not in ids(BookRecommender().fit(books, vectors(8)), 9)


def test_as_many_come_back_as_there_are_behind_the_copies() -> None:
    copies = 40
    flat = np.vstack([np.tile(vectors(1), (copies, 1)), vectors(10, seed=1)])
    books = pd.DataFrame({"book_id": range(50), "title": [f"t{n}" for n in range(50)], "category": ""})
    found = BookRecommender().fit(books.assign(description=""), flat)
    assert len(ids(found, 0, 5)) == 5
    assert set(ids(found, 0)) == set(range(copies, 50))


def scored(recommender: BookRecommender, book_id: int) -> list[tuple[int, float]]:
    return [(one.book_id, one.score) for one in recommender.recommend(book_id, 100)]


def test_a_text_asks_as_a_book_without_name_or_category(recommender: BookRecommender) -> None:
    wish = recommender.wish(text="sourdough loaves", vector=vectors(1)[0])
    found = recommender.nearest(wish, 8)
    assert len(found) == 8
    [first] = recommender.why(wish, [9])
    assert first == Why(terms=("sourdough", "loaves"), sentence="Loaves, rolls and a sourdough starter.")


def test_a_reason_names_what_is_shared() -> None:
    by = ["Ann Baker (Author), Bo Li" if book_id in (9, 13) else "Z. Z." for book_id in BOOKS["book_id"]]
    books = BOOKS.assign(author=by)
    found = BookRecommender().fit(books, vectors(8))
    bread, cakes = found.why(found.wish([9]), [13, 11])
    assert bread == Why("Food and Drink", "Ann Baker", ("bread", "loaves"), "Loaves for a winter of baking.")
    assert (cakes.category, cakes.author) == ("Food and Drink", None)
    assert cakes.terms == ("home", "sourdough")
    [other] = found.why(found.wish([9]), [17])
    assert other == Why()


def test_no_category_is_nothing_shared(recommender: BookRecommender) -> None:
    assert recommender.why(recommender.wish([15]), [17])[0].category is None


def test_what_is_not_known_of_any_book_changes_nothing() -> None:
    empty = BOOKS.assign(author="", genre="", language="", year=np.nan, reviews=np.nan)
    bare, known = (BookRecommender().fit(books, vectors(8)) for books in (BOOKS, empty))
    assert bare.recommend(9, 8) == known.recommend(9, 8)


def test_authors_genres_and_series_bring_books_near() -> None:
    books = BOOKS.assign(
        title=["Alpha (Saga, #1)", "Beta", "Gamma", "Delta", "Omega (The Saga #2)", "Psi", "Chi", "Phi"],
        author=["A. One", "B. Two", "C. Three", "A. One", "E. Five", "F. Six", "G. Seven", "H. Eight"],
        genre=["War, Sea", "Sea", "Love", "Love", "Love", "Love", "Love", "Love"],
        year=[1990, 1999, 1991, 1950, 1950, 1950, 1950, 1950],
        reviews=[10, 1, 10_000, 1, 1, 1, 1, 1],
    )
    nearest = {
        name: BookRecommender({name: 1}).fit(books, vectors(8)).recommend(7, 1)[0].book_id
        for name in ("author", "series", "genre", "year", "fame")
    }
    assert nearest == {"author": 9, "series": 11, "genre": 3, "year": 5, "fame": 5}


def test_a_search_of_many_books_by_their_index_finds_what_an_exact_one_finds() -> None:
    n = 600
    chance = np.random.default_rng(3)
    themes = chance.normal(size=(12, 24))
    drawn = themes[chance.integers(12, size=n)] + 0.4 * chance.normal(size=(n, 24))
    unit = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    books = pd.DataFrame({"book_id": range(n), "title": [f"Volume{one}" for one in range(n)], "category": ""})
    books["description"] = [f"word{one % 97} word{one % 31}" for one in range(n)]
    exact, quick = (BookRecommender(exact_up_to=most).fit(books, unit) for most in (n, 100))
    assert exact.index is None
    assert quick.index is not None
    assert quick.index.recall >= 0.95
    shared = [len(set(ids(exact, one, 10)) & set(ids(quick, one, 10))) for one in range(0, n, 20)]
    assert np.mean(shared) >= 9.5
    loaded = skops.io.loads(
        skops.io.dumps(quick), trusted=skops.io.get_untrusted_types(data=skops.io.dumps(quick))
    )
    assert loaded.recommend(7, 10) == quick.recommend(7, 10)
    few = np.arange(n) % 60 == 0
    assert ids_among(quick, 7, few) == ids_among(exact, 7, few)
    most = np.arange(n) % 2 == 0
    assert len(ids_among(quick, 7, most, k=300)) == 300


def test_what_one_book_asks_for_is_kept_and_is_what_a_search_finds(
    recommender: BookRecommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.ranking._KEPT", 4)
    some = np.array([row % 2 == 0 for row in range(8)])
    searched = BookRecommender().fit(BOOKS, vectors(8))
    monkeypatch.setattr(searched, "_ranking", None)
    monkeypatch.setattr("features.recommender.RANKED_UP_TO", 0)
    expected = {
        (book_id, k): searched.recommend(book_id, k, some) for book_id in BOOKS["book_id"] for k in (1, 2, 8)
    }
    everything = {book_id: searched.recommend(book_id, 8) for book_id in BOOKS["book_id"]}
    assert searched._ranking is None
    monkeypatch.setattr("features.recommender.RANKED_UP_TO", 8)
    assert {asked: recommender.recommend(*asked, some) for asked in expected} == expected
    assert {book_id: recommender.recommend(book_id, 8) for book_id in everything} == everything
    assert recommender._ranking is not None
    assert recommender._ranking.rows.shape == (8, 4)


def test_what_is_kept_is_saved_and_made_anew_for_other_weights(recommender: BookRecommender) -> None:
    found = recommender.recommend(9, 8)
    saved = skops.io.dumps(recommender)
    loaded = skops.io.loads(saved, trusted=skops.io.get_untrusted_types(data=saved))
    kept = loaded._ranking
    assert loaded.recommend(9, 8) == found
    assert loaded._ranking is kept
    loaded.weights = {CATEGORY: 1.0}
    assert [one.category for one in loaded.recommend(9, 2)] == ["Food and Drink"] * 2
    assert loaded._ranking is not kept


def test_likeness_is_the_same_by_rows_as_by_columns(recommender: BookRecommender) -> None:
    asked = recommender.wish([9, 5], [7]).profile
    by_columns, by_rows = (
        compare(asked, recommender.profile),
        compare_with_few(asked, recommender.profile, tuple(RESPECTS)),
    )
    assert set(by_columns) == set(by_rows)
    for name, likeness in by_columns.items():
        np.testing.assert_allclose(by_rows[name], likeness, atol=1e-6)


def ids_among(recommender: BookRecommender, book_id: int, among: NDArray[np.bool_], k: int = 5) -> list[int]:
    return [one.book_id for one in recommender.recommend(book_id, k, among)]


def test_one_saved_before_it_knew_more_answers_as_it_did() -> None:
    now = BookRecommender({MEANING: 0.3, WORDS: 0.65, CATEGORY: 0.05}).fit(BOOKS, vectors(8))
    before = {
        **{"meaning_weight": 0.3, "words_weight": 0.65, "category_weight": 0.05},
        **{name: getattr(now, name) for name in ("book_ids", "titles", "categories", "works", "embeddings")},
        "weighting": now.lens.weighting,
        "terms": now.profile.respects[WORDS],
    }
    former = BookRecommender.__new__(BookRecommender)
    former.__setstate__(before)
    assert scored(former, 9) == scored(now, 9)
    assert former.why(former.wish([9]), [11])[0].sentence is None
    again = skops.io.dumps(former)
    assert skops.io.loads(again, trusted=skops.io.get_untrusted_types(data=again)).recommend(9, 3)


def test_words_are_found_where_the_hashing_puts_them() -> None:
    from features.reasons import _place

    lens = Lens().fit(BOOKS)
    for word in ("sourdough", "größe", "книга", "x2"):
        assert lens.weighting[0].transform([word]).indices.tolist() == [_place(word)]


def test_a_title_without_a_word_can_be_indexed() -> None:
    books = pd.DataFrame({"book_id": [1, 2], "title": ["!", "?"], "category": "", "description": ""})
    assert ids(BookRecommender().fit(books, vectors(2)), 1) == [2]


@pytest.mark.parametrize("weights", [{}, {MEANING: 0.0}, {MEANING: float("nan")}, {"colour": 1.0}])
def test_weights_that_weigh_nothing_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        BookRecommender(weights).fit(BOOKS, vectors(8))


def test_a_weight_below_zero_speaks_against_a_book() -> None:
    found = BookRecommender({MEANING: 0.5, CATEGORY: -0.5}).fit(BOOKS, vectors(8))
    assert {one.category for one in found.recommend(9, 5)} == {"Science Fiction", "Default"}


def test_books_that_cannot_be_indexed_are_refused() -> None:
    with pytest.raises(ValueError, match="each book_id once"):
        BookRecommender().fit(BOOKS.assign(book_id=1), vectors(8))
    with pytest.raises(ValueError, match="a vector for each of 8 books"):
        BookRecommender().fit(BOOKS, vectors(7))
