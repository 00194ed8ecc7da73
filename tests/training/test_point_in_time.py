"""A training set has the rows that were asked for, in order, each with what was known at its own moment."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from feast import FeatureStore

from bookshelf.errors import FeatureStoreError
from bookshelf.feature_store import feature_store_config, open_feature_store, store_of
from features import schema
from tests.training.diary import DAY, HOUR, INSTANT, START, Diary
from training.dataset import TrainingSet, load_training_set, training_set_for

#: Book 1 got another price on the second day, and on the fifth a rating that had been read on the third.
CORRECTED = START + 4 * DAY
#: By name: before anything was known; twice the same; of the third day, when the correction was not known;
#: of a book that left on the second day; the correction; and of a book first seen on the second day.
ROWS = pd.DataFrame(
    [
        ("new", 1, CORRECTED),
        ("twin", 1, START + HOUR),
        ("left", 2, START + 3 * DAY),
        ("twin again", 1, START + HOUR),
        ("uncorrected", 1, CORRECTED - INSTANT),
        ("late", 4, START + DAY),
    ],
    columns=["row_id", "book_id", "event_timestamp"],
)
EARLY = pd.DataFrame([("early", 1, START - INSTANT)], columns=list(ROWS))


def asked(diary: Diary, rows: pd.DataFrame = ROWS, **how: Any) -> TrainingSet:
    return training_set_for(diary.settings, schema.PRICE_SERVICE, rows, **how)


def test_rows_come_in_the_order_asked_under_their_names_with_twins(diary: Diary) -> None:
    found = asked(diary)
    assert found.row_ids == tuple(ROWS["row_id"])
    assert found.book_ids == tuple(ROWS["book_id"])
    assert list(found.moments) == list(ROWS["event_timestamp"])
    assert found.frame["price"].tolist() == [19.99, 11.0, 12.0, 11.0, 19.99, 14.0]
    assert found.frame["rating"].tolist() == [5, 3, 3, 3, 3, 3]
    assert (found.sources, found.as_of, found.snapshot_id) == (("shop",) * 6, CORRECTED, 4)


def test_rows_without_names_go_by_their_places_and_one_table_holds_all(diary: Diary) -> None:
    table = asked(diary, ROWS.drop(columns="row_id").assign(label=1)).table()
    assert list(table)[:5] == ["row_id", "book_id", "event_timestamp", "source", "title"]
    assert table["row_id"].tolist() == list(range(len(ROWS)))
    assert str(table["event_timestamp"].dt.tz) == "UTC"


def test_all_books_at_one_moment_are_what_is_loaded_for_a_model(diary: Diary) -> None:
    loaded = load_training_set(diary.settings, schema.PRICE_SERVICE, CORRECTED)
    rows = pd.DataFrame({"book_id": loaded.book_ids, "event_timestamp": [CORRECTED] * len(loaded.book_ids)})
    assert asked(diary, rows).sha256 == loaded.sha256


def test_other_rows_or_another_order_are_another_set(diary: Diary) -> None:
    whole = asked(diary).sha256
    assert asked(diary, ROWS[::-1]).sha256 != whole
    assert asked(diary, ROWS[:-1]).sha256 != whole
    assert asked(diary).sha256 == whole


def test_a_row_before_the_first_observation_is_an_error_that_names_it(diary: Diary) -> None:
    with pytest.raises(
        FeatureStoreError, match=r"nothing was known yet of 1 of 7 rows: row 'early' \(book 1 "
    ):
        asked(diary, pd.concat([ROWS, EARLY]))


def test_a_row_before_the_first_observation_may_be_kept_as_a_row_of_nothing(diary: Diary) -> None:
    rows = pd.concat([EARLY, ROWS, EARLY.assign(row_id="never given", book_id=999)])
    found = asked(diary, rows, unknown="keep")
    assert found.row_ids == tuple(rows["row_id"])
    assert found.sources == ("shop",) * 7 + ("",)
    for place in (0, 7):
        row = found.frame.iloc[place]
        assert [row[name] for name in ("title", "description", "currency", "embedding")] == [None] * 4
        assert np.isnan(row[["price", "rating", "title_words"]].astype(float)).all()
    assert found.frame["title_words"].tolist()[1:7] == [2.0] * 6
    pd.testing.assert_series_equal(
        found.frame["price"][1:7].reset_index(drop=True), asked(diary).frame["price"]
    )
    assert found.sha256 == asked(diary, rows, unknown="keep").sha256 != asked(diary).sha256


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROWS.drop(columns="book_id"), "book_id must be a column of the rows"),
        (ROWS.drop(columns="event_timestamp"), "event_timestamp must be a column of the rows"),
        (ROWS[:0], "one row at least, got none"),
        (ROWS.assign(row_id=7), "row_id of row 1 must be another in each row, got 7"),
        (ROWS.assign(row_id=1.5), "row_id of row 0 must be a whole number or a text, got 1.5"),
        (ROWS.assign(book_id=[1, 1, np.nan, 1, 1, 4]), "book_id of row 0 must be a whole number, got 1.0"),
        (
            ROWS.assign(event_timestamp=ROWS["event_timestamp"].dt.tz_localize(None)),
            "event_timestamp of row 0 must be a time with a time zone",
        ),
        (
            ROWS.assign(event_timestamp=ROWS["event_timestamp"].where(ROWS["row_id"] != "twin")),
            "event_timestamp of row 1 must be a time with a time zone, got NaT",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_an_error_that_says_why(
    diary: Diary, rows: pd.DataFrame, told: str
) -> None:
    with pytest.raises(FeatureStoreError, match=told):
        asked(diary, rows)


# The traps, each sprung with Feast's usual store for files over our own rows: see docs/features.md.


@pytest.fixture
def dask_store(diary: Diary) -> FeatureStore:
    config = feature_store_config(diary.settings, mlflow=False)
    config.offline_config = {"type": "dask"}
    return store_of(config)


@pytest.fixture
def give_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[FeatureStore], None]:
    """Makes training read from that store."""

    def give(store: FeatureStore) -> None:
        monkeypatch.setattr("training.point_in_time.open_feature_store", lambda *_, **__: store)

    return give


def plainly(store: FeatureStore, rows: pd.DataFrame, **how: Any) -> pd.DataFrame:
    """What Feast gives whoever asks it without us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = store.get_feature_service(schema.PRICE_SERVICE)
        found: pd.DataFrame = store.get_historical_features(rows, features=features, **how).to_df()
    return found


def test_trap_twins_collapse_into_one_row_and_training_says_which(
    diary: Diary, dask_store: FeatureStore, give_training: Callable[[FeatureStore], None]
) -> None:
    found = plainly(dask_store, ROWS, filter_by_created_timestamp=True)
    assert set(ROWS["row_id"]) - set(found["row_id"]) == {"twin"}
    give_training(dask_store)
    with pytest.raises(FeatureStoreError, match=r"lost 1 of 6 rows: row 'twin' \(book 1 at 2026-03-02T07"):
        asked(diary)


def test_trap_an_early_row_vanishes_and_training_says_which(
    diary: Diary, dask_store: FeatureStore, give_training: Callable[[FeatureStore], None]
) -> None:
    rows = pd.concat([EARLY, ROWS[:1]])
    assert plainly(dask_store, rows, filter_by_created_timestamp=True)["row_id"].tolist() == ["new"]
    give_training(dask_store)
    with pytest.raises(FeatureStoreError, match="lost 1 of 2 rows: row 'early'"):
        asked(diary, rows, unknown="keep")


@pytest.mark.parametrize("kind", ["dask", "duckdb"])
def test_trap_a_correction_leaks_into_the_past_and_training_says_where(
    diary: Diary,
    dask_store: FeatureStore,
    give_training: Callable[[FeatureStore], None],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    store = dask_store if kind == "dask" else open_feature_store(diary.settings, mlflow=False)
    rows = ROWS[ROWS["row_id"].isin(["new", "uncorrected"])]
    assert plainly(store, rows).set_index("row_id")["rating"].to_dict() == {"new": 5, "uncorrected": 5}
    usual = store.get_historical_features

    def forgetful(*given: Any, filter_by_created_timestamp: bool, **how: Any) -> Any:
        assert filter_by_created_timestamp
        return usual(*given, **how)

    monkeypatch.setattr(store, "get_historical_features", forgetful)
    give_training(store)
    with pytest.raises(
        FeatureStoreError, match=r"gave rating 5\.0 where 3\.0 was written by then; .* row 'uncorrected'"
    ):
        asked(diary, rows)


class Handed:
    """A feature store that answers with that frame, whatever it is asked."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def get_feature_service(self, name: str) -> str:
        return name

    def get_historical_features(self, *_: object, **__: object) -> Handed:
        return self

    def to_df(self) -> pd.DataFrame:
        return self.frame


@pytest.fixture
def answer(diary: Diary) -> pd.DataFrame:
    """What Feast answers to `ROWS`, as it should."""
    store = open_feature_store(diary.settings, mlflow=False)
    rows = ROWS.drop(columns="row_id").assign(row=range(len(ROWS)))
    return plainly(store, rows, filter_by_created_timestamp=True)


def change(answer: pd.DataFrame, place: int, name: str, value: Any) -> pd.DataFrame:
    changed = answer.astype({name: object})
    changed.at[changed.index[changed["row"] == place][0], name] = value
    return changed


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda all: pd.concat([all, all[all["row"] == 2]]), r"doubled 1 of 6 rows: row 'left' \(book 2"),
        (lambda all: pd.concat([all, all[:1].assign(row=6)]), "invented rows: 6 were asked for"),
        (lambda all: change(all, 2, "price", None), "knows no price of 1 rows: row 'left'"),
        (
            lambda all: change(all, 4, "rating", 2.0),
            r"rating 2\.0 where 3\.0 was written by then; .*'uncorrected'",
        ),
        (lambda all: change(all, 4, "stock", 2.0), r"gave stock 2\.0 where nothing was written by then"),
        (
            lambda all: change(all, 5, "embedding", np.zeros(384, dtype=np.float32)),
            r"gave embedding \[0\.0, .* was written by then; .* row 'late'",
        ),
    ],
)
def test_what_is_not_exactly_what_was_asked_for_and_written_is_an_error(
    diary: Diary,
    answer: pd.DataFrame,
    give_training: Callable[[Any], None],
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    told: str,
) -> None:
    give_training(Handed(answer.sample(frac=1, random_state=0)))
    assert asked(diary).row_ids == tuple(ROWS["row_id"])
    give_training(Handed(spoil(answer)))
    with pytest.raises(FeatureStoreError, match=told):
        asked(diary)


def test_no_value_was_created_after_its_row_by_the_files_alone(diary: Diary) -> None:
    """The same question again, in SQL of the test's own: is there a row written by then with these values?"""
    table = asked(diary).table()[["row_id", "book_id", "event_timestamp", "rating", "price"]]
    with duckdb.connect() as connection:
        connection.register("given", table)
        for view, feature in ((schema.DETAILS_VIEW, "rating"), (schema.PRICE_VIEW, "price")):
            files = str(diary.settings.offline_store / view / "*.parquet")
            stands = connection.execute(
                f"SELECT DISTINCT row_id FROM given JOIN read_parquet('{files}') AS w USING (book_id) "
                f"WHERE w.created <= given.event_timestamp AND w.{feature} = given.{feature}"
            ).fetchall()
            assert {row_id for (row_id,) in stands} == set(ROWS["row_id"])
