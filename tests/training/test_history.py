"""A training set as of any past moment is what was known then, however and whenever it was published."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

from features import schema
from ingestion.publish import publish_features
from tests.training.diary import DAY, HOUR, INSTANT, START, Diary, Said
from training.dataset import TrainingSet, load_training_set

SERVICES = (schema.PRICE_SERVICE, schema.RECOMMENDER_SERVICE, schema.SENTIMENT_SERVICE)


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
            for moment, _ in diary.pages
            for service in SERVICES
        ]

    before = hashes()
    files = sorted(diary.settings.offline_store.glob("*/*.parquet"))
    shutil.rmtree(diary.settings.offline_store)
    report = publish_features(diary.catalogue, diary.settings, START + 9 * DAY)
    assert report.texts_encoded == 0
    assert sorted(diary.settings.offline_store.glob("*/*.parquet")) == files
    assert hashes() == before
