"""A version goes on duty only if it reads what there is and answers as it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from bookshelf.contracts import PriceRequest, RecommendationRequest, SentimentRequest
from bookshelf.errors import ModelUnavailable
from features.price import PriceRegressor
from features.price_columns import INPUTS, NUMBERS
from features.schema import FRESHNESS
from serving.answers import PriceAnswers
from serving.champions import Champion
from serving.checks import check_inputs, rehearse
from serving.encoding import Encoding
from serving.freshness import Freshness, LastRead
from serving.online import OnlineFeatures

Champions = dict[str, Champion]


def answers_of(champion: Champion) -> PriceAnswers:
    """Without a store or a catalogue, which a price by features needs neither of."""

    def away() -> Any:
        raise AssertionError("nobody asked for a book by its id")

    freshness = Freshness(LastRead(away), "price_model", FRESHNESS["price_model"])
    return PriceAnswers(champion, OnlineFeatures(away), freshness, Encoding())


def test_a_model_may_read_the_features_of_its_service(champions: Champions) -> None:
    known = frozenset({"book_details:category", "book_details:rating"})
    check_inputs(replace(champions["price"], inputs=("category", "rating")), PriceRequest, known)


def test_a_model_whose_signature_names_no_columns_passes(champions: Champions) -> None:
    check_inputs(champions["price"], PriceRequest, frozenset())


def test_a_recommender_may_read_what_the_question_says(champions: Champions) -> None:
    asked = replace(champions["recommender"], inputs=("book_id", "limit"))
    check_inputs(asked, RecommendationRequest, frozenset())


def test_a_sentiment_model_may_read_what_its_encoder_makes(champions: Champions) -> None:
    reads = replace(champions["sentiment"], inputs=("description", "layers"))
    check_inputs(reads, SentimentRequest, frozenset({"book_details:description"}))
    with pytest.raises(ModelUnavailable, match="sentiment version 8 expects layers"):
        check_inputs(replace(reads, encoder=None), SentimentRequest, None)


@pytest.mark.parametrize("strange", ["colour", "price", "currency"])
def test_a_model_that_expects_what_its_service_has_not_is_refused(champions: Champions, strange: str) -> None:
    strange_one = replace(champions["price"], inputs=("rating", strange))
    with pytest.raises(ModelUnavailable, match=f"price version 3 expects {strange}, which the feature serv"):
        check_inputs(strange_one, PriceRequest, None)


def test_a_model_that_expects_what_the_store_has_not_yet_is_refused(champions: Champions) -> None:
    with pytest.raises(ModelUnavailable, match="expects book_details:author, which the online feature store"):
        check_inputs(
            replace(champions["price"], inputs=("rating", "author")),
            PriceRequest,
            frozenset({"book_details:rating"}),
        )


def test_a_model_of_an_unknown_feature_service_is_refused(champions: Champions) -> None:
    with pytest.raises(ModelUnavailable, match="reads an unknown feature service, 'horoscope'"):
        check_inputs(replace(champions["price"], tags={"feature_service": "horoscope"}), PriceRequest, None)


def test_a_price_model_that_answers_passes(champions: Champions) -> None:
    rehearse(answers_of(champions["price"]))


def test_a_price_model_that_has_learnt_from_books_without_categories_passes(champions: Champions) -> None:
    books = pd.DataFrame({name: ["", ""] if name not in NUMBERS else [1.0, 2.0] for name in INPUTS})
    model = PriceRegressor("median").fit(books, np.array([10.0, 20.0]))
    rehearse(answers_of(replace(champions["price"], model=model)))


def test_a_model_that_predicts_and_is_no_price_model_is_refused(champions: Champions) -> None:
    stranger = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ModelUnavailable, match="price version 3 does not answer as it should: AttributeErr"):
        rehearse(answers_of(replace(champions["price"], model=stranger)))


def test_a_model_that_predicts_no_number_is_refused(champions: Champions) -> None:
    class Lost:
        categories = ("Fiction",)
        currency, coverage, informative = "GBP", 0.9, True
        inputs, reads_vectors = ("category",), False

        def predict(self, _rows: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"price": [float("nan")], "low": [0.0], "high": [1.0]})

    with pytest.raises(ModelUnavailable, match="does not answer as it should: ValidationError"):
        rehearse(answers_of(replace(champions["price"], model=Lost())))
