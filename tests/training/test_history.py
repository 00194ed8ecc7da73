"""A training set as of any past moment is what was known then, however and whenever it was published."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from features import schema
from ingestion.publish import publish_features
from training.dataset import TrainingSet, load_training_set

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
SERVICES = (schema.PRICE_SERVICE, schema.RECOMMENDER_SERVICE, schema.SENTIMENT_SERVICE)

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


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Diary:
    """The five days, their features published after each of them."""
    folder = tmp_path_factory.mktemp("diary")
    settings = Settings(home=folder / "var", mlruns=folder / "mlruns", database_url="")
    written = Diary(Catalogue.open(settings.catalogue_url), settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOKSHELF_HOME", str(settings.home))
        for at in five_days(written):
            publish_features(written.catalogue, settings, at + HOUR / 2)
    return written


@pytest.fixture(autouse=True)
def _its_home(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_HOME", str(diary.settings.home))


def probes(diary: Diary) -> list[datetime]:
    """Every moment at which something changed, the instant before, and a while after."""
    begun = [at for at, _ in diary.pages]
    around = {at + step for at in begun for step in (-INSTANT, timedelta(0), 5 * HOUR)}
    return sorted(around - {begun[0] - INSTANT})


def facts_of(found: TrainingSet) -> dict[tuple[str, str], tuple[object, ...]]:
    frame = found.frame.astype(object).where(found.frame.notna(), None)
    return {
        (source, row["title"]): (row["price"], row["rating"], row["description"])
        for source, row in zip(found.sources, frame.to_dict("records"), strict=True)
    }


def truth(said: Said) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        (source, book.title): (float(book.price), book.rating, book.description)
        for source, books in said.items()
        for book in books.values()
    }


def test_every_moment_between_the_days_gives_what_was_known_then(diary: Diary) -> None:
    for moment in probes(diary):
        found = load_training_set(diary.settings, schema.PRICE_SERVICE, moment)
        assert facts_of(found) == truth(diary.at(moment)), moment


def test_one_source_gives_its_books_alone_at_every_moment(diary: Diary) -> None:
    for moment in probes(diary):
        said = diary.at(moment)
        for source in said:
            found = load_training_set(diary.settings, schema.PRICE_SERVICE, moment, source)
            assert facts_of(found) == truth({source: said[source]}), (source, moment)
            assert found.source == source


def test_what_was_released_late_was_not_known_before_its_release(diary: Diary) -> None:
    def rating(at: datetime) -> object:
        found = load_training_set(diary.settings, schema.PRICE_SERVICE, at, "shop")
        return facts_of(found)["shop", "Tale 1"][1]

    assert rating(START + 4 * DAY - INSTANT) == 3
    assert rating(START + 4 * DAY) == 5


def test_a_vector_is_of_the_text_that_was_known_then(diary: Diary) -> None:
    def vector(at: datetime) -> list[float]:
        frame = load_training_set(diary.settings, schema.RECOMMENDER_SERVICE, at, "shop").frame
        return list(frame.loc[frame["title"] == "Tale 1", "embedding"].iloc[0])

    before, after = vector(START + 4 * DAY - INSTANT), vector(START + 4 * DAY)
    assert vector(START) == before != after


def test_a_store_written_anew_from_the_history_gives_the_same_training_sets(diary: Diary) -> None:
    def hashes() -> list[str]:
        return [
            load_training_set(diary.settings, service, moment).sha256
            for moment in probes(diary)
            for service in SERVICES
        ]

    before = hashes()
    files = sorted(diary.settings.offline_store.glob("*/*.parquet"))
    shutil.rmtree(diary.settings.offline_store)
    report = publish_features(diary.catalogue, diary.settings, START + 9 * DAY)
    assert report.texts_encoded == 0
    assert sorted(diary.settings.offline_store.glob("*/*.parquet")) == files
    assert hashes() == before
