"""The sample shop's thousand books, the same on every machine and in every run."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from ingestion.sample_shop.book import SampleBook
from ingestion.sample_shop.grammar import Decks
from ingestion.sample_shop.prose import Blurb, Teller
from ingestion.sample_shop.shelves import SHELVES, Shelf

_SEED = 1000
_TEASER = 375
_SHORT_SHARE = 0.055
_SLUG = 60
_MOST_STOCK = 22
_LOWEST_PENCE, _HIGHEST_PENCE = 1000, 5999

# Titles are no identity: these two shelves each have a book of the same name.
_TWINS = {"Fiction": "literary/loss", "Poetry": "poetry"}
_TWIN_TITLE = "What the Tide Leaves"
# A shop may have nothing to say about a book: the last ones on these shelves stand undescribed.
_UNDESCRIBED = ("Default", "Humor")


@lru_cache(maxsize=1)
def sample_books() -> tuple[SampleBook, ...]:
    """All 1,000 books in the order of the shop's pages, number 1000 first.

    Prices and ratings are drawn at random and have nothing to do with the books. Titles differ
    but for one pair, UPCs without exception; two books have no description. Takes under a second
    when first called.
    """
    teller = Teller(_SEED)
    shelved = [(shelf.category, blurb) for shelf in SHELVES for blurb in _blurbs(shelf, teller)]
    order = [(teller.decks.draw("order", len(shelved))) for _ in shelved]
    return tuple(_stocked(len(order) - place, *shelved[at], teller.decks) for place, at in enumerate(order))


def _blurbs(shelf: Shelf, teller: Teller) -> list[Blurb]:
    blurbs = []
    for place in range(shelf.books):
        source = shelf.sources[teller.decks.draw(shelf, len(shelf.sources))]
        if place == 0 and shelf.category in _TWINS:
            blurbs.append(teller.blurb(teller.strand_of(_TWINS[shelf.category]), title=_TWIN_TITLE))
            continue
        blurb = teller.blurb(teller.strand_of(source), short=teller.decks.chance(_SHORT_SHARE))
        undescribed = shelf.category in _UNDESCRIBED and place == shelf.books - 1
        blurbs.append(Blurb(blurb.title, "") if undescribed else blurb)
    return blurbs


def _stocked(number: int, category: str, blurb: Blurb, decks: Decks) -> SampleBook:
    return SampleBook(
        number=number,
        slug=slug(blurb.title),
        upc=_digest("upc", number)[:16],
        title=blurb.title,
        category=category,
        price=(_LOWEST_PENCE + decks.below(_HIGHEST_PENCE - _LOWEST_PENCE + 1)) / 100,
        stock=decks.below(_MOST_STOCK + 1),
        rating=1 + decks.below(5),
        image=_cover_address("image", number),
        thumbnail=_cover_address("thumbnail", number),
        description=described(blurb.text),
    )


def described(text: str) -> str:
    """`text` as the shop prints it: after a teaser that breaks off within a word, and before `...more`.

    A text no longer than the teaser is printed as it is.
    """
    cut = next((at for at in range(_TEASER, 1, -1) if text[at - 2 : at + 1].isalpha()), 0)
    if len(text) <= _TEASER or not cut:
        return text
    return f"{text[:cut]} {text} ...more"


def slug(title: str) -> str:
    """`title` as it stands in an address: ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title.replace("ø", "o").replace("ł", "l").replace("Ø", "O"))
    ascii_only = plain.encode("ascii", "ignore").decode().lower().replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:_SLUG].rstrip("-")


def _cover_address(kind: str, number: int) -> str:
    name = _digest(kind, number)[:32]
    return f"{name[:2]}/{name[2:4]}/{name}.png"


def _digest(*of: object) -> str:
    return hashlib.sha256(" ".join(("sample shop", *map(str, of))).encode()).hexdigest()
