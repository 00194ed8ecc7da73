"""A small bookshop of invented books, in the markup of books.toscrape.com, for machines without a network."""

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.catalogue import sample_books

__all__ = ["SampleBook", "sample_books"]
