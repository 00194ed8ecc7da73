"""A book that cannot be is not made, and says which field is wrong and what it wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from bookshelf.book import Book
from bookshelf.errors import InvalidBook

MakeBook = Callable[..., Book]


def test_a_book_cannot_have_six_stars(a_book: MakeBook) -> None:
    with pytest.raises(InvalidBook, match=r"^rating must be 1 to 5 stars, got 6$"):
        a_book(rating=6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upc", ""),
        ("title", "  "),
        ("rating", 0),
        ("rating", 5.1),
        ("rating", float("nan")),
        ("isbn", "9780141439588"),
        ("isbn", "0141439587"),
        ("currency", "pounds"),
        ("year", 0),
        ("reviews", -1),
        ("description", "a\0b"),
        ("key", "k" * 201),
        ("price", Decimal("-0.01")),
        ("price", Decimal("9.999")),
        ("price", Decimal("NaN")),
        ("price", Decimal("Infinity")),
        ("stock", -1),
        ("availability", "Maybe"),
        ("title", "CafÃ© Society"),
        ("title", "Itâ€™s Only the Himalayas"),
        ("category", "Caf\ufffd"),
    ],
)
def test_a_field_out_of_its_bounds_is_named(a_book: MakeBook, field: str, value: object) -> None:
    with pytest.raises(InvalidBook) as caught:
        a_book(**{field: value})
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} must be")


@pytest.mark.parametrize(("availability", "stock"), [("In stock", 0), ("Out of stock", 3)])
def test_stock_and_availability_agree(a_book: MakeBook, availability: str, stock: int) -> None:
    with pytest.raises(InvalidBook, match="stock"):
        a_book(availability=availability, stock=stock)


def test_a_book_may_be_free_out_of_stock_and_without_a_description(a_book: MakeBook) -> None:
    book = a_book(price=Decimal("0.00"), availability="Out of stock", stock=0, description="")
    assert (book.price, book.stock, book.description) == (Decimal(0), 0, "")


@pytest.mark.parametrize("title", ["Où es-tu ?", "Ângela", "SÃO PAULO", "naïve – “quoted” … 20 £"])
def test_letters_with_accents_are_no_damage(a_book: MakeBook, title: str) -> None:
    assert a_book(title=title).title == title


def test_a_description_is_kept_as_the_shop_has_it_even_if_the_shop_got_it_damaged(a_book: MakeBook) -> None:
    assert a_book(description="her charadeâ€¦and hide it").description == "her charadeâ€¦and hide it"


def test_a_book_does_not_change(a_book: MakeBook) -> None:
    with pytest.raises(FrozenInstanceError):
        a_book().rating = 5  # type: ignore[misc]
