"""What is given on a command line, and what is said of what cannot be."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest

from bookshelf.arguments import number, past_moment, whole_number

#: The first year there is, and in UTC the one before.
BEFORE = "0001-01-01T00:00:00+01:00"


def test_a_time_is_given_with_its_zone_or_as_now() -> None:
    assert past_moment("2026-03-02T04:00Z") == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert past_moment("2026-03-02T06:00:00.5+02:00") == datetime(2026, 3, 2, 4, 0, 0, 500_000, tzinfo=UTC)
    assert abs(past_moment("now") - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["2026-03-02", "2026-03-02T06:00", "2026-13-02T06:00Z", "soon", "", BEFORE])
def test_a_time_without_a_zone_is_told_what_was_expected(text: str) -> None:
    wanted = "must be a time with its zone, such as 2026-01-31T09:00:00Z, got "
    with pytest.raises(ArgumentTypeError, match=wanted + re.escape(repr(text))):
        past_moment(text)


def test_the_future_is_not_known() -> None:
    with pytest.raises(ArgumentTypeError, match="must not be in the future, got 2130-01-01T00:00:00Z"):
        past_moment("2130-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "bounds", "told"),
    [
        ("many", (None, None), "must be a whole number, got 'many'"),
        ("1.5", (1, None), "must be a whole number, 1 or more, got '1.5'"),
        ("-1", (1, 10_000), "must be a whole number from 1 to 10000, got '-1'"),
        ("9" * 40, (None, None), f"must be a whole number, got '{'9' * 40}'"),
    ],
)
def test_a_whole_number_out_of_bounds_is_told_the_bounds(
    text: str, bounds: tuple[int | None, int | None], told: str
) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        whole_number(*bounds)(text)
    assert str(refused.value) == told


@pytest.mark.parametrize("text", ["20", "-0.1", "nan", "inf", "half"])
def test_a_number_out_of_bounds_is_told_the_bounds(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"must be a number from 0 to 1, got '{text}'"):
        number(0, 1)(text)


def test_both_ends_are_among_the_numbers() -> None:
    assert [number(0, 1)(text) for text in ("0", "1", "0.25")] == [0, 1, 0.25]
    assert [whole_number(1, 3)(text) for text in ("1", "3")] == [1, 3]
