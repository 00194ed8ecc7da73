"""Which features of two tables are compared, and what of a text, a vector and an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.recommender import BookRecommender
from training.drift_features import compare_tables, principal_axes
from training.drift_predictions import chosen, first_scores, neighbour_scores
from training.drift_statistics import Limits

Table = pd.DataFrame


def a_table(n: int = 400, seed: int = 1, *, shift: float = 0.0, dimensions: int = 384) -> Table:
    """Books whose vectors spread unevenly, as those of texts do, moved by `shift` along their widest axis."""
    chance = np.random.default_rng(seed)
    widths = 1 / np.sqrt(np.arange(1, dimensions + 1))
    vectors = chance.normal(size=(n, dimensions)) * widths + np.eye(dimensions)[-1]
    vectors[:, 0] += shift
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "book_id": np.arange(1, n + 1),
            "title": [f"Book {number}" for number in chance.integers(10**9, size=n)],
            "category": [f"Shelf {number}" for number in chance.integers(6, size=n)],
            "description": ["word " * number for number in chance.poisson(60, size=n)],
            "stock": chance.integers(0, 20, size=n).astype(float),
            "embedding": pd.Series(list(vectors.astype(np.float32)), dtype=object),
            "held_out": chance.random(n) < 0.2,
        }
    )


def drifts(reference: Table, window: Table, **more: Any) -> dict[str, bool]:
    nothing = np.empty(0)
    predictions = more.get("predictions", (nothing, nothing))
    found = compare_tables(reference, window, predictions, Limits())
    return {one.drift.feature: one.drift.violated for one in found}


def test_numbers_categories_lengths_and_places_are_compared_and_nothing_else() -> None:
    axes = {f"embedding_axis_{axis}" for axis in range(1, 6)}
    assert drifts(a_table(), a_table(seed=2)).keys() == {
        "title_words",
        "category",
        "description_words",
        "stock",
        "embedding_centre",
        *axes,
    }


@pytest.mark.parametrize("rows", [30, 100, 1000])
def test_other_books_of_the_same_kind_have_not_moved(rows: int) -> None:
    for seed in range(10):
        assert not any(drifts(a_table(rows, seed), a_table(rows, seed + 100)).values())


@pytest.mark.parametrize("rows", [2, 30, 1000])
def test_the_very_same_books_lie_where_they_lay(rows: int) -> None:
    table = a_table(rows)
    found = compare_tables(table, table.sample(frac=1, random_state=1), (np.empty(0), np.empty(0)), Limits())
    assert max(one.drift.severity for one in found) == 0


def test_words_are_counted_once_where_they_are_a_feature_of_their_own() -> None:
    counted = a_table().assign(title_words=2)
    assert list(drifts(counted, counted)).count("title_words") == 1


def test_texts_that_grow_are_seen() -> None:
    longer = a_table(seed=2).assign(description=lambda table: table["description"] * 2)
    assert [name for name, violated in drifts(a_table(), longer).items() if violated] == ["description_words"]


def test_texts_of_another_meaning_are_seen() -> None:
    moved = drifts(a_table(), a_table(seed=2, shift=1.5))
    assert moved["embedding_axis_1"]
    assert moved["embedding_centre"]
    assert not moved["stock"]


def test_vectors_of_another_encoder_are_seen_and_not_compared() -> None:
    moved = drifts(a_table(), a_table(dimensions=32))
    assert moved["embedding_dimensions"]
    assert not [name for name in moved if name.startswith("embedding_axis")]


def test_an_answer_is_compared_like_a_feature_and_one_that_is_not_given_counts() -> None:
    given = np.linspace(0, 1, 300)
    for moved in (given + 0.5, np.where(given < 0.5, np.nan, given)):
        assert drifts(a_table(), a_table(), predictions=(given, moved))["prediction"]
    assert not drifts(a_table(), a_table(), predictions=(given, given))["prediction"]


def test_what_moved_furthest_comes_first() -> None:
    moved = a_table(seed=2).assign(stock=50.0, category="Shelf 0")
    found = compare_tables(a_table(), moved, (np.empty(0), np.empty(0)), Limits())
    assert [one.drift.severity for one in found] == sorted(
        (one.drift.severity for one in found), reverse=True
    )
    assert {one.drift.feature for one in found[:2]} == {"stock", "category"}


def test_a_feature_that_one_side_lacks_is_left_out() -> None:
    assert "stock" not in drifts(a_table().drop(columns="stock"), a_table())
    assert "stock" not in drifts(a_table(), a_table().drop(columns="stock"))


def test_axes_are_the_widest_first_and_no_more_than_there_are() -> None:
    vectors = np.random.default_rng(3).normal(size=(500, 3)).astype(np.float32) * [1, 5, 2]
    axes = principal_axes(vectors.astype(np.float32), 5)
    assert np.abs(axes).argmax(axis=0).tolist() == [1, 2, 0]
    assert principal_axes(vectors[:, :1].astype(np.float32), 5).shape == (1, 1)


def test_the_books_that_are_asked_of_one_table_are_asked_of_the_next() -> None:
    ids = np.arange(1, 1001)
    some, others = ids[chosen(ids, 100)], ids[10:][chosen(ids[10:], 100)]
    assert len(some) == len(others) == 100
    assert len(set(some) & set(others)) >= 98
    assert chosen(ids[:7], 100).tolist() == list(range(7))


def test_a_book_that_the_recommender_does_not_know_has_no_answer() -> None:
    table = a_table(40)
    model = BookRecommender().fit(table, np.stack(list(table["embedding"])))
    known = table["book_id"].to_numpy(dtype=np.int64)
    assert np.isfinite(neighbour_scores(model, known)).all()
    scores = neighbour_scores(model, np.append(known[:20], [900, 901]))
    assert (len(scores), int(np.isnan(scores).sum())) == (22, 2)
    assert np.isnan(neighbour_scores(model, np.array([1]))).all()  # it has no neighbour on offer
    best = first_scores(model, known)
    assert (best >= neighbour_scores(model, known)).all()
    assert best[0] == model.recommend(int(known[chosen(known)][0]), 1, model.rows_among(known))[0].score
