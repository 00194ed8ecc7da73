"""The one spelling of every feature: its name, its view, and which model reads it."""

from __future__ import annotations

from datetime import timedelta

ENTITY = "book"
JOIN_KEY = "book_id"
EVENT_TIMESTAMP = "event_timestamp"
CREATED_TIMESTAMP = "created"

DETAILS_VIEW = "book_details"
PRICE_VIEW = "book_price"
EMBEDDING_VIEW = "book_embedding"

#: Feature -> kind, for each view. `text` is UTF-8, "" where the shop says nothing; `count` int64; `number`
#: float64, NaN where the shop says nothing; `amount` float64 in the book's currency; `vector` a list of
#: float32 of unit length.
VIEWS: dict[str, dict[str, str]] = {
    DETAILS_VIEW: {
        "title": "text",
        "category": "text",
        "rating": "number",
        "stock": "number",
        "availability": "text",
        "description": "text",  # cleaned: without the teaser and the `...more`
        "title_words": "count",
        "description_words": "count",
        "author": "text",
        "publisher": "text",
        "year": "number",
        "binding": "text",
        "language": "text",
        "genre": "text",
        "reviews": "number",
    },
    PRICE_VIEW: {"price": "amount", "currency": "text"},  # ISO 4217
    EMBEDDING_VIEW: {"embedding": "vector"},
}

#: Features that may be missing, NaN or None then.
NUMBERS = frozenset(feature for view in VIEWS.values() for feature, kind in view.items() if kind == "number")
#: The feature that is the vector of the description.
VECTOR = "embedding"

LABEL = "price"
CURRENCY = "currency"

PRICE_SERVICE = "price_model"
RECOMMENDER_SERVICE = "recommender_model"
SENTIMENT_SERVICE = "sentiment_model"

#: Model -> the feature service that has what it is told of a book. The sentiment model learns from no books,
#: and reads their descriptions all the same.
SERVICE_OF = {
    "price": PRICE_SERVICE,
    "recommender": RECOMMENDER_SERVICE,
    "sentiment": SENTIMENT_SERVICE,
}

#: What the sentiment model reads beside the text: vectors that the encoder it is served with makes anew of
#: each passage. No view holds them.
LAYERS = "layers"

#: Feature service -> view -> features. The price service carries the label and its
#: currency; a prediction leaves them out.
SERVICES: dict[str, dict[str, tuple[str, ...]]] = {
    PRICE_SERVICE: {
        DETAILS_VIEW: tuple(VIEWS[DETAILS_VIEW]),
        EMBEDDING_VIEW: ("embedding",),
        PRICE_VIEW: (LABEL, CURRENCY),
    },
    RECOMMENDER_SERVICE: {
        DETAILS_VIEW: (
            *("title", "category", "description", "author"),
            *("genre", "language", "year", "reviews"),
        ),
        EMBEDDING_VIEW: ("embedding",),
    },
    SENTIMENT_SERVICE: {DETAILS_VIEW: ("description",), EMBEDDING_VIEW: ("embedding",)},
}

#: Feature service -> how long ago the shop may have confirmed a value before the value is stale. A price
#: follows stock and availability, which a daily scrape confirms: one may fail, two may not. What a book is
#: like and how it is described change far more slowly.
FRESHNESS: dict[str, timedelta] = {
    PRICE_SERVICE: timedelta(hours=48),
    RECOMMENDER_SERVICE: timedelta(days=7),
    SENTIMENT_SERVICE: timedelta(days=30),
}
