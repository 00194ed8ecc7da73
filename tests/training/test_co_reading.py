"""Lists of what belongs together are read, learnt from and judged by, each on its own side."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookshelf.book import Book, ListedBook
from bookshelf.errors import TrainingError
from features.recommender import BookRecommender
from features.respects import Rows
from training.co_reading import read_by, reading, relative_gain
from training.lists import Lists, catalogue_lists
from training.neighbours import Neighbours, Told, neighbours_of, read_neighbours
from training.retrieval import BLEND, MEANING, RANDOM, SAME_CATEGORY
from training.weighing import _choices, learnt_weights

Answers = tuple[Rows, ...]

BOOKS = 120
ROWS = np.arange(BOOKS)
AUTHORS, CATEGORIES = ROWS // 4, ROWS % 6


@pytest.fixture(scope="module")
def model() -> BookRecommender:
    """Books by thirty authors of four books each, in six categories; texts and vectors tell nothing."""
    drawn = np.random.default_rng(0).normal(size=(BOOKS, 16))
    unit = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    books = pd.DataFrame(
        {
            "book_id": ROWS + 1,
            "title": [f"Title{row}" for row in ROWS],
            "category": [f"Shelf {category}" for category in CATEGORIES],
            "description": [f"word{row % 7} thing{row % 11}" for row in ROWS],
            "author": [f"Writer {author}" for author in AUTHORS],
        }
    )
    return BookRecommender().fit(books, unit)


@pytest.fixture(scope="module")
def by_author() -> Answers:
    return tuple(np.flatnonzero((AUTHORS[row] == AUTHORS) & (row != ROWS)) for row in ROWS)


def listed() -> list[ListedBook]:
    facts = {"price": Decimal(1), "category": "Poetry"}
    return [
        ListedBook(int(row) + 1, "shop", Book(title=f"Title{row}", key=f"k{row}", **facts))  # type: ignore[arg-type]
        for row in ROWS
    ]


def known(told: Told, kind: str = "auto") -> Neighbours:
    return neighbours_of(told, listed(), [one.book.title for one in listed()], kind)


KEYS = [(f"k{row}", (f"k{(row + 1) % BOOKS}", f"k{(row + 2) % BOOKS}", "gone")) for row in ROWS]


@pytest.mark.parametrize(
    "cell", ["7 8 9", "7,8,9", "7; 8;9", "[7, 8, 9]", '["7", "8", "9"]', "['7' '8' '9']", "7|8|9"]
)
def test_neighbours_may_be_apart_in_many_ways(tmp_path: Path, cell: str) -> None:
    pd.DataFrame({"book_id": ["1"], "neighbours": [cell]}).to_csv(tmp_path / "near.csv", index=False)
    assert read_neighbours(tmp_path / "near.csv") == [("1", ("7", "8", "9"))]


def test_a_parquet_of_lists_is_read_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"book_id": [1, 2], "neighbours": [[7, 8], None]})
    table.to_parquet(tmp_path / "near.parquet")
    assert read_neighbours(tmp_path / "near.parquet") == [("1", ("7", "8")), ("2", ())]


def test_a_parquet_may_tell_one_neighbour_a_row(tmp_path: Path) -> None:
    pd.DataFrame({"book_id": [1, 2], "neighbours": [7, None]}).to_parquet(tmp_path / "near.parquet")
    assert read_neighbours(tmp_path / "near.parquet") == [("1", ("7",)), ("2", ())]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("book_id,near\n1,2\n", "must have a column neighbours, got book_id, near"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_without_lists_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "near.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(TrainingError, match=reason):
        read_neighbours(tmp_path / "near.csv")


def test_ids_are_taken_for_what_most_of_them_are() -> None:
    ours = [(str(row + 1), (str(row),)) for row in ROWS[1:]]
    assert (known(KEYS).kind, known(ours).kind) == ("key", "id")
    assert known(ours).matched == BOOKS - 1
    assert str(known(KEYS)).startswith("120 lists by key, of which 120 are")


def test_isbns_of_ten_digits_are_those_of_thirteen() -> None:
    books = [
        ListedBook(row + 1, "shop", Book(title=f"Title{row}", price=Decimal(1), isbn=isbn13(row)))
        for row in range(40)
    ]
    told = [(isbn10(row), (isbn13(row + 1),)) for row in range(39)]
    assert neighbours_of(told, books, [one.book.title for one in books]).kind == "isbn"


def isbn13(row: int) -> str:
    body = f"9780000{row:05d}"
    return body + str(-sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(body)) % 10)


def isbn10(row: int) -> str:
    body = f"0000{row:05d}"
    check = -sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11
    return body + ("X" if check == 10 else str(check))


def test_no_list_learnt_from_names_or_asks_for_a_book_that_is_judged() -> None:
    found = known(KEYS)
    judged = set(found.judging.queries)
    learnt = set(found.learning.queries) | {row for answers in found.learning.answers for row in answers}
    assert judged.isdisjoint(learnt)
    assert judged.isdisjoint(np.flatnonzero(found.learnable))
    assert 0.3 * BOOKS < len(judged) < 0.7 * BOOKS


def test_too_few_known_books_are_no_measure() -> None:
    with pytest.raises(TrainingError, match="of 10 books listed, 10 are known by key"):
        known(KEYS[:10])
    with pytest.raises(TrainingError, match="0 are known by upc"):
        known(KEYS, "upc")


def test_what_the_lists_follow_gets_the_weight(model: BookRecommender, by_author: Answers) -> None:
    everything = np.ones(BOOKS, dtype=bool)
    lists = [Lists("neighbours", ROWS, by_author)]
    learnt = learnt_weights(model, lists, everything, held=10, seed=0)
    assert max(learnt, key=lambda name: learnt[name]) == "author"
    assert {"genre", "language", "year", "standing", "fame", "series"}.isdisjoint(learnt)
    held = learnt_weights(model, lists, everything, held=1e9, seed=0)
    given = {name: share for name, share in model.shares.items() if name not in ("genre", "series")}
    assert held == pytest.approx(
        {name: share / sum(given.values()) for name, share in given.items()}, abs=1e-4
    )


def test_a_list_of_all_books_there_are_teaches_nothing_and_spoils_nothing(model: BookRecommender) -> None:
    few = ROWS < 12
    alone = Lists("everybody", ROWS[:1], (ROWS[1:12],))
    choices = _choices(model, alone, few, np.random.default_rng(0))
    loss, slope = choices.loss(np.ones(12))
    assert loss == 0
    assert not slope.any()


def test_the_learnt_slope_is_that_of_the_loss(model: BookRecommender, by_author: Answers) -> None:
    choices = _choices(
        model, Lists("n", ROWS, by_author), np.ones(BOOKS, dtype=bool), np.random.default_rng(0)
    )
    at = np.linspace(0.5, 3, 12)
    for place in range(12):
        step = np.zeros(12)
        step[place] = 1e-4
        slope = (choices.loss(at + step)[0] - choices.loss(at - step)[0]) / 2e-4
        assert choices.loss(at)[1][place] == pytest.approx(slope, rel=1e-3, abs=1e-2)


def test_a_catalogue_tells_lists_by_author_and_category_and_hides_what_made_them(
    model: BookRecommender,
) -> None:
    among = ROWS < 60
    author, category = catalogue_lists(model, among, seed=0)
    assert (author.name, category.name) == ("author", "category")
    assert author.hidden == {"author", "series"}
    for lists, labels in ((author, AUTHORS), (category, CATEGORIES)):
        for query, answers in zip(lists.queries, lists.answers, strict=True):
            assert query < 60
            assert answers.max() < 60
            assert query not in answers
            assert set(labels[answers]) == {labels[query]}


def test_reading_is_judged_beside_every_single_part_and_chance(
    model: BookRecommender,
    by_author: Answers,
) -> None:
    only_author = BookRecommender({"author": 1.0})
    only_author.__dict__.update({**model.__dict__, "weights": {"author": 1.0}})
    found = reading(only_author, Lists("neighbours", ROWS, by_author))
    np.testing.assert_allclose(found[BLEND].ndcg, 1)
    np.testing.assert_allclose(found[BLEND].recall, 1)
    np.testing.assert_allclose(found[RANDOM].recall, 10 / (BOOKS - 1))
    measured = read_by(found, seed=0)
    assert measured["co_reading_ndcg_at_10"] == pytest.approx(1)
    best = max(
        measured[f"baseline_{name}_co_reading_ndcg_at_10"] for name in (SAME_CATEGORY, "tfidf", MEANING)
    )
    assert measured["co_reading_gain"] == pytest.approx(1 / best - 1)


def test_equal_scores_count_as_the_mean_of_every_order(model: BookRecommender) -> None:
    same_shelf = tuple(np.flatnonzero((CATEGORIES[row] == CATEGORIES) & (row != ROWS)) for row in ROWS)
    found = reading(model, Lists("neighbours", ROWS, same_shelf))[SAME_CATEGORY]
    np.testing.assert_allclose(found.ndcg, 1)
    np.testing.assert_allclose(found.recall, 10 / 19)


def test_a_gain_is_relative_and_its_interval_holds_it() -> None:
    theirs = np.random.default_rng(0).uniform(0.1, 0.3, size=400)
    gain = relative_gain(1.5 * theirs, theirs, seed=1)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((0.5, 0.5, 0.5))
