"""Five days of two invented shops, and what must be known of them from when on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.publish import publish_features

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)

Said = dict[str, dict[str, Book]]


def a_book(number: int, **facts: object) -> Book:
    usual: dict[str, object] = {
        "upc": f"upc-{number}",
        "title": f"Tale {number}",
        "price": Decimal("10.00") + number,
        "rating": 3,
        "category": "Poetry",
        "description": f"The tale of the {number} keepers of the light.",
    }
    return Book(**(usual | facts))  # type: ignore[arg-type]


@dataclass
class Diary:
    """Publishes to a catalogue and writes down, on its own, what the catalogue must say from when on."""

    catalogue: Catalogue
    settings: Settings
    said: Said = field(default_factory=dict)
    pages: list[tuple[datetime, Said]] = field(default_factory=list)

    def publish(self, source: str, books: list[Book], at: datetime) -> None:
        self.catalogue.publish(books, source, at)
        self.note(source, books, at)

    def note(self, source: str, books: list[Book], at: datetime) -> None:
        self.said = {**self.said, source: {book.upc: book for book in books}}
        self.pages.append((at, self.said))

    def at(self, moment: datetime) -> Said:
        return [said for begun, said in self.pages if begun <= moment][-1]


def five_days(diary: Diary) -> Iterator[datetime]:
    """Two sources; the moment after each publish is given."""
    one, two, three, four = (a_book(number) for number in range(1, 5))
    diary.publish("shop", [one, two, three], START)
    yield START
    dearer = replace(one, price=Decimal("19.99"))
    diary.publish("shop", [dearer, three, four], START + DAY)
    diary.publish("list", [a_book(11), a_book(12, rating=None)], START + DAY + HOUR)
    yield START + DAY + HOUR
    # Read on the third day, doubted, and believed on the fifth: after another source was published.
    better = replace(dearer, rating=5, description="Another tale altogether.")
    snapshots = diary.catalogue.snapshots
    doubted = snapshots.begin("shop", START + 2 * DAY)
    snapshots.stage(doubted, enumerate([better, three, four]))
    snapshots.quarantine(doubted, {"checks": []}, START + 2 * DAY)
    diary.publish("list", [a_book(11, price=Decimal("1.00")), a_book(12, rating=None)], START + 3 * DAY)
    yield START + 3 * DAY
    snapshots.publish(doubted, START + 4 * DAY)
    diary.note("shop", [better, three, four], START + 4 * DAY)
    yield START + 4 * DAY
    diary.publish("shop", [better, two, replace(three, title="Third tale"), four], START + 5 * DAY)
    yield START + 5 * DAY


def written_diary(folder: Path) -> Diary:
    """The five days in a home in that folder, their features published after each of them.

    The environment must name that home: Feast's definitions read it.
    """
    settings = Settings(home=folder / "var", mlruns=folder / "mlruns", database_url="")
    written = Diary(Catalogue.open(settings.catalogue_url), settings)
    for at in five_days(written):
        publish_features(written.catalogue, settings, at + HOUR / 2)
    return written
