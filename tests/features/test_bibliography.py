"""What titles, authors' lines and genres' lines name."""

from __future__ import annotations

import pytest

from features.bibliography import labels_of, people_of, series_of, shared_people


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Catching Fire (The Hunger Games, #2)", ("hunger games",)),
        ("Harry Potter and the Sorcerer's Stone (Harry Potter #1)", ("harry potter",)),
        ("The Hunger Games, Vol. 1", ("hunger games",)),
        ("Naruto, Volume 12", ("naruto",)),
        ("Fruits Basket, Vol. 4 (Fruits Basket #4)", ("fruits basket",)),
        ("Night Shift (Night Shift #1-20)", ("night shift",)),
        ("Rise (Long Road #3; Broken Sky, Book 1)", ("long road", "broken sky")),
        ("Catch-22", ()),
        ("1984", ()),
        ("11/22/63", ()),
        ("Volume 2", ()),
        ("Judo: Seven Steps (an Introductory Guide)", ()),
    ],
)
def test_a_title_tells_its_series_where_it_numbers_its_volume(title: str, expected: tuple[str, ...]) -> None:
    assert series_of(title) == expected


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("J.K. Rowling, Mary GrandPré (Illustrator)", ("jk rowling", "mary grandpre")),
        ("Herbert, Frank", ("frank herbert",)),
        ("HERBERT, Frank; Anderson, Kevin J.", ("frank herbert", "kevin j anderson")),
        ("J.R.R. Tolkien", ("jrr tolkien",)),
        ("J. R. R. Tolkien", ("jrr tolkien",)),
        ("Tolkien, J. R. R.", ("jrr tolkien",)),
        ("JRR Tolkien", ("jrr tolkien",)),
        ("Le Guin, Ursula K.", ("ursula k le guin",)),
        ("García Márquez, Gabriel", ("gabriel garcia marquez",)),
        ("Martin Luther King, Jr.", ("martin luther king",)),
        ("Kurt Vonnegut Jr.", ("kurt vonnegut",)),
        ("Terry Pratchett, Neil Gaiman", ("terry pratchett", "neil gaiman")),
        ("Plato, Homer, Virgil", ("plato", "homer", "virgil")),
        ("Jr.", ()),
        ("Neil Gaiman & Terry Pratchett", ("neil gaiman", "terry pratchett")),
        ("村上 春樹", ("村上 春樹",)),
        ("Various Authors", ()),
        ("Unknown", ()),
        ("", ()),
    ],
)
def test_an_authors_line_names_people(author: str, expected: tuple[str, ...]) -> None:
    assert people_of(author) == expected


def test_genres_are_apart_whatever_stands_between_them() -> None:
    assert labels_of("Fiction, Young Adult|Sci-Fi;fiction") == ("fiction", "young adult", "sci fi")


def test_a_shared_author_is_spelled_as_the_first_line_has_it() -> None:
    assert shared_people("Mary Shelley and J. K. Rowling (Author)", "j.k. rowling") == "J. K. Rowling"
    assert shared_people("Mary Shelley", "Percy Shelley") is None
    assert shared_people("Herbert, Frank", "Brian Herbert with Frank Herbert") == "Frank Herbert"
