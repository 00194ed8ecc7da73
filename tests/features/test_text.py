"""A description is cleaned of what the page adds to it, and of nothing else."""

from __future__ import annotations

import csv
import gzip

import pytest

from bookshelf.settings import ROOT
from features.text import clean_description, count_words
from ingestion.sample_shop import sample_books

STORY = (
    "It's hard to imagine a world without this book. This now-classic collection of poetry and drawings "
    "celebrates its 20th anniversary with a special edition. Lemon-faced adults and fidgety kids sit still, "
    "and read these rhythmic words, and laugh and smile and love the man who wrote them down for us all."
)
REAL_BOOKS = ROOT.parent / "shared" / "bookstore" / "catalogue.csv.gz"


def folded(teaser: str, story: str) -> str:
    return f"{teaser} {story} ...more"


def begins_twice(text: str) -> bool:
    written = "".join(letter for letter in text if letter.isalnum())
    return any(written.startswith(written[:n], n) for n in range(30, len(written) // 2 + 1))


@pytest.mark.parametrize("cut", range(60, len(STORY), 7))
def test_a_teaser_goes_wherever_it_was_cut_off(cut: int) -> None:
    assert clean_description(folded(STORY[:cut], STORY)) == STORY


@pytest.mark.parametrize(
    ("teaser", "story"),
    [
        ("A collectionby Ada" + STORY[:200], "A collection by Ada" + STORY),
        (STORY[:200].replace("It's", "It’s"), STORY),
        (STORY[:200].replace("imagine", "imag\u00adine"), STORY),
        ("\ufeff" + STORY[:200], STORY),
        (STORY[:200].replace(" ", "\u00a0"), STORY),
    ],
    ids=["a space lost", "another quote", "soft hyphen", "byte order mark", "hard spaces"],
)
def test_a_teaser_goes_though_its_spaces_and_marks_are_not_the_storys(teaser: str, story: str) -> None:
    assert clean_description(folded(teaser, story)) == story


def test_the_quote_that_opens_the_story_stays() -> None:
    story = f"“{STORY}”"
    assert clean_description(folded(story[:200], story)) == story


def test_a_description_that_was_not_folded_keeps_every_word() -> None:
    refrain = "Never again, said the crow. " * 6
    assert clean_description(refrain) == refrain.strip()


def test_a_few_words_said_twice_are_the_authors_own() -> None:
    assert clean_description("Never, never shall we give up. ...more") == "Never, never shall we give up."


def test_white_space_becomes_single_spaces_and_invisible_characters_go() -> None:
    assert clean_description(" A\u00a0 con\u00adfi\u200bdent\n\ttale ") == "A confident tale"


def test_no_description_stays_none() -> None:
    assert clean_description("") == ""
    assert clean_description("...more") == ""


def test_words_are_counted_with_their_apostrophes_and_hyphens() -> None:
    assert count_words("Don't panic: a well-known book. Six more!") == 7
    assert count_words("...") == 0


def test_every_folded_description_of_the_sample_shop_is_told_once() -> None:
    raw = [book.description for book in sample_books()]
    cleaned = [clean_description(description) for description in raw]
    folds = [description.endswith("...more") for description in raw]
    assert sum(folds) > 900
    assert [after != before for after, before in zip(cleaned, raw, strict=True)] == folds
    assert not any(text.endswith("more") or begins_twice(text) for text in cleaned)


@pytest.mark.skipif(not REAL_BOOKS.exists(), reason=f"the real books are not here: {REAL_BOOKS}")
def test_every_folded_description_of_the_real_shop_is_told_once() -> None:
    with gzip.open(REAL_BOOKS, "rt", encoding="utf-8", newline="") as file:
        raw = [row["description"] for row in csv.DictReader(file)]
    cleaned = [clean_description(description) for description in raw]
    assert sum(after != before for after, before in zip(cleaned, raw, strict=True)) == 943
    assert sum(text == "" for text in cleaned) == 2
    assert not any(text.endswith("more") or begins_twice(text) for text in cleaned)
    # The full text is what follows the teaser, to its last word.
    assert all(
        before.removesuffix("...more").split()[-1] == after.split()[-1]
        for before, after in zip(raw, cleaned, strict=True)
        if after
    )
