"""A prediction log with what a test says was answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bookshelf.contracts import ModelName
from bookshelf.prediction import FeedbackRecord, PredictionRecord, Record, as_fields, new_id
from bookshelf.prediction_files import PredictionFiles, schema

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Log:
    """Writes records as the service's processes do: some still in a journal, the others as Parquet."""

    def __init__(self, files: PredictionFiles) -> None:
        self._files = files
        self._written = 0

    def predict(self, model: ModelName, version: str, at: datetime = NOON, **facts: Any) -> str:
        """Note an answer; its id."""
        made = at + timedelta(milliseconds=self._written)
        answer = facts.pop("answer", {}) | {"arm": facts.pop("arm", None)}
        told: dict[str, Any] = {
            "run_id": f"run-{version}",
            "inputs": "{}",
            "answer": json.dumps(answer),
        } | facts
        record = PredictionRecord(prediction_id=new_id(made), at=made, model=model, version=version, **told)
        self._write("predictions", model, made, record)
        return record.prediction_id

    def judge(self, model: ModelName, prediction_id: str, at: datetime = NOON, **truth: Any) -> None:
        """Note what somebody says of it."""
        key = new_id(at + timedelta(milliseconds=self._written))
        said = FeedbackRecord(feedback_id=key, prediction_id=prediction_id, at=at, model=model, **truth)
        self._write("feedback", model, at, said)

    def _write(self, kind: Any, model: str, at: datetime, record: Record) -> None:
        self._written += 1
        values = as_fields(record)
        if self._written % 2:
            folder = self._files.folder(kind) / "journal"
            folder.mkdir(parents=True, exist_ok=True)
            line = json.dumps(values | {"at": at.isoformat()}, separators=(",", ":"))
            (folder / f"{self._written:05}.jsonl").write_text(f"{line}\n")
            return
        folder = self._files.day(kind, model, at.date())
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.Table.from_pylist([values], schema=schema(kind)), folder / f"{self._written:05}.parquet"
        )
