"""The recommender is judged by halves of descriptions, and vectors that are mixed up do not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import KeptVectors
from features.embedding import Encoder
from features.lens import is_no_category
from features.recommender import GIVEN, BookRecommender
from features.schema import RECOMMENDER_SERVICE
from features.text import clean_description
from ingestion.sample_shop.catalogue import sample_books
from training import comparison
from training.dataset import TrainingSet, content_hash
from training.explanation import HELD_OUT
from training.fitted import Fitted
from training.gates import GATES
from training.lists import Lists
from training.neighbours import Neighbours
from training.recommender import RecommenderParams, held_out_losses, recommender_of
from training.registry import _requirements
from training.relations import relations, with_texts
from training.retrieval import BLEND, RANDOM, SAME_CATEGORY, retrieval

BOOKS = 80
PARAMS = RecommenderParams(held_out_books=60)
EVERY = np.ones(6, dtype=bool)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load()


@pytest.fixture(scope="module")
def data(encoder: Encoder, kept_vectors: Path) -> TrainingSet:
    """The first books of the sample shop, the third without its description."""
    books = sample_books()[:BOOKS]
    frame = pd.DataFrame(
        {
            "title": [book.title for book in books],
            "category": [book.category for book in books],
            "description": [clean_description(book.description) for book in books],
        }
    )
    frame.loc[2, "description"] = ""
    with KeptVectors(kept_vectors, lambda: encoder) as kept:
        vectors = kept.embed(list(frame["description"]))
    frame["embedding"] = pd.Series(list(vectors), dtype=object)
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


@pytest.fixture(scope="module")
def fitted(data: TrainingSet, encoder: Encoder) -> Fitted:
    return recommender_of(data, encoder, PARAMS)


@pytest.fixture(scope="module")
def mixed_up(data: TrainingSet, encoder: Encoder) -> Fitted:
    """Fitted on the same books, each with another one's vector."""
    vectors = list(data.frame["embedding"])
    turned = pd.Series(vectors[BOOKS // 2 :] + vectors[: BOOKS // 2], dtype=object)
    return recommender_of(replace(data, frame=data.frame.assign(embedding=turned)), encoder, PARAMS)


@pytest.mark.slow
def test_the_blend_beats_its_baselines(fitted: Fitted) -> None:
    assert fitted.score.beats_baseline
    assert fitted.score.value == fitted.metrics["mrr"]
    assert fitted.score.baseline == fitted.metrics["baseline_same_category_mrr"]
    assert fitted.metrics["baseline_random_mrr"] < fitted.score.baseline
    assert {"baseline_embedding_mrr", "baseline_tfidf_mrr"} <= fitted.metrics.keys()


@pytest.mark.slow
def test_vectors_that_are_mixed_up_do_not_beat_the_baseline(mixed_up: Fitted) -> None:
    assert not mixed_up.score.beats_baseline


@pytest.mark.slow
def test_vectors_that_are_mixed_up_lose_to_those_that_are_not(fitted: Fitted, mixed_up: Fitted) -> None:
    losses = mixed_up.held_out_losses
    assert (losses(mixed_up.model) - losses(fitted.model)).mean() > 0.2


@pytest.mark.slow
def test_held_out_losses_survive_the_file_they_are_logged_in(fitted: Fitted, tmp_path: Path) -> None:
    fitted.dataset[fitted.dataset[HELD_OUT]].to_parquet(tmp_path / "held_out.parquet", index=False)
    losses = held_out_losses(fitted.model, pd.read_parquet(tmp_path / "held_out.parquet"))
    np.testing.assert_allclose(losses, fitted.held_out_losses(fitted.model))
    assert 1 - losses.mean() == pytest.approx(fitted.score.value)


@pytest.mark.slow
def test_a_model_of_another_encoder_finds_nothing(fitted: Fitted) -> None:
    rows = fitted.dataset[fitted.dataset[HELD_OUT]]
    books = fitted.dataset[["book_id", "title", "category", "description"]]
    other = BookRecommender().fit(books, np.eye(BOOKS, 4, dtype=np.float32))
    assert (held_out_losses(other, rows) == 1).all()


@pytest.mark.slow
def test_a_book_without_a_description_gets_the_vector_of_its_title(fitted: Fitted, encoder: Encoder) -> None:
    title = fitted.dataset["title"].iloc[2]
    np.testing.assert_allclose(fitted.model.embeddings[2], encoder.embed([title])[0], atol=1e-6)
    assert len(fitted.model.recommend(3, 5)) == 5


@pytest.mark.slow
def test_the_training_set_tells_every_book_and_who_was_held_out(fitted: Fitted) -> None:
    assert fitted.dataset["book_id"].tolist() == list(range(1, BOOKS + 1))
    assert 20 <= fitted.dataset[HELD_OUT].sum() <= 75
    assert not fitted.dataset[HELD_OUT].iloc[2]


@pytest.mark.slow
def test_the_card_and_the_plots_are_there(fitted: Fitted) -> None:
    assert set(fitted.figures) == {"map", "halves", "weights"}
    assert f"{fitted.score.value:.3f}" in fitted.card
    assert f"{fitted.score.baseline:.3f}" in fitted.card
    assert fitted.tags["encoder_fingerprint"]


@pytest.mark.slow
def test_equal_scores_count_as_the_mean_of_every_order(fitted: Fitted) -> None:
    rows = fitted.dataset[fitted.dataset[HELD_OUT]].reset_index(drop=True)
    n = len(rows)
    found = retrieval(fitted.model, rows)
    assert found[RANDOM].mrr == pytest.approx(np.mean(1 / np.arange(1, n + 1)))
    assert found[RANDOM].recall == pytest.approx(10 / n)
    sizes = rows["category"].map(rows["category"].value_counts())
    named = ~rows["category"].map(is_no_category)
    expected = np.minimum(10 / sizes, 1)[named]
    np.testing.assert_allclose(found[SAME_CATEGORY].near[named], expected)
    assert (found[BLEND].reciprocal <= 1).all()


def test_vectors_of_another_length_than_the_encoders_are_refused(data: TrainingSet, encoder: Encoder) -> None:
    short = pd.Series([vector[:8] for vector in data.frame["embedding"]], dtype=object)
    with pytest.raises(TrainingError, match="holds vectors of 8 numbers and the encoder makes 384"):
        recommender_of(replace(data, frame=data.frame.assign(embedding=short)), encoder, PARAMS)


@pytest.mark.slow
def test_a_catalogue_without_descriptions_is_judged_by_what_its_books_share(
    data: TrainingSet, encoder: Encoder
) -> None:
    found = recommender_of(replace(data, frame=data.frame.assign(description="")), encoder, PARAMS)
    assert found.score.metric == "MRR of books by one author or in one category"
    assert found.score.beats_baseline
    assert found.score.baseline == pytest.approx(found.metrics["baseline_random_mrr"])
    assert set(found.figures) == {"map", "weights"}
    assert "too few descriptions can be cut in two" in found.card
    held_out = found.dataset[found.dataset[HELD_OUT]].reset_index(drop=True)
    assert len(held_out) >= 20
    assert 1 - held_out_losses(found.model, held_out).mean() == pytest.approx(found.score.value)
    dealt = np.random.default_rng(0).permutation(BOOKS)
    books = found.dataset[["book_id", "title", "category", "description"]]
    shuffled = BookRecommender(found.model.weights).fit(books, found.model.embeddings[dealt])
    assert held_out_losses(shuffled, held_out).mean() > 1 - found.score.baseline


def test_books_by_one_author_are_looked_for_without_their_author() -> None:
    books = pd.DataFrame(
        {
            "book_id": range(1, 7),
            "title": ["Red sea", "Red sky", "Blue sea", "Blue sky", "Other", "Alone"],
            "category": ["A", "B", "A", "B", "A", "C"],
            "description": "",
            "author": ["Ann Li", "Ann Li", "Bo Ray", "Bo Ray", "", ""],
        }
    )
    vectors = np.eye(6, 8, dtype=np.float32)
    rows = with_texts(
        books, 6, lambda texts: vectors[[list(books["title"]).index(one) for one in texts]], EVERY
    )
    held_out = rows[rows[HELD_OUT]].reset_index(drop=True)
    assert held_out["title"].tolist() == ["Red sea", "Red sky", "Blue sea", "Blue sky", "Other"]
    by_author = relations(BookRecommender({"author": 1.0}).fit(books, vectors), held_out)[BLEND]
    np.testing.assert_allclose(by_author.reciprocal[:4], np.mean(1 / np.arange(1, 5)))
    by_title = relations(BookRecommender({"words": 1.0}).fit(books, vectors), held_out)
    assert (by_title[BLEND].reciprocal[:4] > by_author.reciprocal[:4]).all()
    # Of the three rivals two are in the category of a book by the sea, one in that of a book of the sky.
    by_category = by_title[SAME_CATEGORY].reciprocal[:4]
    np.testing.assert_allclose(by_category, [np.mean([1 / 3, 1 / 4]), np.mean([1 / 2, 1 / 3, 1 / 4])] * 2)


def test_books_that_neither_say_nor_share_anything_cannot_be_judged_by(
    data: TrainingSet, encoder: Encoder
) -> None:
    alone = data.frame.assign(description="", category=[f"Shelf {row}" for row in range(BOOKS)])
    with pytest.raises(TrainingError, match="only 0 have a description of two sentences"):
        recommender_of(replace(data, frame=alone), encoder, PARAMS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"words_weight": -1.0},
        {"held_out_books": 3},
        {"meaning_weight": float("nan")},
        {"held": -1.0},
        {"neighbour_ids": "isbn10"},
    ],
)
def test_parameters_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    [name] = wrong
    with pytest.raises(TrainingError, match=f"^{name} must be "):
        RecommenderParams(**wrong)


def test_weights_of_nothing_at_all_are_refused() -> None:
    nothing: dict[str, Any] = dict.fromkeys((f"{name}_weight" for name in GIVEN), 0.0)
    with pytest.raises(TrainingError, match=r"^one of meaning_weight, words_weight, .* must be more than 0"):
        RecommenderParams(**nothing)


@pytest.mark.slow
def test_the_weights_are_learnt_and_told(fitted: Fitted) -> None:
    learnt = {name: fitted.metrics[f"weight_{name}"] for name in fitted.model.shares}
    assert learnt == fitted.model.shares
    assert sum(learnt.values()) == pytest.approx(1)
    assert "author" not in learnt  # the sample shop names none
    assert learnt != BookRecommender(PARAMS.given).shares


@pytest.mark.slow
def test_lists_of_readers_are_learnt_from_and_judged_by(data: TrainingSet, encoder: Encoder) -> None:
    rows = np.arange(BOOKS)
    near = tuple(np.array([(row + 1) % BOOKS, (row + 2) % BOOKS]) for row in rows)
    even, odd = rows[rows % 2 == 0], rows[rows % 2 == 1]
    learning, judging = (Lists("neighbours", part, tuple(near[row] for row in part)) for part in (even, odd))
    neighbours = Neighbours(learning, judging, rows % 2 == 0, "id", BOOKS, BOOKS)
    found = recommender_of(data, encoder, PARAMS, neighbours)
    assert not (found.dataset[HELD_OUT].to_numpy() & neighbours.learnable).any()
    assert found.dataset[HELD_OUT].sum() >= 20
    assert set(found.figures) == {"map", "halves", "weights", "co_reading"}
    assert found.metrics["co_reading_queries"] == len(odd)
    for way in ("", "baseline_same_category_", "baseline_tfidf_", "baseline_embedding_", "baseline_random_"):
        assert f"{found.metrics[f'{way}co_reading_ndcg_at_10']:.3f}" in found.card
    assert found.metrics["co_reading_gain_low"] <= found.metrics["co_reading_gain"]


class Version:
    """What `worse_by` reads of a version, whose run holds that dataset."""

    name = "recommender"
    tags: ClassVar[dict[str, str]] = {}

    def __init__(self, fitted: Fitted) -> None:
        self.version = self.run_id = str(id(fitted))
        self.model = fitted.model
        self.rows = fitted.dataset.astype({HELD_OUT: bool})


@pytest.mark.slow
def test_books_that_are_new_do_not_count_against_the_incumbent(
    data: TrainingSet, encoder: Encoder, fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = replace(
        data,
        frame=data.frame.iloc[:50],
        book_ids=data.book_ids[:50],
        sources=data.sources[:50],
        row_ids=(),
        moments=(),
    )
    versions = [Version(fitted), Version(recommender_of(before, encoder, PARAMS))]
    models = {one.version: one.model for one in versions}
    monkeypatch.setattr(comparison, "_rows", lambda version: version.rows)
    monkeypatch.setattr(comparison, "load_version", lambda _, number: models[number])
    found = comparison.worse_by(GATES["recommender"], *versions)
    assert found is not None
    assert abs(found.mean) < 0.05  # with the thirty new ones it is -0.26


@pytest.mark.slow
def test_a_model_with_an_index_says_that_it_needs_its_library(fitted: Fitted) -> None:
    books = fitted.dataset[["book_id", "title", "category", "description"]]
    many = BookRecommender(exact_up_to=40).fit(books, fitted.model.embeddings)
    assert any(one.startswith("faiss-cpu==") for one in _requirements(many))
    assert not any(one.startswith("faiss-cpu") for one in _requirements(fitted.model))
