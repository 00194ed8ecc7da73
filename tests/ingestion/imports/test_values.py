"""What the cells of people's files mean, rule by rule."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshelf.book import is_isbn13
from ingestion.imports.values import (
    availability,
    binding,
    isbn,
    price,
    rating,
    reviews,
    text,
    whole_number,
    year,
)

AMOUNTS = st.decimals(min_value=0, max_value=19_999_999, places=2)


@pytest.mark.parametrize(
    ("said", "amount", "currency"),
    [
        ("51.77", "51.77", ""),
        ("£51.77", "51.77", "GBP"),
        ("£ 51.7", "51.70", "GBP"),
        ("12,50 €", "12.50", "EUR"),
        ("12,50\u00a0€", "12.50", "EUR"),
        ("€12", "12", "EUR"),
        ("EUR 12.50", "12.50", "EUR"),
        ("12.50 CHF", "12.50", "CHF"),
        ("1,299.00", "1299", ""),
        ("1.299,00", "1299", ""),
        ("1 299,00", "1299", ""),
        ("1\u202f299", "1299", ""),
        ("1'299.00", "1299", ""),
        ("1,299,000", "1299000", ""),
        ("1.299.000,5", "1299000.50", ""),
        ("0.07", "0.07", ""),
        (51.77, "51.77", ""),
        (51.77000045776367, "51.77", ""),  # a 32-bit number of a Parquet file
        (12, "12", ""),
        (Decimal("12.5"), "12.50", ""),
    ],
)
def test_a_price_is_read_by_the_rule(said: object, amount: str, currency: str) -> None:
    assert price(said, "") == (Decimal(amount), currency)


@pytest.mark.parametrize("said", ["1,299", "1.299", "£1,299", "12.990", "0,299"])
def test_a_single_mark_before_three_digits_is_refused_unless_the_file_says_what_it_is(said: str) -> None:
    with pytest.raises(ValueError, match=r"ambiguous|at most two decimals"):
        price(said, "")


def test_a_stated_decimal_mark_settles_it() -> None:
    assert price("1,299", "", "point")[0] == 1299
    assert price("1.299", "", "comma")[0] == 1299
    for said, mark in (("1.299", "point"), ("1,299", "comma"), ("12,50", "point"), ("12.50", "comma")):
        with pytest.raises(ValueError, match="at most two decimals"):
            price(said, "", mark)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        "",
        None,
        "free",
        "12.345.6",
        "1,29,900",
        "12,5,0",
        "1.299.00",
        "1,299,00",
        "£12 €",
        "12.5 pounds",
        "£",
        "-5.00",
        -5,
        "5.000000",
        12.345,
        float("nan"),
        float("inf"),
        1e30,
        True,
        "1,299.000",
        "١٢",
        "NaN",
        "1e3",
        Decimal("0.001"),
        Decimal("NaN"),
        Decimal("1E+40"),
        Decimal("1E+999999"),
        [12],
        "£51.77 £52.00",
    ],
)
def test_what_is_no_price_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"must|is not given"):
        price(said, "")


def test_a_symbol_must_agree_with_what_is_stated() -> None:
    assert price("£5", "GBP") == (Decimal(5), "GBP")
    with pytest.raises(ValueError, match="is in EUR, where the row is said to be in GBP"):
        price("5 €", "GBP")


def test_a_sign_of_several_currencies_needs_to_be_told_which() -> None:
    assert price("$5", "AUD") == (Decimal(5), "AUD")
    for stated in ("", "GBP"):
        with pytest.raises(ValueError, match=r"may be USD, CAD, .*: state which"):
            price("$5", stated)


@given(AMOUNTS)
def test_every_amount_is_read_however_it_is_written(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    swapped = english.translate(str.maketrans(",.", ".,"))
    for said in (english, swapped, f"£{english}", f"{swapped} €", f"{amount:.2f}", english.replace(",", " ")):
        assert price(said, "")[0] == amount
    assert price(float(amount), "")[0] == amount


@given(st.text(alphabet="0123456789.,' £€-", max_size=12), st.sampled_from([None, "point", "comma"]))
def test_whatever_a_price_says_it_is_a_number_of_its_digits_or_refused(said: str, mark: object) -> None:
    try:
        amount, _ = price(said, "", mark)  # type: ignore[arg-type]
    except ValueError:
        return
    digits = "".join(character for character in said if character.isdigit())
    # Decimals may be filled up to two, never moved.
    assert str(int(amount * 100)) in {str(int(digits + zeros)) for zeros in ("", "0", "00")}


@pytest.mark.parametrize(
    ("said", "stars"),
    [
        ("4", 4),
        ("4.0", 4),
        ("4.5", 4.5),
        ("4,5", 4.5),
        ("4.0 out of 5 stars", 4),
        ("4/5", 4),
        ("3 stars", 3),
        ("Three", 3),
        ("", None),
        ("N/A", None),
        (None, None),
        (4.5, 4.5),
        (float("nan"), None),
    ],
)
def test_a_rating_is_read_by_the_rule(said: object, stars: float | None) -> None:
    assert rating(said) == stars


@pytest.mark.parametrize("said", ["8 out of 10", "****", "good", "-1", [4]])
def test_what_is_no_rating_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        rating(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("12", 12),
        ("12.0", 12),
        ("1,234", 1234),
        ("1,234,567", 1234567),
        ("1 234", 1234),
        (3.0, 3),
        ("-", None),
    ],
)
def test_a_whole_number_is_read_by_the_rule(said: object, number: int | None) -> None:
    assert whole_number(said) == number


@pytest.mark.parametrize("said", ["1.234", "12,34", "1,23", "many", "-3", "1.5", 1.5])
def test_what_is_no_whole_number_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        whole_number(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("9780306406157", "9780306406157"),
        ("978-0-306-40615-7", "9780306406157"),
        (9780306406157.0, "9780306406157"),
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("080442957x", "9780804429573"),
        ("9780306406157.0", "9780306406157"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_isbn_is_thirteen_digits(said: object, number: str) -> None:
    assert isbn(said) == number


@pytest.mark.parametrize("said", ["9780306406158", "0306406153", "306406152", "9.78031E+12", "X306406152"])
def test_an_isbn_with_a_wrong_check_digit_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="check digit"):
        isbn(said)


@given(st.integers(0, 10**9 - 1))
def test_every_isbn_10_becomes_an_isbn_13_of_the_same_book(number: int) -> None:
    body = f"{number:09d}"
    weighted = sum((10 - place) * int(digit) for place, digit in enumerate(body))
    check = "0123456789X"[-weighted % 11]
    thirteen = isbn(body + check)
    assert is_isbn13(thirteen)
    assert thirteen[3:12] == body


def test_availability_is_one_of_the_accepted_words() -> None:
    assert availability("In stock") == ("In stock", None)
    assert availability("SOLD OUT") == ("Out of stock", None)
    assert availability("out-of-stock") == ("Out of stock", None)
    assert availability("In stock (22 available)") == ("In stock", 22)
    assert availability(True) == ("In stock", None)
    assert availability("") == ("", None)
    with pytest.raises(ValueError, match=r"must be one of in stock, available, .*got 'backorder'"):
        availability("backorder")


def test_a_year_may_be_that_of_a_date() -> None:
    assert year("1999") == year("1999-05-01") == year(date(1999, 5, 1)) == year(datetime(1999, 5, 1)) == 1999
    assert year(1999.0) == 1999
    with pytest.raises(ValueError, match="must be a year"):
        year("'99")


def test_a_text_is_what_it_says() -> None:
    assert text("  N/A ") == "N/A"
    assert text(12345678901.0) == "12345678901"
    assert text(float("nan")) == ""
    for cell in (["a"], {"a": 1}, True, b"a"):
        with pytest.raises(ValueError, match="must be a text"):
            text(cell)


@pytest.mark.parametrize(
    ("said", "bound", "printed"),
    [
        ("Paperback,– 10 Mar 2016", "Paperback", 2016),
        ("(German),Paperback,– 2 Nov 2016", "(German),Paperback", 2016),
        ("Mass Market Paperback,– Import, 1 Dec 1991", "Mass Market Paperback,– Import", 1991),
        ("Hardcover, 1999", "Hardcover", 1999),
        ("May 1999", "", 1999),
    ],
)
def test_an_edition_is_a_binding_and_the_year_of_the_date_at_its_end(
    said: str, bound: str, printed: int
) -> None:
    assert (binding(said), year(said)) == (bound, printed)


def test_a_binding_without_a_date_is_itself() -> None:
    assert binding("Paperback") == "Paperback"
    assert binding("1984 edition") == "1984 edition"


def test_a_number_of_reviews_may_say_what_it_counts() -> None:
    assert [reviews(said) for said in ("8 customer reviews", "1,234 ratings", 3, "N/A", None)] == [
        8,
        1234,
        3,
        None,
        None,
    ]
