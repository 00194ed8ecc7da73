"""A shop far larger than a thousand books: read in memory that does not grow with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.one_crawl import crawl_once
from benchmarks.shops import many_sample_books, open_shop


@pytest.mark.slow
def test_five_thousand_books_take_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    # Twenty thousand are crawled by `benchmarks/crawl_size.py`.
    with open_shop(books=1_000) as shop:
        small = crawl_once(shop.url, f"sqlite:///{tmp_path / 'small.db'}")
    with open_shop(books=5_000) as shop:
        first = crawl_once(shop.url, f"sqlite:///{tmp_path / 'large.db'}")
        again = crawl_once(shop.url, f"sqlite:///{tmp_path / 'large.db'}")
    assert (small.books, first.books, again.books) == (1_000, 5_000, 5_000)
    assert max(first.peak_mb, again.peak_mb) < 300
    assert first.peak_mb - small.peak_mb < 15
    assert (first.pages_parsed, again.pages_parsed) == (5_250, 0)
    assert again.books_sha256 == first.books_sha256


def test_the_sample_shop_sells_as_many_different_books_as_it_is_told() -> None:
    books = many_sample_books(2_500)
    assert len({book.upc for book in books}) == len({book.address for book in books}) == 2_500
    assert books[:1_000] == many_sample_books(1_000)
