"""The models' answers and their data, as the model server gives them."""

from __future__ import annotations

from flask import Response

from api.documentation import group, problems
from api.files import VARY, check_no_vectors, check_unpaged, file_reply, wanted_format
from api.inputs import BookPath, RecommendationQuery, TableQuery, TrainingDataQuery, TrialHeaders
from api.parts import parts
from api.wire import json_reply
from bookshelf.contracts import (
    PredictionsReply,
    PredictionsRequest,
    PriceReply,
    PriceRequest,
    RecommendationReply,
    RecommendationRequest,
    SentimentReply,
    SentimentRequest,
    SimilarReply,
    SimilarRequest,
)
from bookshelf.table_contracts import (
    FileRequest,
    TableReply,
    TableRequest,
    TrainingDataRequest,
    TrainingFileRequest,
)

ml = group("ml", "/ml", "Predictions, each naming model and version.", 422, 503)
_OF_BOOKS = {"as_of", "source"}
_BODY_PROBLEMS = problems(400, 413, 415)


@ml.post("/predict/price", responses={200: PriceReply, **problems(404), **_BODY_PROBLEMS})
def predict_price(header: TrialHeaders, body: PriceRequest) -> Response:
    """The price of a book, with its interval and its currency.

    Name the book by `book_id`, or by `rating`, `category` and `availability` and what else is known.
    By `book_id`, `features` says how long ago the shop confirmed what the price was made from.
    Where `informative` is false, the model has found that its inputs say nothing about prices.
    """
    return json_reply(parts().gateway.price(body, header.caller))


@ml.get("/recommendations/<book_id>", responses={200: RecommendationReply, **problems(404)})
def recommendations(path: BookPath, query: RecommendationQuery, header: TrialHeaders) -> Response:
    """The books most like that one, best first, each with what it is near by."""
    wanted = RecommendationRequest(book_id=path.book_id, limit=query.limit)
    return json_reply(parts().gateway.recommendations(wanted, header.caller))


@ml.post("/recommendations", responses={200: SimilarReply, **problems(404), **_BODY_PROBLEMS})
def similar(header: TrialHeaders, body: SimilarRequest) -> Response:
    """The books near what you like and far from what you don't, best first, each with what it is near by.

    Name books by `like` and `dislike`, say it in your own words by `text`, or both. `filters` apply first,
    so that `limit` books come back wherever so many are left. A greater `diversity` gives books that are
    less like each other. Never a book that you named, nor another edition of one.
    """
    return json_reply(parts().gateway.similar(body, header.caller))


@ml.post("/sentiment", responses={200: SentimentReply, **_BODY_PROBLEMS})
def sentiment(header: TrialHeaders, body: SentimentRequest) -> Response:
    """Whether a description sounds positive, neutral or negative, from 1 to -1."""
    return json_reply(parts().gateway.sentiment(body, header.caller))


@ml.post("/predictions", responses={200: PredictionsReply, **_BODY_PROBLEMS})
def predictions(header: TrialHeaders, body: PredictionsRequest) -> Response:
    """Many inputs for one model: one prediction or one error for each, in their order.

    While two versions are tried, each input is answered by the one that would answer it alone, and names it;
    `model` is the version that answered all, or that on duty where both did.
    """
    return json_reply(parts().gateway.predictions(body, header.caller))


@ml.get("/features", responses={200: TableReply, **problems(406)})
def features(query: TableQuery) -> Response:
    """The features of every book as the models are given them, by book id.

    A page as JSON, or every row as NDJSON or Parquet: by `format`, or by the Accept header.
    """
    format, asked = wanted_format(query.format), query.model_dump(include=_OF_BOOKS)
    if format == "json":
        page = TableRequest(**asked, page=query.page, page_size=query.page_size)
        return json_reply(parts().gateway.features(page), headers=VARY)
    check_unpaged(format, query.model_fields_set)
    return file_reply(parts().gateway.features_file(FileRequest(**asked, format=format)))


@ml.get("/training-data", responses={200: TableReply, **problems(404, 406)})
def training_data(query: TrainingDataQuery) -> Response:
    """What the model now served was trained on, row by row.

    With `as_of`, what it would be trained on had that moment been the last that was known. A page as JSON,
    or every row as NDJSON or Parquet, with `vectors=true` the vectors too: by `format`, or by the Accept
    header.
    """
    format, asked = wanted_format(query.format), query.model_dump(include={*_OF_BOOKS, "model"})
    if format == "json":
        check_no_vectors(query.vectors)
        page = TrainingDataRequest(**asked, page=query.page, page_size=query.page_size)
        return json_reply(parts().gateway.training_data(page), headers=VARY)
    check_unpaged(format, query.model_fields_set)
    wanted = TrainingFileRequest(**asked, format=format, vectors=query.vectors)
    return file_reply(parts().gateway.training_data_file(wanted))
