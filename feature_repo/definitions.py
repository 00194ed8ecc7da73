"""What Feast knows of us: the book, its views over the Parquet rows, and one feature service per model."""

from __future__ import annotations

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Float32, Float64, Int64, String

from bookshelf.settings import Settings
from features import schema

_TYPES = {
    "text": String,
    "count": Int64,
    "number": Float64,
    "amount": Float64,
    "vector": Array(Float32),
}


def _view(name: str, description: str) -> FeatureView:
    features = [Field(name=feature, dtype=_TYPES[kind]) for feature, kind in schema.VIEWS[name].items()]
    return FeatureView(
        name=name,
        description=description,
        entities=[book],
        ttl=timedelta(0),  # a book keeps its features until it is seen again
        schema=[Field(name=schema.JOIN_KEY, dtype=Int64), *features],
        source=FileSource(
            name=f"{name}_rows",
            description="One file a revision of the catalogue that changed something of this view.",
            # Absolute: DuckDB would look for a relative path from wherever the reader was started.
            path=str(Settings().offline_store / name / "*.parquet"),
            file_format=ParquetFormat(),  # told, because the name that it would be guessed from is a pattern
            timestamp_field=schema.EVENT_TIMESTAMP,
            created_timestamp_column=schema.CREATED_TIMESTAMP,
        ),
    )


def _service(name: str, description: str) -> FeatureService:
    views = {view.name: view for view in (book_details, book_price, book_embedding)}
    return FeatureService(
        name=name,
        description=description,
        features=[views[view][list(features)] for view, features in schema.SERVICES[name].items()],
    )


# Feast finds what is assigned to a name in this module, and nothing that lies in a list or a dict.
book = Entity(
    name=schema.ENTITY,
    join_keys=[schema.JOIN_KEY],
    value_type=ValueType.INT64,
    description="A book on offer, by the id that the catalogue gave it at first sight.",
)
book_details = _view(schema.DETAILS_VIEW, "What the shop's page says of a book, but for its price.")
book_price = _view(schema.PRICE_VIEW, "The price and its currency: the label of the price model.")
book_embedding = _view(
    schema.EMBEDDING_VIEW, "The cleaned description as a vector of unit length, chunked and pooled."
)

price_model = _service(schema.PRICE_SERVICE, "Everything on the page, and the price as label.")
recommender_model = _service(schema.RECOMMENDER_SERVICE, "Title, category, words and meaning of each book.")
sentiment_model = _service(schema.SENTIMENT_SERVICE, "The words and the meaning of each description.")
