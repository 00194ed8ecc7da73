"""How old online values are: by when the shop last confirmed them, and not by when they last changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.exc import OperationalError

from bookshelf.catalogue import Catalogue
from bookshelf.contracts import FeatureFreshness
from bookshelf.database import writing
from bookshelf.settings import Settings
from bookshelf.snapshots import Failure
from bookshelf.tables import pages
from features.schema import FRESHNESS, SERVICES
from serving.freshness import Freshness, LastRead, confirmed
from serving.online import OnlineRow
from tests.serving.conftest import a_book

SHOP, OTHER_SHOP = "https://shop.example/", "https://other.example/"
FIRST = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIMIT = timedelta(hours=48)


@pytest.fixture
def catalogue(database_url: str) -> Catalogue:
    return Catalogue.open(database_url)


def scrape(
    catalogue: Catalogue, numbers: Sequence[int], at: datetime, source: str = SHOP, *, features: bool = True
) -> None:
    """A crawl that finds those books, each as it always is; with `features`, the store has heard of it."""
    snapshot = catalogue.publish([a_book(number) for number in numbers], source, at)
    if features:
        catalogue.snapshots.mark_features_published(snapshot.id, at + timedelta(minutes=1))


def judge(
    catalogue: Catalogue, at: datetime, missing: tuple[str, ...] = (), written: datetime = FIRST
) -> FeatureFreshness:
    """How fresh book 1 is at that moment, whose row was written when it was first seen."""
    freshness = Freshness(LastRead(lambda: catalogue), "price_model", LIMIT, clock=lambda: at)
    row = OnlineRow({"title": "A title"}, {"book_details": written}, missing)
    return asyncio.run(freshness.of({1: row}))[1]


def test_every_feature_service_has_a_limit() -> None:
    assert FRESHNESS.keys() == SERVICES.keys()


def test_a_daily_scrape_of_books_that_never_change_keeps_them_fresh(catalogue: Catalogue) -> None:
    for day in range(10):
        scrape(catalogue, [1, 2], FIRST + day * DAY)
    told = judge(catalogue, FIRST + 10 * DAY)
    assert (told.status, told.age_seconds, told.oldest) == ("PRESENT", DAY.total_seconds(), "book_details")


def test_books_go_stale_when_the_scrape_stops(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    assert judge(catalogue, FIRST + LIMIT).status == "PRESENT"
    told = judge(catalogue, FIRST + LIMIT + timedelta(seconds=1))
    assert (told.status, told.limit_seconds) == ("STALE", LIMIT.total_seconds())


def test_a_scrape_that_does_not_reach_the_feature_store_confirms_nothing(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    for day in range(1, 5):
        scrape(catalogue, [1], FIRST + day * DAY, features=False)
    assert judge(catalogue, FIRST + 4 * DAY).status == "STALE"


def test_books_that_are_asked_for_at_the_same_time_are_each_confirmed(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrape(catalogue, [1, 2], FIRST)
    both = Barrier(2, timeout=60)

    def together(engine: Engine, book_ids: Iterable[int]) -> dict[int, datetime]:
        found = confirmed(engine, book_ids)
        both.wait()
        return found

    monkeypatch.setattr("serving.freshness.confirmed", together)
    last_read = LastRead(lambda: catalogue)

    async def asked() -> list[Mapping[int, datetime]]:
        return list(await asyncio.gather(last_read.of([1]), last_read.of([2])))

    assert asyncio.run(asked()) == [{1: FIRST}, {2: FIRST}]


def test_another_shop_confirms_nothing(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    scrape(catalogue, [2], FIRST + 3 * DAY, OTHER_SHOP)
    assert confirmed(catalogue.engine, [1, 2]) == {1: FIRST, 2: FIRST + 3 * DAY}


def test_a_book_that_left_was_confirmed_by_the_last_scrape_that_found_it(catalogue: Catalogue) -> None:
    for day, numbers in enumerate([[1, 2], [1, 2], [2], [2]]):
        scrape(catalogue, numbers, FIRST + day * DAY)
    assert confirmed(catalogue.engine, [1, 2]) == {1: FIRST + DAY, 2: FIRST + 3 * DAY}


def test_a_book_whose_page_fails_was_confirmed_when_its_page_was_last_read(catalogue: Catalogue) -> None:
    scrape(catalogue, [1, 2], FIRST)
    _read_pages(catalogue, 1, [1, 2])
    snapshot_id = catalogue.snapshots.begin(SHOP, FIRST + DAY)
    catalogue.snapshots.stage(snapshot_id, [(0, a_book(2))], [Failure(1, a_book(1).url, "no answer")])
    catalogue.snapshots.publish(snapshot_id, FIRST + DAY)
    catalogue.snapshots.mark_features_published(snapshot_id, FIRST + DAY)
    _read_pages(catalogue, snapshot_id, [2])
    assert confirmed(catalogue.engine, [1, 2]) == {1: FIRST, 2: FIRST + DAY}


def test_what_the_store_lacks_is_missing_however_fresh_the_rest_is(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    told = judge(catalogue, FIRST, missing=("book_details:rating",))
    assert (told.status, told.missing, told.age_seconds) == ("MISSING", ("book_details:rating",), 0)


def test_a_row_that_is_newer_than_the_catalogue_knows_counts_by_its_own_time(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    told = judge(catalogue, FIRST + 3 * DAY, written=FIRST + 2 * DAY)
    assert (told.status, told.age_seconds) == ("PRESENT", DAY.total_seconds())


def test_ids_that_were_never_given_are_left_out(catalogue: Catalogue) -> None:
    scrape(catalogue, [1], FIRST)
    assert confirmed(catalogue.engine, [999]) == {}


def test_what_was_known_stays_known_while_the_catalogue_cannot_be_read(tmp_path: object) -> None:
    catalogue = Catalogue.open(Settings(home=tmp_path).catalogue_url)  # type: ignore[arg-type]
    scrape(catalogue, [1], FIRST)
    opened = iter([catalogue])

    def open_catalogue() -> Catalogue:
        try:
            return next(opened)
        except StopIteration:
            raise OperationalError("SELECT", {}, Exception("the database is away")) from None

    last_read = LastRead(open_catalogue)
    assert asyncio.run(last_read.of([1])) == {1: FIRST}
    assert asyncio.run(last_read.of([1, 2])) == {1: FIRST}


def test_a_scrape_is_heard_of_within_seconds(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.freshness._ASK_AGAIN", 0.0)
    last_read = LastRead(lambda: catalogue)
    for day in range(3):
        scrape(catalogue, [1], FIRST + day * DAY)
        assert asyncio.run(last_read.of([1])) == {1: FIRST + day * DAY}


def _read_pages(catalogue: Catalogue, snapshot_id: int, numbers: Sequence[int]) -> None:
    """As a crawl leaves them: what was kept of a page before gives way."""
    rows = [
        {"source": SHOP, "url": a_book(one).url, "snapshot_id": snapshot_id, "parser": "", "content": {}}
        for one in numbers
    ]
    with writing(catalogue.engine) as connection:
        connection.execute(pages.delete().where(pages.c.url.in_([row["url"] for row in rows])))
        connection.execute(insert(pages), rows)
