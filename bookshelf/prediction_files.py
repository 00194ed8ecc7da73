"""Where the prediction log lies in a home, and how it is read: Parquet by day, and journals before that.

    predictions/journal/*.jsonl               what processes have written within the last minute or so
    predictions/<model>/day=<date>/*.parquet  everything before, by the day (UTC) of the prediction
    feedback/…                                the same for feedback, by the day of the prediction it is about

Whoever moves records writes the new file before the old one goes, so that a reader may meet one twice.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.errors import ModelUnavailable
from bookshelf.prediction import FeedbackRecord, PredictionRecord, moment_of

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["predictions", "feedback"]
KINDS: tuple[Kind, ...] = ("predictions", "feedback")
#: The column that names a record and no other.
KEYS: dict[Kind, str] = {"predictions": "prediction_id", "feedback": "feedback_id"}
#: A folder of one day is called by this and its date.
DAY = "day="

# Files may be moved while somebody looks; hardly ever twice in a row.
_LOOKS = 5

Found = TypeVar("Found")


class PredictionFiles:
    """The log of one home, as it is read by anybody. A home without one is a log without records."""

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()

    def folder(self, kind: Kind) -> Path:
        return self._home / kind

    def journals(self, kind: Kind) -> list[Path]:
        """Every journal, the oldest first."""
        return sorted((self.folder(kind) / "journal").glob("*.jsonl"))

    def day(self, kind: Kind, model: str, day: date) -> Path:
        """Folder of the records about that model's predictions of that day."""
        return self.folder(kind) / model / f"{DAY}{day.isoformat()}"

    def days(self, kind: Kind, model: str) -> list[Path]:
        """Every day's folder that there is, in their order."""
        return sorted((self.folder(kind) / model).glob(f"{DAY}*"))

    def find(self, prediction_id: UUID) -> PredictionRecord | None:
        """The prediction with that id; None if the log has none, or none any more.

        This and the others raise `ModelUnavailable` where a file that may hold what is wanted is broken.
        """
        found = _looked(lambda: self._about("predictions", prediction_id))
        return next((PredictionRecord(**one) for one in found), None)

    def feedback_on(self, prediction_id: UUID) -> list[FeedbackRecord]:
        """What was said about that prediction, in the order of time."""
        found = _looked(lambda: self._about("feedback", prediction_id))
        told = {one["feedback_id"]: FeedbackRecord(**one) for one in found}
        return sorted(told.values(), key=lambda one: one.feedback_id)

    def table(
        self, kind: Kind, model: ModelName, since: date | None = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Every record about the predictions of a model, each once, in the order of their ids.

        With `since`, of that day (UTC) and later. With `columns`, only those, among which must be the ids.
        """
        wanted = list(columns or schema(kind).names)
        return _looked(lambda: self._table(kind, model, since, wanted))

    def _about(self, kind: Kind, prediction_id: UUID) -> list[dict[str, Any]]:
        moment, wanted = moment_of(prediction_id), str(prediction_id)
        if moment is None:
            return []
        # Journals first: what leaves one meanwhile is in a day's file by then.
        lines = [line for path in self.journals(kind) for line in _lines_about(path, wanted)]
        found: list[dict[str, Any]] = read_journal(kind, b"".join(lines)).to_pylist() if lines else []
        if found and kind == "predictions":
            return found
        return found + self._stored_about(kind, moment.date(), wanted)

    def _stored_about(self, kind: Kind, day: date, wanted: str) -> list[dict[str, Any]]:
        """What the files of that day have about the prediction."""
        found: list[dict[str, Any]] = []
        broken: ModelUnavailable | None = None
        folders = [self.day(kind, model, day) for model in MODEL_NAMES]
        for path in (path for folder in folders for path in sorted(folder.glob("*.parquet"))):
            try:
                found += _read(kind, path, [("prediction_id", "==", wanted)]).to_pylist()
            except ModelUnavailable as error:
                broken = error
        # A prediction is in one file; of feedback there may be more in the broken one.
        if broken is not None and not (found and kind == "predictions"):
            raise broken
        return found

    def _table(self, kind: Kind, model: str, since: date | None, columns: list[str]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        written = [read_journal(kind, path.read_bytes()) for path in self.journals(kind)]
        journals = [one.filter(pc.equal(one["model"], model)).select(columns) for one in written]
        first = f"{DAY}{since or date.min}"
        days = [folder for folder in self.days(kind, model) if folder.name >= first]
        files = [path for folder in days for path in sorted(folder.glob("*.parquet"))]
        stored = [_read(kind, path, columns=columns) for path in files]
        table = pa.concat_tables([schema(kind).empty_table().select(columns), *journals, *stored])
        if since is not None:
            wanted = [_day_of(one) >= since for one in table["prediction_id"].to_pylist()]
            table = table.filter(pa.array(wanted, pa.bool_()))  # of no rows nobody could tell the type
        return _each_once(table, KEYS[kind])


@cache
def schema(kind: Kind) -> pa.Schema:
    """The columns of the log, which are the fields of its records."""
    import pyarrow as pa

    text, number, at = pa.string(), pa.float64(), pa.timestamp("us", tz="UTC")
    types = {"at": at, "value": number, **dict.fromkeys(("book_id", "snapshot_id", "chosen"), pa.int64())}
    record = PredictionRecord if kind == "predictions" else FeedbackRecord
    return pa.schema([(one.name, types.get(one.name, text)) for one in fields(record)])


def read_journal(kind: Kind, data: bytes) -> pa.Table:
    """The records of a journal, which has one a line as JSON; lines that are none are left out.

    The last one may be cut off: its process was killed while it wrote.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = data[: data.rfind(b"\n") + 1]
    try:
        table = _parsed(kind, whole)
    except pa.ArrowInvalid:
        table = _parsed(kind, b"".join(line for line in whole.splitlines(keepends=True) if _fits(kind, line)))
    for name in (KEYS[kind], "at", "model"):
        table = table.filter(pc.is_valid(table[name]))
    return table


def _parsed(kind: Kind, lines: bytes) -> pa.Table:
    import pyarrow.json as pj

    if not lines:
        return schema(kind).empty_table()
    return pj.read_json(
        io.BytesIO(lines),
        read_options=pj.ReadOptions(block_size=len(lines)),  # a line must not be longer than a block
        parse_options=pj.ParseOptions(explicit_schema=schema(kind), unexpected_field_behavior="ignore"),
    )


def _fits(kind: Kind, line: bytes) -> bool:
    import pyarrow as pa

    try:
        return bool(_parsed(kind, line).num_rows)
    except pa.ArrowInvalid:
        return False


def _lines_about(path: Path, wanted: str) -> Iterator[bytes]:
    """Lines of a journal about that prediction."""
    named = f'"prediction_id":"{wanted}"'.encode()
    data = path.read_bytes()
    place = data.find(named)
    while place >= 0:
        end = data.find(b"\n", place) + 1
        if not end:
            return
        yield data[data.rfind(b"\n", 0, place) + 1 : end]
        place = data.find(named, end)


def _read(
    kind: Kind,
    path: Path,
    filters: list[tuple[str, str, str]] | None = None,
    columns: list[str] | None = None,
) -> pa.Table:
    """Rows of a file. Raises `FileNotFoundError` if it has gone, and `ModelUnavailable` if it is broken."""
    import pyarrow.parquet as pq

    try:
        # Without partitioning: the day would become a column.
        return pq.read_table(path, schema=schema(kind), columns=columns, filters=filters, partitioning=None)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = type(error).__name__  # its own words name folders of this machine
        raise ModelUnavailable(f"the file {path.name} of the log cannot be read: {reason}") from error


def _each_once(table: pa.Table, key: str) -> pa.Table:
    import numpy as np

    _, places = np.unique(table[key].to_numpy(), return_index=True)
    return table.take(places)


def _day_of(prediction_id: str) -> date:
    moment = moment_of(UUID(prediction_id))
    assert moment is not None  # no other is noted
    return moment.date()


def _looked(look: Callable[[], Found]) -> Found:
    """What the look finds; another one where a file was moved under its eyes."""
    for _ in range(_LOOKS - 1):
        try:
            return look()
        except FileNotFoundError:
            continue
    return look()
