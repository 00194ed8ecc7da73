"""What is read off books for the price model, and that missing things do no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.price_columns import INPUTS, NUMBERS, TOKENS, VECTOR, read_columns
from features.price_linear import REST, LinearPrices, variance_shares

BARE: dict[str, Any] = {name: np.nan if name in NUMBERS else "" for name in INPUTS}


def shelf(*books: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([BARE | book for book in books])


def same(one: Any, other: Any) -> bool:
    return bool((one != other).nnz == 0)


def test_authors_are_told_apart_however_they_are_put_together() -> None:
    columns = read_columns(
        shelf({"author": "A. Bell & C. Day"}, {"author": "a bell; c day"}, {"author": "C. Day"}, {})
    )
    counts = columns.tokens["author"]
    assert counts.sum(axis=1).ravel().tolist()[0] == [2, 2, 1, 0]
    assert same(counts[0], read_columns(shelf({"author": "C. Day and A. Bell"})).tokens["author"])
    assert (counts[0].multiply(counts[2])).sum() == 1


@pytest.mark.parametrize("spelled", ["Tolkien, J. R. R.", "J.R.R. Tolkien", "j. r. r. tolkien (Author)"])
def test_an_author_is_one_however_the_name_is_spelled(spelled: str) -> None:
    plain, other = (read_columns(shelf({"author": name})) for name in ("J. R. R. Tolkien", spelled))
    assert same(plain.tokens["author"], other.tokens["author"])


def test_whoever_is_nobody_s_name_is_a_token_all_the_same() -> None:
    assert read_columns(shelf({"author": "Various"})).tokens["author"].sum() == 1


def test_an_edition_is_told_by_each_of_its_marks() -> None:
    plain, imported = (
        read_columns(shelf({"binding": binding})).tokens["binding"]
        for binding in ("Paperback", "Paperback,– Import")
    )
    assert plain.multiply(imported).sum() == 1
    assert imported.sum() == 3


def test_no_text_has_a_vector_of_noughts_whatever_the_encoder_made_of_it() -> None:
    vector = np.ones(4, dtype=np.float32) / 2
    found = read_columns(shelf({"description": "A sea.", VECTOR: vector}, {VECTOR: vector})).vectors
    assert found is not None
    assert found.tolist() == [[0.5] * 4, [0.0] * 4]


def test_vectors_of_two_encoders_are_refused() -> None:
    books = shelf({"description": "A sea.", VECTOR: np.ones(4)}, {VECTOR: np.ones(3)})
    with pytest.raises(ValueError, match=r"vectors must be of one length, got \[3, 4\]"):
        read_columns(books)


def test_a_book_that_tells_nothing_is_read_all_the_same() -> None:
    columns = read_columns(shelf({}).replace("", None))
    assert len(columns) == 1
    assert all(columns.tokens[name].nnz == 0 for name in TOKENS if name != "steps")
    assert columns.words["title"].nnz == columns.words["description"].nnz == 0


def test_a_part_is_as_strong_as_what_it_explains() -> None:
    chance = np.random.default_rng(0)
    author, genre = chance.integers(40, size=600), chance.integers(12, size=600)
    books = shelf(
        *({"author": f"Author {one}", "genre": f"G{two}"} for one, two in zip(author, genre, strict=True))
    )
    columns = read_columns(books)
    y = chance.normal(0, 1, size=40)[author] + chance.normal(0, 0.5, size=600)
    shares = variance_shares(columns, y, seed=0)
    assert shares["author"] > 0.6 > 0.35 > shares[REST] > 0.1
    assert shares["genre"] < 0.05
    assert "vectors" not in shares
    assert "description" not in shares  # all books are alike in it
    assert np.mean((LinearPrices(shares).fit(columns, y).predict(columns) - y) ** 2) < 0.3


def test_what_explains_nothing_leaves_the_mean() -> None:
    books = shelf(*({"title": f"Tale {number}"} for number in range(30)))
    columns = read_columns(books)
    y = np.full(30, 7.0)
    shares = variance_shares(columns, y, seed=0)
    assert shares == {REST: 1.0}
    assert LinearPrices(shares).fit(columns, y).predict(columns).tolist() == [7.0] * 30
