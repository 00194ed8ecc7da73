"""A recommender with shuffled embeddings is refused on real MLflow, and an honest one is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookshelf.kept_vectors import KeptVectors
from bookshelf.settings import Settings
from features.embedding import Encoder
from features.schema import RECOMMENDER_SERVICE
from features.text import clean_description
from ingestion.sample_shop.catalogue import sample_books
from training.aliases import CHAMPION
from training.dataset import TrainingSet, content_hash
from training.promote import promote
from training.recommender import RecommenderParams, recommender_of
from training.registry import register
from training.runs import tracking_client

BOOKS = 40
PARAMS = RecommenderParams(held_out_books=30)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("BOOKSHELF_HOME", str(folder / "var"))
        patch.setenv("BOOKSHELF_MLRUNS", str(folder / "mlruns"))
        yield Settings()


def books_of_the_sample(encoder: Encoder, kept_vectors: Path) -> TrainingSet:
    books = sample_books()[:BOOKS]
    frame = pd.DataFrame(
        {
            "title": [book.title for book in books],
            "category": [book.category for book in books],
            "description": [clean_description(book.description) for book in books],
        }
    )
    with KeptVectors(kept_vectors, lambda: encoder) as kept:
        frame["embedding"] = pd.Series(list(kept.embed(list(frame["description"]))), dtype=object)
    ids = tuple(range(1, BOOKS + 1))
    return TrainingSet(
        frame=frame,
        book_ids=ids,
        sha256=content_hash(frame, ids),
        service=RECOMMENDER_SERVICE,
        as_of=datetime(2026, 3, 2, tzinfo=UTC),
        snapshot_id=7,
        sources=("shop",) * BOOKS,
    )


def test_shuffled_embeddings_are_refused_with_the_reason_and_the_champion_stays(
    home: Settings, kept_vectors: Path
) -> None:
    encoder = Encoder.load()
    data = books_of_the_sample(encoder, kept_vectors)
    honest = register(recommender_of(data, encoder, PARAMS), home)
    assert promote("recommender", home).promoted
    dealt = np.random.default_rng(0).permutation(BOOKS)
    vectors = pd.Series([data.frame["embedding"].iloc[row] for row in dealt], dtype=object)
    shuffled = recommender_of(replace(data, frame=data.frame.assign(embedding=vectors)), encoder, PARAMS)
    boasting = replace(shuffled.score, value=0.9, baseline=0.1)
    claimed = register(replace(shuffled, score=boasting, metrics={"mrr": 0.9}), home)
    assert promote("recommender", home, claimed.version).reason.startswith("it claims an MRR of ")
    registered = register(shuffled, home)
    decision = promote("recommender", home)
    assert (decision.version, decision.promoted) == (registered.version, False)
    assert "MRR of description halves" in decision.reason
    assert "no better than the baseline's" in decision.reason
    champion = tracking_client(home).get_model_version_by_alias("recommender", CHAMPION)
    assert str(champion.version) == honest.version
