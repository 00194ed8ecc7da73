"""A book as a shop offers it: frozen, checked when it is made, known by its identity within its source."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property

from bookshelf.errors import InvalidBook

IN_STOCK = "In stock"
OUT_OF_STOCK = "Out of stock"
AVAILABILITIES = (IN_STOCK, OUT_OF_STOCK)

_PENNY = Decimal("0.01")
_HIGHEST_PRICE = Decimal("20000000")  # in hundredths it must fit the database's integer
_CURRENCY = re.compile(r"[A-Z]{3}")
# How UTF-8 reads when it is taken for Latin-1 or Windows-1252: Ã©, Â£, â€™.
_MOJIBAKE = re.compile(r"Ã[\x80-\xbf©¨ª«]|Â[\x80-\xbf£©®°]|â€[™œ\x9d\x99\x9c“”˜¦]|�")
_MOST = {"upc": 64, "isbn": 13, "key": 200, "category": 200, "genre": 200}
_TEXTS = (
    *("upc", "isbn", "key", "title", "category", "image", "thumbnail", "description", "url"),
    *("author", "publisher", "binding", "language", "genre"),
)


@dataclass(frozen=True, kw_only=True)
class Book:
    """One book on offer. A text that the shop does not give is empty, a number it does not give None.

    Its identity is `upc`, else `isbn` (ISBN-13 without hyphens), else `key`, whatever the source calls
    unique. `price` is in `currency` (ISO 4217) with two decimals; `rating` is 1 to 5 stars; `stock`
    counts copies; `reviews` counts reviews; `genre` is a finer shelf than `category`, where a shop has both.
    Raises `InvalidBook` naming the first bad field.
    """

    title: str
    price: Decimal
    upc: str = ""
    isbn: str = ""
    key: str = ""
    currency: str = "GBP"
    rating: float | None = None
    availability: str = ""
    stock: int | None = None
    category: str = ""
    image: str = ""
    thumbnail: str = ""
    description: str = ""
    url: str = ""
    author: str = ""
    publisher: str = ""
    year: int | None = None
    binding: str = ""
    language: str = ""
    reviews: int | None = None
    genre: str = ""

    def __post_init__(self) -> None:
        self._check_texts()
        self._check_price()
        if self.rating is not None and not 1 <= self.rating <= 5:  # NaN is not between them either
            raise InvalidBook("rating", "1 to 5 stars", self.rating)
        if self.reviews is not None and not 0 <= self.reviews < 2**31:
            raise InvalidBook("reviews", "0 or more", self.reviews)
        if self.year is not None and not 0 < self.year < 10_000:
            raise InvalidBook("year", "1 to 9999", self.year)
        self._check_stock()

    def _check_texts(self) -> None:
        for name in _TEXTS:
            text = getattr(self, name)
            if "\0" in text:
                raise InvalidBook(name, "text without NUL, which PostgreSQL cannot keep", text[:80])
            if len(text) > _MOST.get(name, len(text)):
                raise InvalidBook(name, f"at most {_MOST[name]} characters", f"{text[:80]}…")
        if not self.title.strip():
            raise InvalidBook("title", "a text that is not empty", self.title)
        if not self.identity.partition(" ")[2].strip():
            raise InvalidBook("upc", "a text that is not empty, or an ISBN-13, or a key", self.upc)
        if self.isbn and not is_isbn13(self.isbn):
            raise InvalidBook("isbn", "an ISBN-13 with its right check digit", self.isbn)
        # Not the description: the real shop has one (Meternity) that was damaged before the shop got it.
        for name in ("title", "category", "genre"):
            if damage := mojibake(getattr(self, name)):
                raise InvalidBook(name, "text decoded as UTF-8", damage)

    def _check_price(self) -> None:
        price = self.price
        if not price.is_finite() or not 0 <= price < _HIGHEST_PRICE or price != price.quantize(_PENNY):
            raise InvalidBook("price", f"0 to {_HIGHEST_PRICE:,}, in whole hundredths", str(price))
        if not _CURRENCY.fullmatch(self.currency):
            raise InvalidBook("currency", "three capital letters of ISO 4217", self.currency)

    def _check_stock(self) -> None:
        if self.stock is not None and not 0 <= self.stock < 2**31:
            raise InvalidBook("stock", "0 or more copies", self.stock)
        if self.availability not in ("", *AVAILABILITIES):
            raise InvalidBook("availability", " or ".join(map(repr, AVAILABILITIES)), self.availability)
        known = self.availability and self.stock is not None
        if known and bool(self.stock) != (self.availability == IN_STOCK):
            raise InvalidBook("stock", f"above 0 exactly when {IN_STOCK!r}", self.stock)

    @property
    def identity(self) -> str:
        """What the source knows this book by, with its kind: `upc a897fe39b1053632`."""
        kind = "upc" if self.upc else "isbn" if self.isbn else "key"
        return f"{kind} {getattr(self, kind)}"

    @cached_property
    def content_hash(self) -> str:
        """Hex SHA-256 over every field: two versions of a book are the same if theirs are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["price"] = str(self.price.quantize(_PENNY))
        values["rating"] = None if self.rating is None else float(self.rating)
        if not self.genre:  # younger than the hashes that catalogues hold
            del values["genre"]
        told = json.dumps(values, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ListedBook:
    """A book in the catalogue: `id` is an integer given at first sight and never given again."""

    id: int
    source: str
    book: Book


def is_isbn13(text: str) -> bool:
    """Whether these are thirteen digits of which the last is right."""
    if not (len(text) == 13 and text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(text)) % 10 == 0


def mojibake(text: str) -> str | None:
    """The first trace of UTF-8 that was read as another encoding; None where there is none."""
    found = _MOJIBAKE.search(text)
    return found.group() if found else None
