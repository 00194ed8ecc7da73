"""A small bookshop of invented books, in the markup of books.toscrape.com, for machines without a network."""

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.catalogue import sample_books
from ingestion.sample_shop.server import serve_sample_shop

__all__ = ["SampleBook", "sample_books", "serve_sample_shop"]
