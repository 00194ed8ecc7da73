"""One invented book as the sample shop sells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleBook:
    """A row of the sample shop's catalogue.

    `price` is in pounds with two decimals, `stock` counts copies, `rating` is 1 to 5 stars.
    `image` and `thumbnail` are addresses below `media/cache/`. `description` is empty where the
    shop gives none.
    """

    number: int
    slug: str
    upc: str
    title: str
    category: str
    price: float
    stock: int
    rating: int
    image: str
    thumbnail: str
    description: str

    @property
    def address(self) -> str:
        """The folder of the book's page below `catalogue/`."""
        return f"{self.slug}_{self.number}"
