"""One example for each body and reply in the OpenAPI document, by the name of its type.

A test reads every one of them back as that type.
"""

from __future__ import annotations

from typing import Any

_UPC = "a897fe39b1053632"
_BOOK: dict[str, Any] = {
    "id": 1,
    "upc": _UPC,
    "title": "A Light in the Attic",
    "price": 51.77,
    "rating": 3,
    "availability": "In stock",
    "stock": 22,
    "category": "Poetry",
    "image": "https://books.toscrape.com/media/cache/fe/72/fe72f0532301ec28892ae79a629a293c.jpg",
    "description": "It's hard to imagine a world without A Light in the Attic. ...more",
    "url": "https://books.toscrape.com/catalogue/a-light-in-the-attic_1000/index.html",
}
_RUN_ID = "0b8f4c1e-6f0e-4f7b-9d53-6b9a2c9d8a10"
_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl"
_ACCESS = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 900}
_PRICE = {
    "price": 35.0,
    "interval": {"low": 11.2, "high": 58.8, "coverage": 0.9},
    "informative": False,
    "model": {"name": "price", "version": "1"},
}

EXAMPLES: dict[str, Any] = {
    "BookReply": _BOOK,
    "BookPage": {"items": [_BOOK], "page": 1, "page_size": 20, "total": 1000, "pages": 50},
    "CategoriesReply": {"items": [{"name": "Poetry", "books": 19}]},
    "OverviewReply": {
        "total_books": 1000,
        "average_price": 35.07,
        "average_rating": 2.92,
        "rating_distribution": {"1": 226, "2": 196, "3": 203, "4": 179, "5": 196},
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
            }
        ]
    },
    "LoginRequest": {"username": "admin", "password": "the one in var/admin-password"},
    "LoginReply": _ACCESS | {"refresh_token": _TOKEN},
    "AccessReply": _ACCESS,
    "TriggerRequest": {"source": "https://books.toscrape.com/"},
    "QueuedRunReply": {"run_id": _RUN_ID, "status": "queued"},
    "ScrapeRunReply": {
        "run_id": _RUN_ID,
        "status": "succeeded",
        "source": "https://books.toscrape.com/",
        "requested_at": "2025-01-31T09:00:00Z",
        "started_at": "2025-01-31T09:00:01Z",
        "finished_at": "2025-01-31T09:01:12Z",
        "pages": 1051,
        "books": 1000,
        "snapshot_id": 2,
        "error": None,
    },
    "PriceRequest": {"rating": 4, "category": "Fiction", "availability": "In stock"},
    "PriceReply": _PRICE,
    "RecommendationReply": {
        "book_id": 1,
        "items": [
            {"id": 341, "title": "Poems That Make Grown Women Cry", "category": "Poetry", "score": 0.61}
        ],
        "model": {"name": "recommender", "version": "1"},
    },
    "SentimentRequest": {"description": "A warm and funny book that I could not put down."},
    "SentimentReply": {
        "sentiment": "positive",
        "score": 0.87,
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
    "ModelsReply": {
        "items": [{"name": "price", "version": "1", "run_id": "5c0d9b6f", "informative": False}],
    },
    "HealthReply": {
        "status": "ok",
        "dependencies": {
            "catalogue": {"status": "ok", "detail": "1000 books"},
            "model_server": {"status": "ok", "detail": "ready"},
            "features": {"status": "ok", "detail": "snapshot 1 is in the feature store"},
        },
    },
}


def _problem(status: int, title: str, detail: str, **errors: str) -> dict[str, Any]:
    named = [{"field": field, "message": message} for field, message in errors.items()]
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": named}


_MODEL_AWAY = "the model server is not there"

PROBLEM_EXAMPLES: dict[int, dict[str, Any]] = {
    400: _problem(400, "Bad Request", "the body is not JSON", body="the body is not JSON"),
    401: _problem(401, "Unauthorized", "the token has expired", Authorization="the token has expired"),
    404: _problem(404, "Not Found", "no book has the id 5000", book_id="no book has the id 5000"),
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
        "page_size: Input should be less than or equal to 100",
        page_size="Input should be less than or equal to 100",
    ),
    503: _problem(503, "Service Unavailable", _MODEL_AWAY),
}
