"""The features of a book are read off it as the schema says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from bookshelf.book import Book, ListedBook
from features import schema
from features.tabular import book_frame

SEEN = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WRITTEN = SEEN + timedelta(minutes=5)


def a_listed_book(number: int = 1, **facts: object) -> ListedBook:
    usual: dict[str, object] = {
        "upc": f"upc-{number}",
        "title": "A Light in the Attic",
        "price": Decimal("51.77"),
        "rating": 3,
        "availability": "In stock",
        "stock": 22,
        "category": "Poetry",
        "image": "https://shop.test/large.jpg",
        "thumbnail": "https://shop.test/small.jpg",
        "description": "Rhymes for children.",
        "url": "https://shop.test/1",
    }
    return ListedBook(number, "shop", Book(**(usual | facts)))  # type: ignore[arg-type]


def test_a_book_becomes_one_row_with_every_feature_but_the_embedding() -> None:
    row = book_frame([a_listed_book(7, year=1981, reviews=12)], SEEN, WRITTEN).iloc[0].to_dict()
    assert row == {
        "book_id": 7,
        "event_timestamp": SEEN,
        "created": WRITTEN,
        "title": "A Light in the Attic",
        "category": "Poetry",
        "rating": 3,
        "stock": 22,
        "availability": "In stock",
        "description": "Rhymes for children.",
        "title_words": 5,
        "description_words": 3,
        **dict.fromkeys(("author", "publisher", "binding", "language", "genre"), ""),
        "year": 1981,
        "reviews": 12,
        "price": 51.77,
        "currency": "GBP",
    }


def test_what_the_shop_does_not_say_is_no_number_and_no_text() -> None:
    silent = a_listed_book(rating=None, stock=None, availability="", category="", description="")
    frame = book_frame([silent], SEEN, WRITTEN)
    assert frame[["rating", "stock", "year", "reviews"]].isna().all(axis=None)
    assert frame[["availability", "category", "description"]].iloc[0].tolist() == ["", "", ""]
    assert frame.dtypes.to_dict() == book_frame([a_listed_book()], SEEN, WRITTEN).dtypes.to_dict()


def test_rows_stand_in_the_order_given() -> None:
    frame = book_frame([a_listed_book(9), a_listed_book(2)], SEEN, WRITTEN)
    assert frame["book_id"].tolist() == [9, 2]


def test_the_description_is_cleaned_before_its_words_are_counted() -> None:
    story = "A boy finds a map in the attic and follows it all the way to the sea and back again."
    frame = book_frame([a_listed_book(description=f"{story[:75]} {story} ...more")], SEEN, WRITTEN)
    assert frame["description"].tolist() == [story]
    assert frame["description_words"].tolist() == [20]


def test_times_are_kept_in_utc_and_whole_microseconds() -> None:
    frame = book_frame([a_listed_book()], SEEN.astimezone(timezone(timedelta(hours=9))), WRITTEN)
    assert str(frame["event_timestamp"].dtype) == "datetime64[us, UTC]"
    assert frame["event_timestamp"].iloc[0] == SEEN


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="created must have a time zone"):
        book_frame([a_listed_book()], SEEN, WRITTEN.replace(tzinfo=None))


def test_no_books_give_an_empty_frame_with_every_column_in_its_type() -> None:
    empty = book_frame([], SEEN, WRITTEN)
    assert empty.dtypes.to_dict() == book_frame([a_listed_book()], SEEN, WRITTEN).dtypes.to_dict()
    features = {feature for view in schema.VIEWS.values() for feature in view} - {"embedding"}
    assert set(empty.columns) == features | {"book_id", "event_timestamp", "created"}
