"""Offline, online and as served, every book has the same features; one value changed by hand is found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from mlflow import MlflowClient

from bookshelf.book import Book
from bookshelf.catalogue import Catalogue
from bookshelf.contracts import MODEL_NAMES
from bookshelf.errors import FeatureStoreError
from bookshelf.settings import Settings
from features import schema
from features.embedding import Encoder
from tests.training.diary import DAY, INSTANT, START, Diary
from tests.training.tampering import ANOTHER_PRICE, change_first, online_prices, restored
from training.__main__ import main
from training.parity import OFFLINE, ONLINE, SERVED, Difference, Parity, differing
from training.parity_check import EVERYTHING, PARITY_FILE, parity, skew
from training.runs import tracking_client

LAST = START + 5 * DAY


@pytest.fixture(scope="module", autouse=True)
def _one_encoder() -> Iterator[None]:
    """Loading it takes longer than comparing a few books."""
    encoder = Encoder.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.parity_check.Encoder.load", lambda *_names: encoder)
        yield


def test_every_feature_is_compared_by_default() -> None:
    told = {name for features in schema.SERVICES[EVERYTHING].values() for name in features}
    assert told == {name for features in schema.VIEWS.values() for name in features}


def test_all_three_say_the_same_of_every_book_on_offer(diary: Diary) -> None:
    found = parity(diary.settings)
    assert found.compared == (OFFLINE, ONLINE, SERVED)
    assert (found.books, found.values) == (6, 6 * 18)
    assert (found.holds, found.differences, found.encoded_anew) == (True, [], 6)
    assert "offline, online and served" in str(found)
    assert str(found).endswith("no difference")


@pytest.mark.parametrize("hours", [0, 25, 49, 73, 97 - 1e-9, 119])
def test_at_every_past_moment_the_offline_store_says_what_was_served_then(diary: Diary, hours: float) -> None:
    found = parity(diary.settings, START + timedelta(hours=hours))
    assert (found.compared, found.holds) == ((OFFLINE, SERVED), True)
    assert found.books >= 3


def test_one_online_value_changed_by_hand_is_told_with_book_feature_and_all_values(diary: Diary) -> None:
    with online_prices(diary.settings, ANOTHER_PRICE):
        found = parity(diary.settings)
        [difference] = found.differences
        assert (found.holds, difference.feature) == (False, "price")
        values = difference.values
        assert values[OFFLINE] == values[SERVED] != values[ONLINE]
        told = (
            f"price of book {difference.book_id}: offline {values[OFFLINE]}, online {values[ONLINE]}, served "
        )
        assert told in str(found)
        assert parity(diary.settings, service=schema.RECOMMENDER_SERVICE).holds  # it reads no price
    assert parity(diary.settings).holds


def test_each_model_has_a_service_and_that_of_the_sentiment_model_has_its_descriptions() -> None:
    assert set(schema.SERVICE_OF) == set(MODEL_NAMES)
    assert "description" in schema.SERVICES[schema.SERVICE_OF["sentiment"]][schema.DETAILS_VIEW]


def test_an_online_row_that_is_gone_differs_in_all_its_features(diary: Diary) -> None:
    one = "(SELECT min(entity_key) FROM bookshelf_book_price)"
    with online_prices(diary.settings, f"DELETE FROM bookshelf_book_price WHERE entity_key = {one}"):
        found = parity(diary.settings)
    assert found.by_feature == {"price": 1, "currency": 1}
    assert [one.values[ONLINE] for one in found.differences] == [None, None]


@pytest.mark.parametrize(
    ("view", "feature", "value"),
    [
        (schema.DETAILS_VIEW, "rating", 1.0),
        (schema.DETAILS_VIEW, "title", "Another"),
        (schema.PRICE_VIEW, "price", 2.5),
    ],
)
def test_one_offline_value_changed_by_hand_is_told(
    diary: Diary, view: str, feature: str, value: object
) -> None:
    file = max((diary.settings.offline_store / view).glob("*.parquet"))
    with restored(file):
        book_id = change_first(file, feature, value)
        [difference] = parity(diary.settings).differences
    assert (difference.book_id, difference.feature) == (book_id, feature)
    assert difference.values[OFFLINE] == value
    assert difference.values[ONLINE] == difference.values[SERVED] != value


def test_an_offline_row_that_is_gone_is_told(diary: Diary) -> None:
    [file] = list((diary.settings.offline_store / schema.PRICE_VIEW).glob("*4.parquet"))
    with restored(file):
        table = pq.read_table(file)
        file.unlink()
        assert {one.book_id for one in parity(diary.settings).differences} == set(
            table["book_id"].to_pylist()
        )


def test_vectors_are_not_only_compared_with_copies_of_themselves(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Encoder.embed
    monkeypatch.setattr(Encoder, "embed", lambda *given: -usual(*given))
    assert parity(diary.settings).by_feature == {"embedding": 6}


def test_what_is_not_published_yet_cannot_be_compared(settings: Settings) -> None:
    with pytest.raises(FeatureStoreError, match="the catalogue is empty"):
        parity(settings)
    assert skew(settings, schema.PRICE_SERVICE) is None
    book = Book(key="1", title="Tale", price=Decimal("5.00"))
    Catalogue.open(settings.catalogue_url).publish([book], "list", START)
    with pytest.raises(FeatureStoreError, match="features of snapshot 1 are not published"):
        skew(settings, schema.PRICE_SERVICE)
    with pytest.raises(FeatureStoreError, match="no book was on offer at 2026-03-02T05:59:59"):
        parity(settings, START - INSTANT)


def test_a_publish_under_way_is_waited_for_and_then_named(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.parity_check._LOCK_WAIT", 0.05)
    with (
        FileLock(diary.settings.publish_lock),
        pytest.raises(FeatureStoreError, match="a publish is under way"),
    ):
        parity(diary.settings)
    assert parity(diary.settings).holds


def compared(kind: str, one: object, other: object) -> bool:
    feature = {"number": "rating", "text": "title", "vector": "embedding"}[kind]
    return not list(differing([7], {OFFLINE: {feature: [one]}, SERVED: {feature: [other]}}))


def test_what_is_not_known_is_the_same_as_what_is_not_known_and_as_nothing_else() -> None:
    assert compared("number", None, math.nan)
    assert not compared("number", None, 0.0)
    assert not compared("text", None, "")
    assert not compared("vector", None, [0.0])


def test_numbers_are_compared_exactly_and_vectors_nearly() -> None:
    assert not compared("number", 0.3, 0.1 + 0.2)
    vector = np.array([0.6, 0.8], dtype=np.float32)
    assert compared("vector", vector, [0.6 + 5e-7, 0.8])
    assert not compared("vector", vector, [0.6 + 5e-6, 0.8])
    assert not compared("vector", vector, [0.6])


def test_a_report_counts_every_difference_and_names_the_first() -> None:
    found = Parity(service="s", as_of=START, snapshot_id=1, compared=(OFFLINE, SERVED))
    found.add(range(150), {OFFLINE: {"rating": [1.0] * 150}, SERVED: {"rating": [2.0] * 150}})
    assert found.differences[0] == Difference(0, "rating", {OFFLINE: 1.0, SERVED: 2.0})
    assert str(found).splitlines()[-1] == "and 50 more"
    told = json.loads(json.dumps(found.as_json()))
    assert (told["books"], told["values"], told["differing_values"], told["holds"]) == (150, 150, 150, False)
    assert told["differences"][0] == {"book_id": 0, "feature": "rating", "offline": 1.0, "served": 2.0}


@pytest.mark.slow
def test_the_command_prints_and_logs_it_and_a_difference_is_status_3(
    diary: Diary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity"]) == 0
    capsys.readouterr()
    with online_prices(diary.settings, ANOTHER_PRICE):
        assert main(["parity", "--json"]) == 3
        told = json.loads(capsys.readouterr().out)
        reason = skew(diary.settings, schema.PRICE_SERVICE)
        assert skew(diary.settings, schema.RECOMMENDER_SERVICE) is None
    assert reason is not None
    assert reason.startswith("features are skewed: price of book ")
    client: MlflowClient = tracking_client(diary.settings)
    run = client.get_run(told.pop("run_id"))
    assert run.data.tags["parity"] == "broken"
    assert run.data.metrics == {"books": 6, "values": 108, "differences": 1}
    logged = json.loads(Path(client.download_artifacts(run.info.run_id, PARITY_FILE)).read_text())
    assert logged == told
