"""The best rows come first and in order, and editions of one work share a key."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sentences import halves, passages, sentences
from features.similarity import best_rows, edition_keys, spread_out, work_keys


def test_the_best_rows_come_first_and_ties_go_to_the_lower_row() -> None:
    scores = np.array([0.2, 0.9, 0.5, 0.9, 0.5, 0.5], dtype=np.float32)
    assert best_rows(scores, 4).tolist() == [1, 3, 2, 4]


def test_rows_that_are_left_out_never_come_back() -> None:
    scores = np.array([-np.inf, 0.1, -np.inf, -0.3], dtype=np.float32)
    assert best_rows(scores, 4).tolist() == [1, 3]
    assert best_rows(np.full(3, -np.inf, dtype=np.float32), 2).tolist() == []


def test_diversity_gives_each_next_one_for_being_unlike_those_before_it() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.5], dtype=np.float32)
    alike = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    assert spread_out(scores, alike, 4, 0.0).tolist() == [0, 1, 2, 3]
    assert spread_out(scores, alike, 3, 0.5).tolist() == [0, 2, 3]
    assert spread_out(scores, alike, 9, 1.0).tolist() == [0, 3, 2, 1]


def test_of_equal_gains_the_better_score_goes_first() -> None:
    scores = np.array([0.9, 0.5, 0.5], dtype=np.float32)
    assert spread_out(scores, np.zeros((3, 3), dtype=np.float32), 3, 0.5).tolist() == [0, 1, 2]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30), st.integers(1, 40))
def test_the_best_rows_are_those_of_a_full_sort(values: list[float], k: int) -> None:
    expected = sorted(range(len(values)), key=lambda row: (-values[row], row))[:k]
    assert best_rows(np.array(values, dtype=np.float32), k).tolist() == expected


@pytest.mark.parametrize(
    "title",
    [
        "dune",
        "DUNE!",
        "Dune (Illustrated Edition)",
        "Dune: 40th Anniversary Edition",
        "Dune - Deluxe Edition",
        "Dune [Kindle]",
        "Dune (Hardcover)",
        "Dune, Paperback",
        "Dune: A Novel",
        "Dune (Dune Chronicles #1)",
        "Dune (2nd ed.)",
    ],
)
def test_editions_of_one_work_share_its_key(title: str) -> None:
    assert work_keys([title]) == work_keys(["Dune"])


def test_works_that_only_look_alike_keep_their_own_keys() -> None:
    titles = [
        "Saga, Volume 1",
        "Saga, Volume 2",
        "Saga, Volume 2 (Saga (Collected Editions) #2)",
        "Volume 2 (Saga #2)",
        "Volume 2 (Bone #2)",
        "Saga (Not a Series)",
        "Spark Joy",
        "Spark Joy: An Illustrated Master Class",
        "!!",
        "(Illustrated)",
        "",
    ]
    assert len(set(work_keys(titles))) == len(titles)


@given(st.text(alphabet="ab .!?A", max_size=60))
def test_sentences_put_together_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


def test_passages_have_enough_words_and_lose_none() -> None:
    text = "How? She left. She took the boat out at dawn and did not look back once. Why?"
    assert passages(text, 8) == [text]
    long = " ".join(["The keeper of the light wrote down every single ship."] * 3)
    assert len(passages(long, 8)) == 3
    assert passages("", 8) == [""]


def test_halves_are_cut_between_sentences_near_the_middle() -> None:
    sentence = "The keeper of the light wrote down every single ship she saw."
    cut = halves(" ".join([sentence] * 4))
    assert cut == (f"{sentence} {sentence}", f"{sentence} {sentence}")


@pytest.mark.parametrize("text", ["", "One sentence of more than twenty words " * 4, "Short. Very short."])
def test_a_text_that_is_too_short_has_no_halves(text: str) -> None:
    assert halves(text) is None


def test_editions_of_one_book_have_one_key_however_their_authors_are_spelled() -> None:
    titles = ["Dune", "Dune (Illustrated Edition)", "DUNE!", "Dune", "Poems", "Poems"]
    authors = ["Frank Herbert", "frank herbert", "Frank  Herbert, A. Hand", "A. Hand", "J. Keats", "E. Poe"]
    keys = edition_keys(titles, authors)
    assert len(set(keys[:4])) == 1
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("J.K. Rowling", "JK Rowling (Author)"),
        ("Émile Zola", "Emile Zola"),
        ("Frank Herbert", "Brian Herbert with Frank Herbert"),
        ("Frank Herbert", "Herbert, Frank"),
        ("J. R. R. Tolkien", "J.R.R. Tolkien"),
        ("J. R. R. Tolkien", "John Ronald Reuel Tolkien"),
        ("Haruki Murakami", "Murakami Haruki"),
    ],
)
def test_roles_and_accents_keep_no_editions_apart(one: str, other: str) -> None:
    keys = edition_keys(["A Tale", "A Tale", "A Tale"], [one, other, "Somebody Else"])
    assert keys[0] == keys[1] != keys[2]


def test_a_book_without_author_may_be_an_edition_of_any_of_that_title() -> None:
    keys = edition_keys(["Poems", "Poems", "Poems", "Odes"], ["J. Keats", "", "E. Poe", ""])
    assert keys[0] == keys[1] == keys[2] != keys[3]
