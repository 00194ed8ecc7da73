"""The sentiment model learns tone, says how well, and is compared on rows that neither version has seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookshelf.book import Book, ListedBook
from bookshelf.errors import TrainingError
from bookshelf.kept_vectors import KeptVectors
from features.layers import LayeredEncoder
from features.sentiment import Embed, SentimentClassifier, judge
from training.corpus import BUNDLED, load_corpus
from training.explanation import HELD_OUT
from training.fitted import Fitted
from training.hand_labels import load_hand_labels
from training.sentiment import SentimentParams, held_out_losses, sentiment_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def embed(kept_vectors: Path) -> Iterator[Embed]:
    """The real encoder, which reads each text once, and not again when the tests are run again."""
    with KeptVectors(kept_vectors, LayeredEncoder.load) as layers:
        yield layers.embed


@pytest.fixture(scope="module")
def fitted(embed: Embed) -> Fitted:
    """Trained on the bundled corpus, for a shop that has none of the books labelled by hand."""
    return sentiment_of(load_corpus(BUNDLED), [], embed, SentimentParams(), NOW)


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    """Parts of the bundled corpus that are learnt in a second or two."""
    return load_corpus(BUNDLED).query("part in ('jackets', 'readers', 'plain')").reset_index(drop=True)


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
def test_plain_words_have_the_tone_they_have(fitted: Fitted, embed: Embed, text: str, sentiment: str) -> None:
    assert judge(fitted.model, embed, [text])["sentiment"].item() == sentiment


@pytest.mark.slow
def test_it_beats_the_commonest_label_by_far_on_texts_it_has_not_seen(fitted: Fitted) -> None:
    assert fitted.score.value > 0.7
    assert fitted.score.baseline < 0.25
    assert fitted.metrics["calibration_error"] < 0.1
    assert fitted.metrics["log_loss"] < 0.7


@pytest.mark.slow
def test_scores_are_told_for_each_part(fitted: Fitted) -> None:
    for part in ("remarks", "blurbs", "twins", "jackets", "films", "frames"):
        assert fitted.metrics[f"macro_f1_{part}"] > 0.5


@pytest.mark.slow
def test_it_carries_over_to_kinds_of_text_it_has_not_seen(fitted: Fitted) -> None:
    assert fitted.metrics["probe_accuracy"] > 0.9
    assert fitted.metrics["carry_over_accuracy"] > 0.8 > fitted.metrics["baseline_carry_over_accuracy"]
    for kind in ("film", "product", "restaurant", "book"):
        assert f"leaning the right way, `{kind}`" in fitted.card


@pytest.mark.slow
def test_a_shop_without_the_labelled_books_is_told_so(fitted: Fitted) -> None:
    assert fitted.metrics["hand_labelled_books"] == 0
    assert "hand_accuracy" not in fitted.metrics
    assert "None of the descriptions that were labelled by hand" in fitted.card
    assert "none of the descriptions" in fitted.tags["verdict"]


@pytest.mark.slow
def test_agreement_with_hand_labels_is_told_with_its_interval_and_baseline(
    embed: Embed, small: pd.DataFrame
) -> None:
    labels = load_hand_labels()
    chosen = labels[labels["use"] == "report"].groupby("label").head(4)
    texts = {"positive": "I loved it.", "neutral": "It has nine chapters.", "negative": "I hated it."}
    books = [
        a_book(number, upc, texts[label])
        for number, (upc, label) in enumerate(zip(chosen["upc"], chosen["label"], strict=True), start=1)
    ]
    measured = sentiment_of(small, books, embed, SentimentParams(), NOW).metrics
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
def test_a_model_of_another_encoder_knows_nothing_of_these_rows(fitted: Fitted) -> None:
    rows = fitted.dataset[fitted.dataset[HELD_OUT]].copy()
    rows["passage_embeddings"] = [cells[: len(cells) // 2] for cells in rows["passage_embeddings"]]
    np.testing.assert_allclose(held_out_losses(fitted.model, rows), np.log(3))


@pytest.mark.slow
def test_a_champion_of_an_older_make_is_no_hindrance(fitted: Fitted) -> None:
    older = SentimentClassifier()
    older.__dict__ = {"C": 0.002, "temperature": 1.0, "caution": 0.8, "pipeline_": object()}
    rows = fitted.dataset[fitted.dataset[HELD_OUT]]
    np.testing.assert_allclose(held_out_losses(older, rows), np.log(3))


@pytest.mark.slow
def test_the_same_corpus_gives_the_same_model(small: pd.DataFrame, embed: Embed) -> None:
    one, two = (sentiment_of(small, [], embed, SentimentParams(), NOW) for _ in range(2))
    assert one.dataset_sha256 == two.dataset_sha256
    assert one.metrics == two.metrics


def test_a_corpus_of_too_few_groups_is_refused(embed: Embed) -> None:
    pairs = [
        (f"{label} {number}", label) for number in range(20) for label in ("negative", "neutral", "positive")
    ]
    corpus = pd.DataFrame(pairs, columns=["text", "label"]).assign(part="")
    corpus["group"] = [str(place % 4) for place in range(len(corpus))]
    with pytest.raises(TrainingError, match="5 folds need as many groups"):
        sentiment_of(corpus, [], embed, SentimentParams(), NOW)


@pytest.mark.parametrize(
    "wrong", [{"caution": -1.0}, {"reserve": 9.0}, {"held_out_share": 0.9}, {"folds": 1}]
)
def test_parameters_out_of_bounds_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        SentimentParams(**wrong)  # type: ignore[arg-type]


def score(fitted: Fitted, embed: Embed, *texts: str) -> list[float]:
    return list(judge(fitted.model, embed, texts)["score"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("The food was good.", "The food was not good."),
        ("I would recommend this hotel.", "I would not recommend this hotel."),
        ("It is worth the money.", "It isn't worth the money."),
        ("I enjoyed this book.", "I did not enjoy this book."),
        ("The lamp works.", "The lamp doesn't work."),
    ],
)
def test_a_negation_turns_the_score(fitted: Fitted, embed: Embed, good: str, bad: str) -> None:
    yes, no = score(fitted, embed, good, bad)
    assert yes > 0 > no


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "fillings"),
    [
        ("{} wrote a wonderful novel.", ("Maria", "John", "Mr Okafor", "Li Wei", "Fatima", "Björn")),
        ("I waited for my refund for {} days and never got it.", ("3", "14", "thirty", "200")),
        ("The service at the hotel in {} was awful.", ("Paris", "Lagos", "Ohio", "Kyoto")),
    ],
)
def test_names_and_numbers_do_not_matter(
    fitted: Fitted, embed: Embed, pattern: str, fillings: Sequence[str]
) -> None:
    scores = score(fitted, embed, *(pattern.format(filling) for filling in fillings))
    assert len({value > 0 for value in scores}) == 1
    assert max(scores) - min(scores) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "I loved this novel from the first page to the last and was sorry when it ended.",
        "I hated this novel from the first page to the last and was glad when it ended.",
    ],
)
def test_a_neutral_sentence_more_changes_little(fitted: Fitted, embed: Embed, text: str) -> None:
    alone, before, after = score(
        fitted,
        embed,
        text,
        f"The book was published in Lisbon in 1987. {text}",
        f"{text} It has three hundred pages and an index.",
    )
    assert alone * before > 0
    assert alone * after > 0
    assert max(abs(alone - before), abs(alone - after)) < 0.5


@pytest.mark.slow
def test_the_sentence_that_decided_is_named(fitted: Fitted, embed: Embed) -> None:
    decisive = "It is the most boring and badly written book that I have ever had to finish."
    facts = "It has twelve chapters and an index of all places."
    text = f"A clerk in Bergen inherits a house by the sea. {decisive} {facts}"
    found = judge(fitted.model, embed, [text]).iloc[0]
    assert (found["sentiment"], found["sentence"]) == ("negative", decisive)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "...", "Un livre merveilleux, tendre et drôle.", "这本书很好看"])
def test_nothing_and_what_is_not_english_are_neutral(fitted: Fitted, embed: Embed, text: str) -> None:
    found = judge(fitted.model, embed, [text]).iloc[0]
    assert (found["sentiment"], found["score"], found["sentence"]) == ("neutral", 0.0, None)
