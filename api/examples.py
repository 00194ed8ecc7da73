"""One example for each body and reply in the OpenAPI document, by the name of its type.

A test reads every one of them back as that type.
"""

from __future__ import annotations

from typing import Any

from api.model_examples import AN_ORDER_ID, MODEL_EXAMPLES
from api.prediction_examples import A_PREDICTION_ID, PREDICTION_EXAMPLES
from api.record_examples import A_BOOK, A_RUN, A_RUN_ID, RECORD_EXAMPLES

_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
_ACCESS = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 900}
_PRICE = {
    "prediction_id": A_PREDICTION_ID,
    "price": 35.0,
    "currency": "GBP",
    "interval": {"low": 11.2, "high": 58.8, "coverage": 0.9},
    "informative": False,
    "model": {"name": "price", "version": "1"},
    "features": {
        "service": "price_model",
        "status": "PRESENT",
        "age_seconds": 41_232.5,
        "limit_seconds": 172_800,
        "oldest": "book_details",
        "missing": [],
    },
}

_NEAR = {
    "id": 341,
    "title": "Poems That Make Grown Women Cry",
    "category": "Poetry",
    "score": 0.61,
    "why": {
        "category": "Poetry",
        "author": None,
        "terms": ["poems", "poets"],
        "sentence": "One hundred women tell of the poems that moved them.",
    },
}

EXAMPLES: dict[str, Any] = {
    **RECORD_EXAMPLES,
    **MODEL_EXAMPLES,
    **PREDICTION_EXAMPLES,
    "BookPage": {"items": [A_BOOK], "page": 1, "page_size": 20, "total": 1000, "pages": 50},
    "SearchPage": {
        "items": [A_BOOK | {"score": 0.54}],
        "page": 1,
        "page_size": 20,
        "total": 100,
        "pages": 5,
        "model": {"name": "recommender", "version": "1"},
    },
    "CategoriesReply": {"items": [{"name": "Poetry", "books": 19}]},
    "OverviewReply": {
        "total_books": 1000,
        "average_price": 35.07,
        "average_rating": 2.92,
        "rating_distribution": {"1": 226, "2": 196, "3": 203, "4": 179, "5": 196},
        "currency": "GBP",
    },
    "CategoryStatisticsList": {
        "items": [
            {
                "name": "Poetry",
                "books": 19,
                "average_price": 35.97,
                "min_price": 10.01,
                "max_price": 58.32,
                "average_rating": 3.53,
                "in_stock": 19,
                "currency": "GBP",
            }
        ]
    },
    "LoginRequest": {"username": "admin", "password": "the one in var/admin-password"},
    "LoginReply": _ACCESS | {"refresh_token": _TOKEN},
    "AccessReply": _ACCESS,
    "TriggerRequest": {"source": "https://books.toscrape.com/"},
    "PriceRequest": {
        "rating": 4.5,
        "category": "Fiction",
        "availability": "In stock",
        "title": "The Old Man and the Sea",
        "author": "Ernest Hemingway",
        "binding": "Paperback",
        "language": "English",
        "year": 1952,
        "reviews": 120,
    },
    "PriceReply": _PRICE,
    "RecommendationReply": {
        "prediction_id": A_PREDICTION_ID,
        "book_id": 1,
        "items": [_NEAR],
        "model": {"name": "recommender", "version": "1"},
    },
    "SimilarRequest": {
        "like": [1],
        "dislike": [2],
        "text": "poems about the sea",
        "filters": {"category": None, "min_price": 5, "max_price": 40, "in_stock": True, "source": None},
        "limit": 5,
        "diversity": 0.2,
    },
    "SimilarReply": {
        "prediction_id": A_PREDICTION_ID,
        "items": [_NEAR],
        "model": {"name": "recommender", "version": "1"},
    },
    "SentimentRequest": {"description": "A warm and funny book that I could not put down."},
    "SentimentReply": {
        "prediction_id": A_PREDICTION_ID,
        "sentiment": "positive",
        "score": 0.87,
        "sentence": "A warm and funny book that I could not put down.",
        "language": "en",
        "model": {"name": "sentiment", "version": "1"},
    },
    "PredictionsRequest": {
        "model": "price",
        "inputs": [{"rating": 4, "category": "Fiction", "availability": "In stock"}, {"book_id": 1}],
    },
    "PredictionsReply": {
        "items": [{"index": 0, "prediction": _PRICE, "error": None}],
        "model": {"name": "price", "version": "1"},
    },
    "TableReply": {
        "items": [{"book_id": 1, "category": "Poetry", "rating": 3, "stock": 22, "price": 51.77}],
        "page": 1,
        "page_size": 1000,
        "total": 1000,
        "pages": 1,
    },
    "HealthReply": {
        "status": "ok",
        "dependencies": {
            "catalogue": {"status": "ok", "detail": "1000 books"},
            "model_server": {"status": "ok", "detail": "ready"},
            "features": {"status": "ok", "detail": "snapshot 1 is in the feature store"},
            "worker": {"status": "ok", "detail": "nothing waits for it"},
            "trainer": {"status": "ok", "detail": "nothing waits for it"},
        },
        "schedule": {"status": "on", "next_run_at": "2026-02-02T03:00:00Z"},
        "retraining": {"status": "on", "next_run_at": "2026-02-08T04:23:00Z"},
        "last_run": A_RUN,
    },
}


def _problem(status: int, title: str, detail: str, **errors: str) -> dict[str, Any]:
    named = [{"field": field, "message": message} for field, message in errors.items()]
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": named}


_NOT_SO = "the run has ended already: it succeeded"
_IN_THE_WAY = f"run {A_RUN_ID} is running: wait for it to end, or cancel it"
_FORMS = "this can be told as application/json, application/x-ndjson, application/vnd.apache.parquet"
_MODEL_AWAY = "the model server is not there"

PROBLEM_EXAMPLES: dict[int, dict[str, Any]] = {
    400: _problem(400, "Bad Request", "the body is not JSON", body="the body is not JSON"),
    401: _problem(401, "Unauthorized", "the token has expired", Authorization="the token has expired"),
    404: _problem(404, "Not Found", "no book has the id 5000", book_id="no book has the id 5000"),
    406: _problem(406, "Not Acceptable", _FORMS, Accept=_FORMS),
    409: _problem(409, "Conflict", _NOT_SO, run_id=_NOT_SO),
    413: _problem(
        413,
        "Request Entity Too Large",
        "the body is larger than this server takes",
        body="the body is larger than this server takes",
    ),
    415: _problem(
        415,
        "Unsupported Media Type",
        "the body must be sent as application/json",
        **{"Content-Type": "the body must be sent as application/json"},
    ),
    422: _problem(
        422,
        "Unprocessable Entity",
        "page_size: must be less than or equal to 100",
        page_size="must be less than or equal to 100",
    ),
    503: _problem(503, "Service Unavailable", _MODEL_AWAY),
}

_ORDER_IN_THE_WAY = f"order {AN_ORDER_ID}, to retrain price, is running: wait for it to end"
ORDER_PROBLEM_EXAMPLE: dict[str, Any] = _problem(
    409, "Conflict", _ORDER_IN_THE_WAY, name=_ORDER_IN_THE_WAY
) | {"order_id": AN_ORDER_ID}
RUN_PROBLEM_EXAMPLE: dict[str, Any] = _problem(409, "Conflict", _IN_THE_WAY, run_id=_IN_THE_WAY) | {
    "run_id": A_RUN_ID
}

NDJSON_EXAMPLE = '{"book_id":1,"category":"Poetry","rating":3.0,"stock":22.0,"price":51.77}\n'
CSV_EXAMPLE = "book_id,kind,field,old,new\r\n1,changed,price,51.77,49.99\r\n"
