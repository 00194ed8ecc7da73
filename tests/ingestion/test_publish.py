"""A publish brings a snapshot's features into both stores, checked, and does nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import Pipe
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import ingestion.publish
from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import open_feature_store
from bookshelf.settings import ROOT, Settings
from features import schema
from features.embedding import Encoder
from ingestion.online import check_online
from ingestion.publish import publish_features
from tests.ingestion.processes import publish_and_tell, start

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
LATER = timedelta(minutes=1)
PUBLISH = """
from datetime import UTC, datetime
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.publish import publish_features

settings = Settings()
publish_features(Catalogue.open(settings.catalogue_url), settings, datetime.now(UTC))
"""


def a_book(number: int = 1, **facts: object) -> Book:
    usual: dict[str, object] = {
        "upc": f"upc-{number}",
        "title": f"Tale {number}",
        "price": Decimal("51.77"),
        "rating": 3,
        "availability": "In stock",
        "stock": 22,
        "category": "Poetry",
        "image": "https://shop.test/large.jpg",
        "thumbnail": "https://shop.test/small.jpg",
        "description": f"The tale of the {number} keepers of the light.",
        "url": f"https://shop.test/{number}",
    }
    return Book(**(usual | facts))  # type: ignore[arg-type]


def offline_rows(settings: Settings, view: str) -> pd.DataFrame:
    files = sorted((settings.offline_store / view).glob("*.parquet"))
    rows: pd.DataFrame = pd.concat([pq.read_table(file).to_pandas() for file in files], ignore_index=True)
    return rows


def online_prices(settings: Settings, *book_ids: int) -> list[float | None]:
    store = open_feature_store(settings, mlflow=False)
    found = store.get_online_features(
        features=["book_price:price"], entity_rows=[{"book_id": book_id} for book_id in book_ids]
    ).to_dict()
    prices: list[float | None] = found["price"]
    return prices


def test_a_publish_writes_rows_with_true_times_puts_them_online_and_says_so(
    catalogue: Catalogue, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    snapshot = catalogue.publish([a_book(1), a_book(2, price=Decimal("9.99"))], "shop", MONDAY)
    here, modules, path = Path.cwd(), set(sys.modules), list(sys.path)

    began = time.monotonic()
    report = publish_features(catalogue, settings, MONDAY + LATER)
    took = timedelta(seconds=time.monotonic() - began)

    assert (report.books, report.rows_written, report.texts_encoded, report.texts_reused) == (2, 6, 2, 0)
    assert online_prices(settings, 1, 2, 3) == [51.77, 9.99, None]
    rows = offline_rows(settings, schema.PRICE_VIEW)
    assert rows["event_timestamp"].tolist() == [MONDAY] * 2
    assert rows["created"].tolist() == [MONDAY] * 2
    published = catalogue.snapshot()
    assert published is not None
    assert published.id == snapshot.id
    # When they were there and checked, not when that was begun.
    assert published.features_published_at is not None
    whole = timedelta(seconds=report.seconds)
    assert MONDAY + LATER + whole <= published.features_published_at <= MONDAY + LATER + took
    # Feast is chatty, and its apply moves about the process.
    assert capfd.readouterr() == ("", "")
    assert (Path.cwd(), sys.path) == (here, path)
    assert "definitions" not in set(sys.modules) - modules


def test_what_is_published_is_not_published_again(catalogue: Catalogue, settings: Settings) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    report = publish_features(catalogue, settings, TUESDAY)
    assert report.rows_written == 0
    assert "published already" in str(report)
    assert len(offline_rows(settings, schema.PRICE_VIEW)) == 1


@pytest.mark.slow
def test_where_all_is_published_nobody_waits_for_feast(catalogue: Catalogue, settings: Settings) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    told = f"import sys{PUBLISH}print('feast' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    mark = settings.home / "feast" / "published.json"
    older = {name: said for name, said in json.loads(mark.read_text()).items() if name != "online"}
    mark.write_text(json.dumps(older))
    assert publish_features(catalogue, settings, TUESDAY).rows_written == 0


def test_the_next_crawl_adds_rows_encodes_only_new_texts_and_forgets_nobody(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    catalogue.publish([a_book(1, price=Decimal("12.50")), a_book(3)], "shop", TUESDAY)
    report = publish_features(catalogue, settings, TUESDAY + LATER)
    assert (report.rows_written, report.texts_encoded, report.texts_reused) == (4, 1, 0)
    assert online_prices(settings, 1, 2, 3) == [12.5, 51.77, 51.77]
    prices = offline_rows(settings, schema.PRICE_VIEW)
    assert prices.query("book_id == 1")["price"].tolist() == [51.77, 12.5]


def test_a_text_that_was_encoded_once_is_never_encoded_again(
    catalogue: Catalogue, settings: Settings
) -> None:
    other = a_book(1, description="Another tale.")
    for day, (book, encoded, reused) in enumerate([(a_book(1), 1, 0), (other, 1, 0), (a_book(1), 0, 1)]):
        at = MONDAY + timedelta(days=day)
        catalogue.publish([book], "shop", at)
        report = publish_features(catalogue, settings, at + LATER)
        assert (report.texts_encoded, report.texts_reused) == (encoded, reused)
    vectors = offline_rows(settings, schema.EMBEDDING_VIEW)["embedding"].tolist()
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert not np.array_equal(vectors[0], vectors[1])


def rows_by_view(settings: Settings) -> dict[str, int]:
    return {view: len(offline_rows(settings, view)) for view in schema.VIEWS}


def test_three_changed_prices_of_a_hundred_write_three_rows_and_nothing_else(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = "The same words for all."
    books = [a_book(number, description=same) for number in range(1, 101)]
    catalogue.publish(books, "shop", MONDAY)
    first = publish_features(catalogue, settings, MONDAY + LATER)
    assert (first.rows_written, rows_by_view(settings)) == (300, dict.fromkeys(schema.VIEWS, 100))

    def no_encoder(name: str) -> NoReturn:
        pytest.fail(f"no text is new, and {name} was loaded")

    monkeypatch.setattr("features.embedding.Encoder.load", no_encoder)
    dearer = [a_book(number, description=same, price=Decimal("60.00")) for number in range(1, 4)]
    catalogue.publish([*dearer, *books[3:]], "shop", TUESDAY)
    written = online_writes(settings)
    report = publish_features(catalogue, settings, TUESDAY + LATER)
    assert (report.rows_written, report.texts_encoded, report.texts_reused) == (3, 0, 0)
    assert rows_by_view(settings) == dict.fromkeys(schema.VIEWS, 100) | {schema.PRICE_VIEW: 103}
    assert {view: len(times) for view, times in written().items()} == {schema.PRICE_VIEW: 3}
    assert online_prices(settings, 1, 3, 4) == [60.0, 60.0, 51.77]


def online_writes(settings: Settings) -> Callable[[], dict[str, set[object]]]:
    """What, when called, gives the keys of the online rows that differ, in value or time, since now."""

    def rows() -> set[tuple[str, object, object, object, object]]:
        found = set()
        with closing(sqlite3.connect(settings.home / "feast" / "online.db")) as connection:
            for view in schema.VIEWS:
                query = f"SELECT entity_key, feature_name, value, event_ts FROM bookshelf_{view}"
                found |= {(view, *row) for row in connection.execute(query)}
        return found

    before = rows()

    def changed() -> dict[str, set[object]]:
        new = rows() - before
        return {view: {row[1] for row in new if row[0] == view} for view in {row[0] for row in new}}

    return changed


def test_a_book_that_leaves_and_comes_back_as_it_was_writes_nothing(
    catalogue: Catalogue, settings: Settings
) -> None:
    for day, books in enumerate([[1, 2], [1], [1, 2]]):
        at = MONDAY + timedelta(days=day)
        catalogue.publish([a_book(number) for number in books], "shop", at)
        report = publish_features(catalogue, settings, at + LATER)
        assert report.rows_written == (6 if day == 0 else 0)
        published = catalogue.snapshot()
        assert published is not None
        assert published.features_published_at is not None
        assert published.features_published_at > at + LATER


def test_an_older_event_that_is_written_later_does_not_go_online_over_a_newer_one(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    doubted = catalogue.snapshots.begin("shop", TUESDAY)
    catalogue.snapshots.stage(doubted, [(0, a_book(1, price=Decimal("2.00")))])
    catalogue.snapshots.quarantine(doubted, {}, TUESDAY)
    catalogue.publish([a_book(2)], "list", TUESDAY + LATER)
    publish_features(catalogue, settings, TUESDAY + LATER)
    catalogue.publish([a_book(2, price=Decimal("3.00"))], "list", TUESDAY + 2 * LATER)
    publish_features(catalogue, settings, TUESDAY + 2 * LATER)
    catalogue.snapshots.publish(doubted, TUESDAY + 3 * LATER)
    publish_features(catalogue, settings, TUESDAY + 3 * LATER)
    assert online_prices(settings, 1, 2) == [2.0, 3.0]
    released = offline_rows(settings, schema.PRICE_VIEW).query("price == 2.0").iloc[0]
    assert (released["event_timestamp"], released["created"]) == (TUESDAY, TUESDAY + 3 * LATER)


def test_many_revisions_at_once_give_the_rows_that_one_by_one_would(
    catalogue: Catalogue, settings: Settings
) -> None:
    def files() -> dict[str, bytes]:
        found = settings.offline_store.glob("*/*.parquet")
        return {str(file.relative_to(settings.offline_store)): file.read_bytes() for file in found}

    for day, price in enumerate(["1.00", "2.00", "3.00"]):
        at = MONDAY + timedelta(days=day)
        catalogue.publish([a_book(1, price=Decimal(price))], "shop", at)
        publish_features(catalogue, settings, at)
    one_by_one = files()
    shutil.rmtree(settings.home / "feast" / "offline")
    (settings.home / "feast" / "published.json").unlink()
    assert publish_features(catalogue, settings, TUESDAY).texts_encoded == 0
    assert files() == one_by_one
    assert online_prices(settings, 1) == [3.0]


def test_rows_of_another_catalogue_do_not_stay(catalogue: Catalogue, settings: Settings) -> None:
    for day in range(2):
        catalogue.publish([a_book(day)], "shop", MONDAY + timedelta(days=day))
    publish_features(catalogue, settings, TUESDAY)
    other = Catalogue.open(f"sqlite:///{settings.home / 'other.db'}")
    other.publish([a_book(7, price=Decimal("7.00"))], "shop", TUESDAY)
    assert publish_features(other, settings, TUESDAY).rows_written == 3
    assert offline_rows(settings, schema.PRICE_VIEW)["price"].tolist() == [7.0]


def test_another_encoder_adds_its_vectors_from_now_on(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    catalogue.publish([a_book(1)], "shop", MONDAY + 2 * LATER)  # the other has left, and may come back
    usual = Encoder.embed

    loaded = Encoder.load(settings.encoder, settings.encoders)
    monkeypatch.setattr(Encoder, "load", lambda *_names: loaded)
    monkeypatch.setattr(Encoder, "fingerprint", "another")
    monkeypatch.setattr(Encoder, "embed", lambda *given: -usual(*given))
    other = settings.model_copy(update={"encoder": "another"})
    report = publish_features(catalogue, other, TUESDAY)
    assert (report.rows_written, report.texts_encoded) == (2, 2)
    rows = offline_rows(settings, schema.EMBEDDING_VIEW).query("book_id == 2")
    assert rows["created"].tolist() == [MONDAY, TUESDAY]
    assert rows["event_timestamp"].tolist() == [MONDAY] * 2
    np.testing.assert_array_equal(rows["embedding"].iloc[0], -rows["embedding"].iloc[1])
    assert publish_features(catalogue, other, TUESDAY + LATER).rows_written == 0


def test_an_encoder_that_changed_under_its_name_is_found_out_by_the_next_new_text(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    monkeypatch.setattr(Encoder, "fingerprint", "another")
    catalogue.publish([a_book(1), a_book(2)], "shop", TUESDAY)
    report = publish_features(catalogue, settings, TUESDAY + LATER)
    assert report.texts_encoded == 2
    assert len(offline_rows(settings, schema.EMBEDDING_VIEW).query("book_id == 1")) == 2


def test_books_with_the_same_text_share_one_encoding(catalogue: Catalogue, settings: Settings) -> None:
    catalogue.publish([a_book(1, description=""), a_book(2, description="")], "shop", MONDAY)
    assert publish_features(catalogue, settings, MONDAY + LATER).texts_encoded == 1


def test_an_empty_catalogue_cannot_be_published(catalogue: Catalogue, settings: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="the catalogue is empty"):
        publish_features(catalogue, settings, MONDAY)


def test_where_the_clock_was_put_back_what_the_catalogue_says_last_counts(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1)], "shop", TUESDAY)
    publish_features(catalogue, settings, TUESDAY + LATER)
    catalogue.publish([a_book(1, price=Decimal("2.00"))], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    assert online_prices(settings, 1) == [2.0]


def test_a_publish_that_fails_its_check_leaves_the_snapshot_unpublished_and_can_be_repeated(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)

    def differs(*_: object) -> None:
        raise FeatureStoreError("rating of book 1 is 2 in the online store and 3 in the catalogue")

    with monkeypatch.context() as patch:
        patch.setattr(ingestion.publish, "check_online", differs)
        with pytest.raises(FeatureStoreError, match="rating of book 1"):
            publish_features(catalogue, settings, MONDAY + LATER)
    snapshot = catalogue.snapshot()
    assert snapshot is not None
    assert snapshot.features_published_at is None
    again = publish_features(catalogue, settings, TUESDAY)
    assert (again.rows_written, again.texts_encoded, again.texts_reused) == (3, 0, 1)
    assert len(offline_rows(settings, schema.PRICE_VIEW)) == 1
    assert online_prices(settings, 1) == [51.77]


def test_a_home_may_be_named_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHELF_HOME", "state")
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    catalogue = Catalogue.open(settings.catalogue_url)
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    assert (tmp_path / "state" / "feast" / "online.db").exists()
    assert online_prices(settings, 1) == [51.77]


def test_online_rows_that_were_lost_are_made_again_with_the_next_publish(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    (settings.home / "feast" / "registry.db").unlink()
    (settings.home / "feast" / "online.db").unlink()
    assert publish_features(catalogue, settings, TUESDAY + LATER).rows_written == 0
    assert online_prices(settings, 1) == [51.77]


def test_one_value_that_differs_online_is_an_error_that_names_it(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    checked: list[pd.DataFrame] = []
    monkeypatch.setattr(ingestion.publish, "check_online", lambda _, frame: checked.append(frame))
    publish_features(catalogue, settings, MONDAY + LATER)
    store = open_feature_store(settings, mlflow=False)
    [frame] = checked
    check_online(store, frame)
    vector = frame["embedding"].iloc[1]
    others: dict[str, object] = {
        "price": 51.78,
        "rating": 4,
        "description": "The tale of the 2 keepers of the light",
        "embedding": np.nextafter(vector, np.float32(2)),
    }
    for feature, other in others.items():
        wrong = frame.assign(**{feature: [frame[feature].iloc[0], other]})
        with pytest.raises(FeatureStoreError, match=f"{feature} of book 2 is .* in the online store and"):
            check_online(store, wrong)


def test_a_book_that_is_not_online_is_an_error_that_names_it(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    store = open_feature_store(settings, mlflow=False)
    features = {feature: ["x"] for view in schema.VIEWS.values() for feature in view}
    with pytest.raises(FeatureStoreError, match="title of book 7 is None in the online store"):
        check_online(store, pd.DataFrame(features | {"book_id": [7]}))


@pytest.mark.slow
def test_of_several_publishers_at_once_one_works(catalogue: Catalogue) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    told, tells = Pipe(duplex=False)
    with told, tells:
        publishers = [start(os.environ, publish_and_tell, tells) for _ in range(3)]
        for publisher in publishers:
            publisher.join()
        assert [publisher.exitcode for publisher in publishers] == [0, 0, 0]
        assert sorted(told.recv() for _ in publishers) == [0, 0, 6]


@pytest.mark.slow
def test_where_the_clock_is_not_utc_nothing_changes(
    catalogue: Catalogue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    subprocess.run([sys.executable, "-c", PUBLISH], cwd=ROOT, check=True)
    catalogue.publish([a_book(1, price=Decimal("1.00"))], "shop", TUESDAY)
    monkeypatch.setenv("TZ", "America/New_York")
    subprocess.run([sys.executable, "-c", PUBLISH], cwd=ROOT, check=True)
    assert online_prices(settings, 1) == [1.0]
