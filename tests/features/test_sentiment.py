"""Tone follows the passages, by their words, and survives saving."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import skops.io

from features.sentiment import LABELS, SentimentClassifier, Vectors, conclude, impressions, judge, read

_DIRECTIONS = np.eye(3, 8, dtype=np.float32)
_TONES = {"bad": 0, "so": 1, "good": 2}


def embed(texts: Sequence[str]) -> Vectors:
    """A text's first word says which way its vector points."""
    return np.array([_DIRECTIONS[_TONES.get(text.split()[0], 1) if text.split() else 1] for text in texts])


@pytest.fixture
def classifier() -> SentimentClassifier:
    chance = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 60)
    vectors: Vectors = (_DIRECTIONS[codes] + chance.normal(0, 0.1, (180, 8))).astype(np.float32)
    texts = [("bad", "so", "good")[code] for code in codes]
    model = SentimentClassifier(C=1.0, reserve=0.0, caution=0.0)
    return model.fit(texts, vectors, [LABELS[code] for code in codes])


def three(vectors: Vectors = _DIRECTIONS) -> pd.DataFrame:
    return pd.DataFrame({"description": list(_TONES), "layers": pd.Series(list(vectors), dtype=object)})


def passage(tone: str, words: int = 8) -> str:
    return f"{tone} {'word ' * (words - 2)}end. "


def test_each_vector_gets_a_label_and_a_score(classifier: SentimentClassifier) -> None:
    found = classifier.predict(three())
    assert found["sentiment"].tolist() == list(LABELS)
    assert found["score"].between(-1, 1).all()
    assert found["score"].iloc[0] < -0.5 < 0.5 < found["score"].iloc[2]
    assert abs(found["score"].iloc[1]) < 0.2


def test_a_text_of_one_passage_is_judged_as_its_vector_is(classifier: SentimentClassifier) -> None:
    texts = [passage("good"), passage("bad")]
    told = judge(classifier, embed, texts)
    vectors = pd.Series(list(embed(texts)), dtype=object)
    alone = classifier.predict(pd.DataFrame({"description": texts, "layers": vectors}))
    np.testing.assert_allclose(told["score"], alone["score"].astype(float), atol=1e-6)


def test_impressions_of_each_passage_belong_to_its_text_and_say_what_the_answer_says(
    classifier: SentimentClassifier,
) -> None:
    texts = [passage("good") + "Bad " + passage("bad", 20), "...", passage("bad")]
    found = impressions(classifier, embed, texts)
    by_text = found.by_text()
    assert {place: one.shape for place, one in by_text.items()} == {0: (2, 3), 2: (1, 3)}
    np.testing.assert_array_equal(np.vstack(list(by_text.values())), found.alone)
    pd.testing.assert_frame_equal(conclude(classifier, found), judge(classifier, embed, texts))
    assert impressions(classifier, embed, ["..."]).by_text() == {}


def test_the_longer_passage_weighs_more(classifier: SentimentClassifier) -> None:
    text = passage("Bad").replace("Bad", "bad") + "Good " + passage("good", 40)
    reading = read([text])
    assert len(reading.passages) == 2
    by_vectors = classifier.set_params(words_weight=0.0)
    vectors = _DIRECTIONS[[0, 2]]
    assert by_vectors.judge(reading, vectors)["sentiment"].tolist() == ["positive"]
    assert by_vectors.judge(reading, vectors[::-1])["sentiment"].tolist() == ["negative"]


def test_order_of_texts_changes_nothing(classifier: SentimentClassifier) -> None:
    texts = [passage("good") * 3, passage("bad"), passage("so") * 2, ""]
    forwards = judge(classifier, embed, texts)
    backwards = judge(classifier, embed, texts[::-1])
    np.testing.assert_allclose(forwards["score"], backwards["score"][::-1])


@pytest.mark.parametrize("text", ["", " ", "...", "?!"])
def test_a_text_without_a_word_is_neutral(classifier: SentimentClassifier, text: str) -> None:
    assert judge(classifier, embed, [text]).iloc[0].tolist() == ["neutral", 0.0, None, None]


def test_caution_spares_remarks_and_lifts_descriptions(classifier: SentimentClassifier) -> None:
    texts = [passage("bad"), (passage("bad") + passage("so")).replace("end. so", "end. So") * 3]
    before = judge(classifier, embed, texts)["score"]
    cautious = classifier.set_params(caution=2.0)
    after = judge(cautious, embed, texts)["score"]
    assert after[0] == before[0]
    assert after[1] > before[1]


def test_reserve_spares_remarks_and_asks_more_of_descriptions(classifier: SentimentClassifier) -> None:
    texts = [passage("good"), "Good " + passage("good")[5:] + ("So " + passage("so")[3:]) * 3]
    reading = read(texts)
    before = classifier.probabilities(reading, embed(reading.passages))[:, 1]
    after = classifier.set_params(reserve=2.0).probabilities(reading, embed(reading.passages))[:, 1]
    assert after[0] == before[0]
    assert after[1] > before[1]


def test_the_sentence_that_decided_is_named(classifier: SentimentClassifier) -> None:
    texts = ["So " + passage("so")[3:] + "Bad " + passage("bad")[4:], passage("good")]
    reading = read(texts)
    vectors = np.array([embed([one.lower()])[0] for one in reading.passages])
    named = classifier.judge(reading, vectors)
    assert named["sentiment"].tolist() == ["negative", "positive"]
    assert [sentence.split()[0] for sentence in named["sentence"]] == ["Bad", "good"]


def test_what_is_not_english_is_not_read(classifier: SentimentClassifier) -> None:
    def nothing_to_read(texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"{texts} should not have been read")

    found = judge(classifier, nothing_to_read, ["Ein trauriges, langweiliges Buch ohne jeden Witz."])
    assert found.iloc[0].tolist() == ["neutral", 0.0, None, "de"]


def test_no_texts_have_no_answers(classifier: SentimentClassifier) -> None:
    assert judge(classifier, embed, []).empty


def test_probabilities_add_up_to_one(classifier: SentimentClassifier) -> None:
    reading = read([passage("good"), passage("bad") * 4, ""])
    found = classifier.probabilities(reading, embed(reading.passages))
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_higher_temperature_is_less_sure(classifier: SentimentClassifier) -> None:
    sure = classifier.predict(three())["score"].abs()
    unsure = classifier.set_params(temperature=3.0).predict(three())["score"].abs()
    assert unsure[0] < sure[0]
    assert unsure[2] < sure[2]


def test_all_three_labels_are_needed_to_learn() -> None:
    with pytest.raises(ValueError, match="wanted the labels negative, neutral, positive, got negative"):
        SentimentClassifier().fit(list(_TONES), _DIRECTIONS, ["negative", "negative", "negative"])


def test_a_saved_classifier_answers_the_same(classifier: SentimentClassifier) -> None:
    saved = skops.io.dumps(classifier)
    types = skops.io.get_untrusted_types(data=saved)
    assert types == ["features.sentiment.SentimentClassifier"]
    loaded = skops.io.loads(saved, trusted=types)
    pd.testing.assert_frame_equal(loaded.predict(three()), classifier.predict(three()))
