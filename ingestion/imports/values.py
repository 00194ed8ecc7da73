"""What the cells of people's files mean: by a stated rule, or `ValueError` with the reason; never a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from bookshelf.book import IN_STOCK, OUT_OF_STOCK, is_isbn13

#: A cell as a file gives it: text from CSV, other types from Excel, Parquet and NDJSON; None is no value.
Cell = object
DecimalMark = Literal["point", "comma"]

_CENT = Decimal("0.01")
_SYMBOLS = {"£": "GBP", "€": "EUR"}
# Each is the sign of several currencies, so that it says nothing until one is stated.
_SHARED_SYMBOLS = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"),
    "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
_MONEY = re.compile(
    r"(?P<before>[A-Z]{3}|kr|[£€$¥])?\s*(?P<number>-?[0-9][0-9.,' ]*)\s*(?P<after>[A-Z]{3}|kr|[£€$¥])?"
)
_COUNT = re.compile(r"[0-9][0-9,' ]*")
_PLAIN = re.compile(r"[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:(?P<mark>[.,' ])[0-9]{3})(?:(?P=mark)[0-9]{3})*")
_NOT_GIVEN = frozenset(("n/a", "na", "null", "none", "nan", "-"))
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_RATING = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(?:(?:/|out of)\s*([0-9]+))?\s*(?:stars?)?", re.IGNORECASE)
_YEAR = re.compile(r"([0-9]{1,4})(?:\.0|-[0-9][0-9]-[0-9][0-9](?:[T ].*)?)?")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# What ends an edition such as `Paperback,– 10 Mar 2016`, or is a date by itself.
_DATE = re.compile(
    rf"[\s,–-]*(?:\b[0-9]{{1,2}}\s)?\b(?:{_MONTHS})[a-z]*\.?\s([0-9]{{4}})|[\s,–-]+([0-9]{{4}})",
    re.IGNORECASE,
)
_REVIEWS = re.compile(r"\s*(?:customer\s+)?(?:reviews?|ratings?)", re.IGNORECASE)
_STOCKED = re.compile(r"in stock \(([0-9]{1,7}) available\)", re.IGNORECASE)
_AVAILABILITY: Final = dict.fromkeys(("in stock", "available", "yes", "true"), IN_STOCK) | dict.fromkeys(
    ("out of stock", "sold out", "unavailable", "not available", "no", "false"), OUT_OF_STOCK
)


def text(cell: Cell) -> str:
    """A text without the blanks around it; empty where none is given. Whole numbers lose their `.0`."""
    match cell:
        case None:
            return ""
        case str():
            return cell.strip()
        case bool() | bytes() | list() | dict():
            raise ValueError(f"must be a text or a number, got {_shown(cell)}")
        case float() if math.isnan(cell):
            return ""
        case float() if cell.is_integer():
            return str(int(cell))
        case Decimal() if cell.is_finite() and cell.adjusted() < 30 and cell == cell.to_integral_value():
            return str(int(cell))
    return str(cell)


def price(cell: Cell, currency: str, mark: DecimalMark | None = None) -> tuple[Decimal, str]:
    """Amount and currency: `£51.77`, `1,299.00`, `12,50 €`, `EUR 1 299`.

    A mark before one or two last digits is the decimal mark, and one before each three digits, twice or
    beside a decimal mark, groups them, as blanks and apostrophes do. A single mark before three digits
    (`1,299`) may be either and is refused, unless `mark` says which the file uses. `currency` is the one
    that is stated for the row, empty if none is: a symbol must agree with it, and `$`, `¥` and `kr` need
    it. The currency returned is empty if neither says any. A binary number counts as the hundredth that
    it stands for.
    """
    if isinstance(cell, float) and math.isfinite(cell):
        amount = _in_cents(Decimal(repr(cell)))
        if abs(float(amount) - cell) > 1e-6 * max(1.0, abs(cell)):
            raise ValueError(f"must have at most two decimals, got {cell!r}")
        return _positive(amount), currency
    if isinstance(cell, int | Decimal) and not isinstance(cell, bool):
        return _positive(Decimal(cell)), currency
    said = " ".join(text(cell).split())
    if not said:
        raise ValueError("is not given")
    found = _MONEY.fullmatch(said)
    if found is None or (found["before"] and found["after"]):
        raise ValueError(f"must be an amount such as 51.77, £51.77 or 12,50 €, got {_shown(said)}")
    return _amount(found["number"].strip(), said, mark), _currency(
        found["before"] or found["after"], currency
    )


def whole_number(cell: Cell) -> int | None:
    """A count: `12`, `12.0`, `1,234`; None where none is given, `N/A` and the like included."""
    said = _given(cell)
    if said is None:
        return None
    number = said.removesuffix(".0")
    if _PLAIN.fullmatch(number):
        return int(number)
    grouped = _GROUPED.fullmatch(said)
    if grouped is None or grouped["mark"] == ".":  # 1.234 may be a fraction
        raise ValueError(f"must be a whole number such as 1234 or 1,234, got {_shown(said)}")
    return int(said.replace(grouped["mark"], ""))


def rating(cell: Cell) -> float | None:
    """Stars from 1 to 5: `4`, `4.5`, `4,5`, `4.0 out of 5 stars`, `4/5`, `Four`; None where none is given."""
    said = _given(cell)
    if said is None:
        return None
    if said.lower() in _WORDS:
        return _WORDS[said.lower()]
    found = _RATING.fullmatch(said)
    if found is None or found[2] not in (None, "5"):
        raise ValueError(f"must be stars out of 5 such as 4, 4.5 or 4.0 out of 5 stars, got {_shown(said)}")
    stars = float(found[1].replace(",", "."))
    return int(stars) if stars.is_integer() else stars


def reviews(cell: Cell) -> int | None:
    """A count, perhaps with what is counted: `12`, `1,234 customer reviews`; None where none is given."""
    return whole_number(_REVIEWS.sub("", cell) if isinstance(cell, str) else cell)


def binding(cell: Cell) -> str:
    """What an edition is bound in, without the date at its end: `Paperback,– 10 Mar 2016` is a Paperback."""
    said = text(cell)
    dated = _ends_in_date(said)
    return said if dated is None else said[: dated.start()].strip()


def year(cell: Cell) -> int | None:
    """A year, or that of a date: `1999`, `1999-05-01`, `Paperback,– 10 Mar 2016`; None if none is given."""
    if isinstance(cell, date):
        return cell.year
    said = _given(cell)
    if said is None:
        return None
    found = _YEAR.fullmatch(said) or _ends_in_date(said)
    if found is None:
        raise ValueError(f"must be a year such as 1999 or a date such as 1999-05-01, got {_shown(said)}")
    return int(found[found.lastindex or 0])


def printed_in(cell: Cell) -> int | None:
    """The year of the date that an edition ends in: `Paperback,– 10 Mar 2016`; None where it ends in none."""
    found = _ends_in_date(cell.strip()) if isinstance(cell, str) else None
    return None if found is None else int(found[found.lastindex or 0])


def opinion(cell: Cell) -> Literal["rating", "reviews"] | None:
    """What a cell says that it is: stars out of 5, or a number of reviews; None for a mere number."""
    said = cell.strip() if isinstance(cell, str) else ""
    if (stars := _RATING.fullmatch(said)) and not said.endswith(stars[1]):
        return "rating"
    counted = _REVIEWS.sub("", said)
    return "reviews" if counted != said and _COUNT.fullmatch(counted) else None


def isbn(cell: Cell) -> str:
    """An ISBN-13 without hyphens, made of an ISBN-10 if need be; its check digit is verified."""
    said = text(cell)
    digits = re.sub(r"[\s‐‑–-]", "", said).upper().removesuffix(".0")
    if not digits:
        return ""
    if is_isbn13(digits):
        return digits
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        sum10 = sum((10 - place) * (10 if digit == "X" else int(digit)) for place, digit in enumerate(digits))
        if sum10 % 11 == 0:
            body = f"978{digits[:9]}"
            return next(body + last for last in "0123456789" if is_isbn13(body + last))
    raise ValueError(f"must be an ISBN-13 or ISBN-10 with its right check digit, got {_shown(said)}")


def availability(cell: Cell) -> tuple[str, int | None]:
    """In or out of stock by the words that are accepted, and how many copies if it says so in brackets."""
    if isinstance(cell, bool):
        return (IN_STOCK if cell else OUT_OF_STOCK), None
    said = " ".join(text(cell).split())
    if not said:
        return "", None
    if stocked := _STOCKED.fullmatch(said):
        return IN_STOCK, int(stocked[1])
    known = _AVAILABILITY.get(said.lower().replace("_", " ").replace("-", " "))
    if known is None:
        raise ValueError(f"must be one of {', '.join(_AVAILABILITY)}, got {_shown(said)}")
    return known, None


def _amount(number: str, said: str, mark: DecimalMark | None) -> Decimal:
    """The number, its marks understood by the rule that `price` states."""
    decimal = {"point": ".", "comma": ",", None: None}[mark]
    if _PLAIN.fullmatch(number):
        return Decimal(number)
    whole, last, cents = _split(number, decimal)
    if whole is None:
        raise ValueError(_why_not(number, said))
    grouped = _GROUPED.fullmatch(whole)
    if not _PLAIN.fullmatch(whole) and (grouped is None or grouped["mark"] in (last, decimal)):
        raise ValueError(_why_not(number, said))
    single = grouped is not None and not last and len(re.findall(r"[.,]", whole)) == 1
    if single and decimal is None:
        raise ValueError(
            f"is ambiguous: {_shown(said)} may have three decimals or thousands; state --decimal"
        )
    return Decimal(f"{re.sub('[^0-9]', '', whole)}.{cents or '0'}")


def _split(number: str, decimal: str | None) -> tuple[str | None, str, str]:
    """Whole part, decimal mark and decimals, where there are one or two; else the whole number alone."""
    found = re.fullmatch(r"(.*[0-9])([.,])([0-9]{1,2})", number)
    if found is None:
        return number, "", ""
    if decimal is not None and found[2] != decimal:
        return None, "", ""
    return found[1], found[2], found[3]


def _why_not(number: str, said: str) -> str:
    if number.startswith("-"):
        return f"must not be negative, got {_shown(said)}"
    return f"must be an amount with at most two decimals such as 51.77 or 1,299.00, got {_shown(said)}"


def _currency(symbol: str | None, stated: str) -> str:
    if symbol is None:
        return stated
    if (shared := _SHARED_SYMBOLS.get(symbol)) is not None:
        if stated in shared:
            return stated
        raise ValueError(f"{symbol} may be {', '.join(shared)}: state which by --currency")
    said = _SYMBOLS.get(symbol, symbol)
    if stated and stated != said:
        raise ValueError(f"is in {said}, where the row is said to be in {stated}")
    return said


def _positive(amount: Decimal) -> Decimal:
    cents = _in_cents(amount)
    if cents != amount or not amount.is_finite():
        raise ValueError(f"must have at most two decimals, got {amount}")
    if amount < 0:
        raise ValueError(f"must not be negative, got {amount}")
    return cents


def _in_cents(amount: Decimal) -> Decimal:
    try:
        return amount.quantize(_CENT)
    except InvalidOperation as error:  # it has more digits than decimals are reckoned with
        raise ValueError(f"must be an amount, got {amount}") from error


def _given(cell: Cell) -> str | None:
    said = text(cell)
    return None if not said or said.lower() in _NOT_GIVEN else said


def _ends_in_date(said: str) -> re.Match[str] | None:
    return next((found for found in _DATE.finditer(said) if found.end() == len(said)), None)


def _shown(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:79]}…"


#: How each field but price and availability, which give two values, is read.
READERS: Final[dict[str, Callable[[Cell], object]]] = {
    "rating": rating,
    "stock": whole_number,
    "reviews": reviews,
    "binding": binding,
    "year": year,
    "isbn": isbn,
}
