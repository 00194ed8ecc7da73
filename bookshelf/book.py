"""A book as a shop offers it: frozen, checked when it is made, known by its UPC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from bookshelf.errors import InvalidBook

IN_STOCK = "In stock"
OUT_OF_STOCK = "Out of stock"
AVAILABILITIES = (IN_STOCK, OUT_OF_STOCK)

_PENNY = Decimal("0.01")
# How UTF-8 reads when it is taken for Latin-1 or Windows-1252: Ã©, Â£, â€™.
_MOJIBAKE = re.compile(r"Ã[\x80-\xbf©¨ª«]|Â[\x80-\xbf£©®°]|â€[™œ\x9d\x99\x9c“”˜¦]|�")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One book on offer.

    `price_gbp` has whole pence; `rating` is 1 to 5 stars; `stock` counts copies. `description` may be
    empty because the shop has books without one. Raises `InvalidBook` naming the first bad field.
    """

    upc: str
    title: str
    price_gbp: Decimal
    rating: int
    availability: str
    stock: int
    category: str
    image: str
    thumbnail: str
    description: str
    url: str

    def __post_init__(self) -> None:
        for field in ("upc", "title", "category", "image", "thumbnail", "url"):
            if not getattr(self, field).strip():
                raise InvalidBook(field, "a text that is not empty", getattr(self, field))
        if not 1 <= self.rating <= 5:
            raise InvalidBook("rating", "1 to 5 stars", self.rating)
        price = self.price_gbp
        if not price.is_finite() or price < 0 or price != price.quantize(_PENNY):
            raise InvalidBook("price_gbp", "0 or more, in whole pence", str(self.price_gbp))
        if self.stock < 0:
            raise InvalidBook("stock", "0 or more copies", self.stock)
        if self.availability not in AVAILABILITIES:
            raise InvalidBook("availability", " or ".join(map(repr, AVAILABILITIES)), self.availability)
        if (self.stock > 0) != (self.availability == IN_STOCK):
            raise InvalidBook("stock", f"above 0 exactly when {IN_STOCK!r}", self.stock)
        # Not the description: the real shop has one (Meternity) that was damaged before the shop got it.
        for field in ("title", "category"):
            if damage := _MOJIBAKE.search(getattr(self, field)):
                raise InvalidBook(field, "text decoded as UTF-8", damage.group())


@dataclass(frozen=True, slots=True)
class ListedBook:
    """A book in the catalogue: `id` is an integer given at first sight and never given again."""

    id: int
    book: Book
