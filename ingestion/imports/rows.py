"""From a row of a file to a book, or to the reasons why it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bookshelf.book import IN_STOCK, OUT_OF_STOCK, Book
from bookshelf.errors import InvalidBook
from ingestion.imports.mapping import ColumnMap
from ingestion.imports.values import READERS, Cell, DecimalMark, availability, price, printed_in, text

#: What a price is in where nobody says it.
USUAL_CURRENCY = "GBP"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a row gives no book, and the identity of the book that it is about, as far as it can be read."""

    reason: str
    identity: str


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads the rows of one file. `currency` is the one stated for all of it, empty if none is."""

    columns: ColumnMap
    currency: str = ""
    mark: DecimalMark | None = None

    def read(self, cells: Mapping[str, Cell]) -> Book | Refused:
        """The book of a row, or every reason against it."""
        fields: dict[str, Any] = {}
        reasons: list[str] = []
        for field, column in self.columns.columns.items():
            cell = cells.get(column)
            if field in ("price", "availability", "currency"):
                continue
            try:
                fields[field] = self._reader(field)(cell)
            except ValueError as error:
                reasons.append(f"{field} {error}")
        self._read_price(cells, fields, reasons)
        self._read_availability(cells, fields, reasons)
        if not reasons and not any(fields.get(name) for name in ("upc", "isbn", "key")):
            reasons.append("no upc, isbn or key tells which book it is")
        if not reasons:
            try:
                return Book(**fields)
            except InvalidBook as error:
                reasons.append(str(error))
        return Refused("; ".join(reasons), _identity(fields))

    def _reader(self, field: str) -> Callable[[Cell], object]:
        # What an edition ends in is a date or none, and `Paperback` is an edition all the same.
        if field == "year" and self.columns.columns["year"] == self.columns.columns.get("binding"):
            return printed_in
        return READERS.get(field, text)

    def _read_price(self, cells: Mapping[str, Cell], fields: dict[str, Any], reasons: list[str]) -> None:
        try:
            stated = self.currency
            if column := self.columns.columns.get("currency"):
                stated = text(cells.get(column)).upper() or stated
            amount, currency = price(cells.get(self.columns.columns["price"]), stated, self.mark)
            fields |= {"price": amount, "currency": currency or USUAL_CURRENCY}
        except ValueError as error:
            reasons.append(f"price {error}")

    def _read_availability(
        self, cells: Mapping[str, Cell], fields: dict[str, Any], reasons: list[str]
    ) -> None:
        """What is said of it; where only copies are counted, what follows from their number."""
        try:
            if column := self.columns.columns.get("availability"):
                fields["availability"], copies = availability(cells.get(column))
                if copies is not None and fields.get("stock") is None:
                    fields["stock"] = copies
        except ValueError as error:
            reasons.append(f"availability {error}")
        if fields.get("stock") is not None and not fields.get("availability"):
            fields["availability"] = IN_STOCK if fields["stock"] > 0 else OUT_OF_STOCK


def _identity(fields: Mapping[str, Any]) -> str:
    """As a book's own would be; empty if it cannot be read."""
    for kind, most in (("upc", 64), ("isbn", 13), ("key", 200)):
        if value := fields.get(kind):
            return f"{kind} {value}" if len(value) <= most and "\0" not in value else ""
    return ""
