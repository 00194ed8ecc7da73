"""The sentiment model learns tone, says how well, and is compared on rows that neither version has seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bookshelf.book import Book, ListedBook
from bookshelf.errors import TrainingError
from features.embedding import Encoder
from features.sentiment import judge
from training.corpus import BUNDLED, load_corpus
from training.explanation import HELD_OUT
from training.fitted import Fitted
from training.hand_labels import load_hand_labels
from training.sentiment import SentimentParams, held_out_losses, sentiment_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class RememberingEncoder(Encoder):
    """The real encoder, which reads each text once in this module."""

    def embed(self, texts: Sequence[str], progress: bool = False) -> NDArray[np.float32]:
        known: dict[str, NDArray[np.float32]] = self.__dict__.setdefault("known", {})
        if new := sorted(set(texts) - known.keys()):
            known.update(zip(new, super().embed(new, progress), strict=True))
        return np.stack([known[text] for text in texts])


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return RememberingEncoder(Encoder.load().model)


@pytest.fixture(scope="module")
def fitted(encoder: Encoder) -> Fitted:
    """Trained on the bundled corpus, for a shop that has none of the books labelled by hand."""
    return sentiment_of(load_corpus(BUNDLED), [], encoder, SentimentParams(), NOW)


def a_book(number: int, upc: str, description: str) -> ListedBook:
    book = Book(
        upc=upc,
        title=f"Tale {number}",
        price=Decimal("1.00"),
        rating=1,
        availability="In stock",
        stock=1,
        category="Poetry",
        image="https://shop.test/large.jpg",
        thumbnail="https://shop.test/small.jpg",
        description=description,
        url=f"https://shop.test/{number}",
    )
    return ListedBook(number, "shop", book)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("A joyful, hilarious and uplifting story", "positive"),
        ("A warm and tender book that I could not put down.", "positive"),
        ("A bleak, disappointing, joyless slog", "negative"),
        ("Dull from the first page to the last, and badly written.", "negative"),
        ("Contains 200 recipes and an index", "neutral"),
        ("The second volume covers the years from 1848 to 1871.", "neutral"),
    ],
)
def test_plain_words_have_the_tone_they_have(
    fitted: Fitted, encoder: Encoder, text: str, sentiment: str
) -> None:
    assert judge(fitted.model, encoder.embed, [text])["sentiment"].item() == sentiment
    assert fitted.model.predict(encoder.embed([text]))["sentiment"].item() == sentiment


@pytest.mark.slow
def test_it_beats_the_commonest_label_by_far_on_texts_it_has_not_seen(fitted: Fitted) -> None:
    assert fitted.score.value > 0.7
    assert fitted.score.baseline < 0.25
    assert fitted.metrics["calibration_error"] < 0.1
    assert fitted.metrics["log_loss"] < 0.7


@pytest.mark.slow
def test_scores_are_told_for_each_part(fitted: Fitted) -> None:
    for part in ("remarks", "blurbs", "twins", "jackets"):
        assert fitted.metrics[f"macro_f1_{part}"] > 0.5


@pytest.mark.slow
def test_a_shop_without_the_labelled_books_is_told_so(fitted: Fitted) -> None:
    assert fitted.metrics["hand_labelled_books"] == 0
    assert "hand_accuracy" not in fitted.metrics
    assert "None of the descriptions that were labelled by hand" in fitted.card
    assert "none of the descriptions" in fitted.tags["verdict"]


@pytest.mark.slow
def test_agreement_with_hand_labels_is_told_with_its_interval_and_baseline(
    encoder: Encoder,
) -> None:
    labels = load_hand_labels()
    chosen = labels[labels["use"] == "report"].groupby("label").head(4)
    texts = {"positive": "I loved it.", "neutral": "It has nine chapters.", "negative": "I hated it."}
    books = [
        a_book(number, upc, texts[label])
        for number, (upc, label) in enumerate(zip(chosen["upc"], chosen["label"], strict=True), start=1)
    ]
    small = load_corpus(BUNDLED).query("part == 'jackets'").reset_index(drop=True)
    measured = sentiment_of(small, books, encoder, SentimentParams(), NOW).metrics
    assert measured["hand_labelled_books"] == 12
    assert measured["hand_accuracy_low"] <= measured["hand_accuracy"] <= measured["hand_accuracy_high"]
    assert measured["baseline_hand_accuracy"] == pytest.approx(1 / 3)
    assert measured["hand_macro_f1"] > measured["baseline_hand_macro_f1"] == pytest.approx(1 / 6)


@pytest.mark.slow
def test_held_out_losses_survive_the_file_they_are_logged_in(fitted: Fitted, tmp_path: Path) -> None:
    rows = fitted.dataset[fitted.dataset[HELD_OUT]]
    rows.to_parquet(tmp_path / "held_out.parquet", index=False)
    losses = held_out_losses(fitted.model, pd.read_parquet(tmp_path / "held_out.parquet"))
    np.testing.assert_allclose(losses, fitted.held_out_losses(fitted.model))
    assert losses.mean() == pytest.approx(fitted.metrics["log_loss"])


@pytest.mark.slow
def test_a_model_that_learnt_flipped_labels_is_worse_on_the_same_rows(
    fitted: Fitted, encoder: Encoder
) -> None:
    corpus = load_corpus(BUNDLED)
    flip = {"positive": "negative", "negative": "positive", "neutral": "neutral"}
    flipped = sentiment_of(
        corpus.assign(label=corpus["label"].map(flip)), [], encoder, SentimentParams(), NOW
    )
    difference = fitted.held_out_losses(flipped.model) - fitted.held_out_losses(fitted.model)
    assert difference.mean() > 0.5


@pytest.mark.slow
def test_a_model_of_another_encoder_knows_nothing_of_these_rows(fitted: Fitted) -> None:
    rows = fitted.dataset[fitted.dataset[HELD_OUT]].copy()
    rows["passage_embeddings"] = [cells[: len(cells) // 2] for cells in rows["passage_embeddings"]]
    np.testing.assert_allclose(held_out_losses(fitted.model, rows), np.log(3))


@pytest.mark.slow
def test_the_same_corpus_gives_the_same_model(fitted: Fitted, encoder: Encoder) -> None:
    again = sentiment_of(load_corpus(BUNDLED), [], encoder, SentimentParams(), NOW)
    assert again.dataset_sha256 == fitted.dataset_sha256
    assert again.score == fitted.score


def test_a_corpus_of_too_few_groups_is_refused(encoder: Encoder) -> None:
    pairs = [
        (f"{label} {number}", label) for number in range(20) for label in ("negative", "neutral", "positive")
    ]
    corpus = pd.DataFrame(pairs, columns=["text", "label"]).assign(part="")
    corpus["group"] = [str(place % 4) for place in range(len(corpus))]
    with pytest.raises(TrainingError, match="5 folds need as many groups"):
        sentiment_of(corpus, [], encoder, SentimentParams(), NOW)


@pytest.mark.parametrize("wrong", [{"caution": -1.0}, {"held_out_share": 0.9}, {"folds": 1}])
def test_parameters_out_of_bounds_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        SentimentParams(**wrong)  # type: ignore[arg-type]
