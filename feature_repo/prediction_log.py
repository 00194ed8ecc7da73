"""What Feast knows of the prediction log: predictions and feedback, by the id of the prediction.

The files are the log's own, so that nothing is copied and nothing goes online. Where there is no log yet the
views are there all the same; only reading them finds no file.
"""

from __future__ import annotations

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, Int64, String

from bookshelf.prediction_files import DAY, Kind, PredictionFiles
from bookshelf.settings import Settings


def _files(kind: Kind, description: str) -> FileSource:
    return FileSource(
        name=f"{kind}_files",
        description=description,
        path=str(PredictionFiles(Settings().home).folder(kind) / "*" / f"{DAY}*" / "*.parquet"),
        file_format=ParquetFormat(),  # told, because the name that it would be guessed from is a pattern
        timestamp_field="at",
    )


# Feast finds what is assigned to a name in this module, and nothing that lies in a list or a dict.
prediction = Entity(
    name="prediction",
    join_keys=["prediction_id"],
    value_type=ValueType.STRING,
    description="One answer of a model, by the id that it was given.",
)
predictions = FeatureView(
    name="predictions",
    description="What the models answered: `value` is a price or a score, `label` a tone.",
    entities=[prediction],
    ttl=timedelta(0),
    schema=[
        Field(name="prediction_id", dtype=String),
        *(Field(name=name, dtype=String) for name in ("model", "version", "role", "label", "answer")),
        *(Field(name=name, dtype=Int64) for name in ("book_id", "snapshot_id")),
        Field(name="value", dtype=Float64),
    ],
    source=_files("predictions", "One file of a model, a day and a part of it."),
    online=False,
)
prediction_feedback = FeatureView(
    name="prediction_feedback",
    description="What was found out about predictions later: the real price or tone, or the book chosen.",
    entities=[prediction],
    ttl=timedelta(0),
    schema=[
        Field(name="prediction_id", dtype=String),
        Field(name="value", dtype=Float64),
        Field(name="label", dtype=String),
        Field(name="chosen", dtype=Int64),
    ],
    source=_files("feedback", "By the day of the predictions that it is about."),
    online=False,
)
