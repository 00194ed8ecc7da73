"""A publish brings a snapshot's features into both stores, checked, and does nothing twice."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

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
from ingestion.online import check_online
from ingestion.publish import publish_features

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
LATER = timedelta(minutes=1)


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

    report = publish_features(catalogue, settings, MONDAY + LATER)

    assert (report.books, report.rows_written, report.texts_encoded, report.texts_reused) == (2, 6, 2, 0)
    assert online_prices(settings, 1, 2, 3) == [51.77, 9.99, None]
    rows = offline_rows(settings, schema.PRICE_VIEW)
    assert rows["event_timestamp"].tolist() == [MONDAY] * 2
    assert rows["created"].tolist() == [MONDAY + LATER] * 2
    published = catalogue.snapshot()
    assert published is not None
    assert (published.id, published.features_published_at) == (snapshot.id, MONDAY + LATER)
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


def test_the_next_crawl_adds_rows_encodes_only_new_texts_and_forgets_nobody(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    catalogue.publish([a_book(1, price=Decimal("12.50")), a_book(3)], "shop", TUESDAY)
    report = publish_features(catalogue, settings, TUESDAY + LATER)
    assert (report.texts_encoded, report.texts_reused) == (1, 1)
    assert online_prices(settings, 1, 2, 3) == [12.5, 51.77, 51.77]
    prices = offline_rows(settings, schema.PRICE_VIEW)
    assert prices.query("book_id == 1")["price"].tolist() == [51.77, 12.5]
    vectors = offline_rows(settings, schema.EMBEDDING_VIEW).query("book_id == 1")["embedding"].tolist()
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_books_with_the_same_text_share_one_encoding(catalogue: Catalogue, settings: Settings) -> None:
    catalogue.publish([a_book(1, description=""), a_book(2, description="")], "shop", MONDAY)
    assert publish_features(catalogue, settings, MONDAY + LATER).texts_encoded == 1


def test_an_empty_catalogue_cannot_be_published(catalogue: Catalogue, settings: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="the catalogue is empty"):
        publish_features(catalogue, settings, MONDAY)


def test_a_crawl_older_than_what_is_published_is_refused(catalogue: Catalogue, settings: Settings) -> None:
    catalogue.publish([a_book(1)], "shop", TUESDAY)
    publish_features(catalogue, settings, TUESDAY + LATER)
    catalogue.publish([a_book(1)], "shop", MONDAY)
    with pytest.raises(FeatureStoreError, match="was the clock put back"):
        publish_features(catalogue, settings, TUESDAY + LATER)


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
    assert publish_features(catalogue, settings, TUESDAY).texts_reused == 1
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


def test_a_registry_that_was_lost_is_made_again_with_the_next_publish(
    catalogue: Catalogue, settings: Settings
) -> None:
    catalogue.publish([a_book(1)], "shop", MONDAY)
    publish_features(catalogue, settings, MONDAY + LATER)
    (settings.home / "feast" / "registry.db").unlink()
    (settings.home / "feast" / "online.db").unlink()
    catalogue.publish([a_book(1)], "shop", TUESDAY)
    publish_features(catalogue, settings, TUESDAY + LATER)
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


PUBLISH = """
from datetime import UTC, datetime
from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.publish import publish_features

settings = Settings()
print(publish_features(Catalogue.open(settings.catalogue_url), settings, datetime.now(UTC)).rows_written)
"""


@pytest.mark.slow
def test_of_several_publishers_at_once_one_works(catalogue: Catalogue) -> None:
    catalogue.publish([a_book(1), a_book(2)], "shop", MONDAY)
    publishers = [
        subprocess.Popen([sys.executable, "-c", PUBLISH], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    written = sorted(int(publisher.communicate()[0]) for publisher in publishers)
    assert written == [0, 0, 6]


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
