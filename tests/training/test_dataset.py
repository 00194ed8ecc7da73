"""A training set is exactly the books asked for, as they were known at the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from ingestion.publish import publish_features
from training.dataset import content_hash, load_training_set

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
WRITTEN = MONDAY + timedelta(minutes=1)
TUESDAY = MONDAY + timedelta(days=1)


def a_book(number: int, price: str = "51.77") -> Book:
    return Book(
        upc=f"upc-{number}",
        title=f"Tale {number}",
        price=Decimal(price),
        rating=number,
        availability="In stock",
        stock=22,
        category="Poetry",
        image="https://shop.test/large.jpg",
        thumbnail="https://shop.test/small.jpg",
        description="" if number == 2 else f"The tale of the {number} keepers of the light.",
        url=f"https://shop.test/{number}",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the features of three books, published on Monday."""
    home = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        settings = settings_of(home, patch)
        catalogue = Catalogue.open(settings.catalogue_url)
        catalogue.publish([a_book(1), a_book(2), a_book(3)], "shop", MONDAY)
        publish_features(catalogue, settings, WRITTEN)
    return home


def settings_of(home: Path, patch: pytest.MonkeyPatch) -> Settings:
    patch.setenv("BOOKSHELF_HOME", str(home / "var"))
    patch.setenv("BOOKSHELF_MLRUNS", str(home / "mlruns"))
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Settings()


@pytest.fixture
def published(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_of(home, monkeypatch)


def test_a_training_set_has_one_row_a_book_with_the_services_features_in_their_types(
    published: Settings,
) -> None:
    found = load_training_set(published, schema.PRICE_SERVICE, TUESDAY)
    assert found.book_ids == (1, 2, 3)
    assert list(found.frame) == [*schema.VIEWS[schema.DETAILS_VIEW], "embedding", "price", "currency"]
    assert found.frame["rating"].tolist() == [1, 2, 3]
    assert found.frame["rating"].dtype == np.float64
    assert found.frame["title_words"].dtype == np.int64
    assert found.frame["price"].dtype == np.float64
    assert found.frame["description"].tolist()[1] == ""
    assert (found.service, found.as_of, found.snapshot_id) == (schema.PRICE_SERVICE, TUESDAY, 1)
    assert (found.sources, found.source) == (("shop",) * 3, "shop")


def test_vectors_come_back_as_they_were_written(published: Settings) -> None:
    frame = load_training_set(published, schema.RECOMMENDER_SERVICE, TUESDAY).frame
    vectors = np.stack(frame["embedding"].tolist())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, Encoder.load().embed(frame["description"].tolist()), atol=1e-5)


def test_the_same_content_has_the_same_hash_whenever_it_is_read(published: Settings) -> None:
    first = load_training_set(published, schema.SENTIMENT_SERVICE, TUESDAY)
    later = load_training_set(published, schema.SENTIMENT_SERVICE, TUESDAY + timedelta(days=9))
    assert first.sha256 == later.sha256


def test_before_the_first_crawl_there_is_nothing_to_train_on(published: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="no book was on offer at 2026-03-02T05:59:59"):
        load_training_set(published, schema.PRICE_SERVICE, MONDAY - timedelta(seconds=1))


def test_a_source_that_has_no_books_is_named_beside_those_that_have(published: Settings) -> None:
    with pytest.raises(
        FeatureStoreError, match=r"no book of source 'other' was .* there are books of 'shop'"
    ):
        load_training_set(published, schema.PRICE_SERVICE, TUESDAY, "other")


def test_what_a_shop_does_not_say_is_a_value_of_its_own(settings: Settings) -> None:
    catalogue = Catalogue.open(settings.catalogue_url)
    silent = Book(key="1", title="Tale", price=Decimal("5.00"))
    catalogue.publish([silent, a_book(2)], "list", MONDAY)
    publish_features(catalogue, settings, WRITTEN)
    frame = load_training_set(settings, schema.PRICE_SERVICE, TUESDAY).frame
    assert frame["rating"].isna().tolist() == frame["stock"].isna().tolist() == [True, False]
    assert frame[["availability", "category", "description"]].iloc[0].tolist() == ["", "", ""]


def test_features_that_were_never_published_are_an_error(settings: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="the catalogue is empty"):
        load_training_set(settings, schema.PRICE_SERVICE, TUESDAY)
    Catalogue.open(settings.catalogue_url).publish([a_book(1)], "shop", MONDAY)
    with pytest.raises(FeatureStoreError, match="snapshot 1 are not published"):
        load_training_set(settings, schema.PRICE_SERVICE, TUESDAY)


FRAME = pd.DataFrame({"title": ["ab", "c"], "rating": [1, 2], "price": [1.0, 2.0]})


@pytest.mark.parametrize(
    "other",
    [
        FRAME.assign(title=["a", "bc"]),
        FRAME.assign(rating=[1, 3]),
        FRAME.assign(price=[1.0, 2.01]),
        FRAME[["rating", "title", "price"]],
    ],
    ids=["texts", "numbers", "amounts", "order of features"],
)
def test_other_content_has_another_hash(other: pd.DataFrame) -> None:
    assert content_hash(other, [1, 2]) != content_hash(FRAME, [1, 2])
    assert content_hash(FRAME, [1, 3]) != content_hash(FRAME, [1, 2])


@pytest.mark.slow
def test_feast_tells_the_active_mlflow_run_what_was_read(published: Settings) -> None:
    published.mlruns.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(published.tracking_uri)
    with mlflow.start_run() as run:
        load_training_set(published, schema.RECOMMENDER_SERVICE, TUESDAY)
    tags = mlflow.get_run(run.info.run_id).data.tags
    assert tags["feast.feature_service"] == schema.RECOMMENDER_SERVICE
    assert tags["feast.feature_views"] == f"{schema.DETAILS_VIEW},{schema.EMBEDDING_VIEW}"
    assert tags["feast.entity_count"] == "3"
