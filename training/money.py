"""Amounts of money in words, in the unit that a price model's scores are told in."""

from __future__ import annotations

POUNDS = "pounds"
_STERLING = "GBP"


def unit_of(currency: str) -> str:
    """The unit of amounts in a currency of ISO 4217: `pounds`, and for the others their code."""
    return POUNDS if currency == _STERLING else currency


def money(amount: float, unit: str) -> str:
    """The amount with two decimals: `£12.50`, `−£0.10`, `12.50 EUR`."""
    sign = "−" if amount < 0 else ""
    return f"{sign}£{abs(amount):.2f}" if unit == POUNDS else f"{sign}{abs(amount):.2f} {unit}"


def symbol(unit: str) -> str:
    """The unit as it stands behind the name of an axis."""
    return "£" if unit == POUNDS else unit
