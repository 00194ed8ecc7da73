"""Two answers are compared number by number and text by text, but for what each says of itself."""

from __future__ import annotations

import pytest

from serving.difference import difference

ONE = {"price": 35.0, "interval": {"low": 1.0}, "items": [{"id": 7, "title": "A"}], "informative": False}


def test_equal_answers_do_not_differ_whatever_they_say_of_their_moment() -> None:
    now = ONE | {"prediction_id": "x", "arm": "champion", "features": {"age_seconds": 9.0}}
    assert difference(ONE, now) == (0.0, ())


def test_numbers_may_differ_by_a_millionth_and_no_more() -> None:
    largest, differs = difference(ONE, ONE | {"price": 35.0 + 5e-7})
    assert largest == pytest.approx(5e-7, rel=1e-3)
    assert differs == ()
    assert difference(ONE, ONE | {"interval": {"low": 1.5}}) == (0.5, ("interval.low",))


def test_another_text_another_truth_and_one_item_more_or_less_are_named() -> None:
    longer = ONE | {"items": [{"id": 7, "title": "B"}, {"id": 8}]}
    assert difference(ONE, longer)[1] == ("items.0.title", "items.1")
    assert difference(longer, ONE)[1] == ("items.0.title", "items.1")
    assert difference(ONE, ONE | {"informative": True})[1] == ("informative",)
    assert difference(ONE, ONE | {"price": None})[1] == ("price",)


def test_places_are_named_in_the_order_of_the_answer() -> None:
    names = [f"feature {number}" for number in range(20)]
    changed = dict.fromkeys(reversed(names), 1.0) | {"new": 1.0}
    assert difference(dict.fromkeys(names, 0.0), changed)[1] == (*names, "new")
