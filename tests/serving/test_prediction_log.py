"""The prediction log: what is noted is found again, whoever is killed, and no answer waits for it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow.parquet as pq
import pytest

from bookshelf.catalogue import now
from bookshelf.errors import ModelUnavailable
from bookshelf.prediction import FeedbackRecord, PredictionRecord, moment_of, new_id
from bookshelf.prediction_files import PredictionFiles
from bookshelf.settings import ROOT
from serving import journal, keeping, prediction_log
from serving.keeping import keep
from serving.prediction_log import PredictionLog

AT = datetime(2026, 2, 1, 23, 59, 59, 999_000, tzinfo=UTC)
QUARTER = timedelta(days=90)
#: Notes on and on, and tells each id once the log has come round twice, as it does every second.
NOTES = """
import sys, time
from datetime import timedelta
from pathlib import Path
from bookshelf.prediction_files import PredictionFiles
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import a_prediction

rounds = 0

class Counting(PredictionLog):
    def write(self):
        super().write()
        global rounds
        rounds += 1

log = Counting(PredictionFiles(Path(sys.argv[1])), timedelta(days=90))
log.begin()
noted = []
while True:
    record = a_prediction()
    log.note(record)
    noted.append((rounds, record.prediction_id))
    while noted and rounds >= noted[0][0] + 2:
        print(noted.pop(0)[1], flush=True)
    time.sleep(0.002)
"""


def a_prediction(at: datetime | None = None, **facts: Any) -> PredictionRecord:
    at = at or now()
    usual: dict[str, Any] = {
        "prediction_id": new_id(at),
        "at": at,
        "model": "price",
        "version": "3",
        "run_id": "abc",
        "inputs": '{"book_id":7}',
        "value": 51.77,
        "answer": '{"price":51.77,"note":"a line\\nof “two”"}',
    }
    return PredictionRecord(**(usual | facts))


def some_feedback(on: PredictionRecord, value: float) -> FeedbackRecord:
    told = {"prediction_id": on.prediction_id, "model": on.model, "value": value}
    return FeedbackRecord(feedback_id=str(uuid4()), at=now(), **told)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> PredictionFiles:
    return PredictionFiles(tmp_path)


@pytest.fixture
def log(files: PredictionFiles) -> Iterator[PredictionLog]:
    log = PredictionLog(files, QUARTER)
    yield log
    log.end()


def write(files: PredictionFiles, *records: PredictionRecord) -> None:
    """By a process of their own that has ended."""
    log = PredictionLog(files, QUARTER)
    for record in records:
        log.note(record)
    log.end()


def stored(files: PredictionFiles) -> list[Path]:
    return sorted(files.folder("predictions").glob("*/*/*.parquet"))


def ids(records: Sequence[PredictionRecord]) -> list[str]:
    return sorted(one.prediction_id for one in records)


def test_an_id_tells_its_moment_and_another_has_none() -> None:
    assert moment_of(UUID(new_id(AT))) == AT
    assert UUID(new_id(AT)).version == 7
    assert new_id(AT) != new_id(AT)
    assert moment_of(uuid4()) is None


def test_a_record_is_found_before_it_is_written_in_the_journal_and_in_its_day(
    files: PredictionFiles, log: PredictionLog
) -> None:
    record = a_prediction(AT, features='{"stock":3.0}', event_times='{"v":"x"}', snapshot_id=4, book_id=7)
    log.note(record)
    wanted = UUID(record.prediction_id)
    assert (asyncio.run(log.find(wanted)), files.find(wanted)) == (record, None)
    log.write()
    assert (log.waiting, files.find(wanted)) == (0, record)
    log.end()
    keep(files, QUARTER, AT.date())
    assert files.journals("predictions") == []
    [path] = stored(files)
    assert path.parent == files.folder("predictions") / "price" / "day=2026-02-01"
    assert (files.find(wanted), files.find(UUID(new_id(AT)))) == (record, None)


def test_a_prediction_of_another_worker_is_waited_for(
    files: PredictionFiles, log: PredictionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PredictionLog(files, QUARTER)
    record = a_prediction()
    other.note(record)
    looked: list[PredictionRecord | None] = []

    def look(prediction_id: UUID) -> PredictionRecord | None:
        looked.append(PredictionFiles.find(files, prediction_id))
        other.write()
        return looked[-1]

    monkeypatch.setattr(files, "find", look)
    monkeypatch.setattr(prediction_log, "_NOT_WRITTEN_YET", timedelta(minutes=5))
    assert asyncio.run(log.find(UUID(record.prediction_id))) == record
    assert looked == [None, record]
    other.end()


def test_an_id_of_a_time_to_come_is_not_waited_for(
    log: PredictionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[UUID] = []
    monkeypatch.setattr(log.files, "find", looked.append)
    assert asyncio.run(log.find(UUID(new_id(now() + timedelta(days=1))))) is None
    assert len(looked) == 1


def test_feedback_is_kept_by_the_day_of_its_prediction_and_counts_once(
    files: PredictionFiles, log: PredictionLog
) -> None:
    record = a_prediction(AT)
    first, second = some_feedback(record, 50.0), some_feedback(record, 60.0)
    for one in (first, first, second):
        log.keep_feedback(one)
    about = UUID(record.prediction_id)
    assert {one.feedback_id for one in files.feedback_on(about)} == {first.feedback_id, second.feedback_id}
    log.end()
    keep(files, QUARTER, AT.date())
    assert [path.parent.name for path in files.folder("feedback").glob("*/*/*.parquet")] == ["day=2026-02-01"]
    assert len(files.feedback_on(about)) == 2
    assert sorted(files.table("feedback", "price")["value"].to_pylist()) == [50.0, 60.0]


@pytest.mark.slow
def test_what_two_processes_noted_a_second_before_they_were_killed_is_there(files: PredictionFiles) -> None:
    assert 2 * prediction_log.WRITE_EVERY_SECONDS <= 1
    command = [sys.executable, "-c", NOTES, str(files.folder("predictions").parent)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [[_line_of(process) for _ in range(100)] for process in processes]
    for process in processes:  # one that lives on would move the other's journal to its day
        process.kill()
    for process, lines in zip(processes, told, strict=True):
        lines += process.communicate()[0].split()
    assert len(files.journals("predictions")) == 2
    keep(files, QUARTER, now().date())
    assert files.journals("predictions") == []
    found = set(files.table("predictions", "price")["prediction_id"].to_pylist())
    assert all(one in found for many in told for one in many if len(one) == 36)
    assert min(map(len, told)) >= 100


def _line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_journal_of_a_living_process_is_left_alone(files: PredictionFiles, log: PredictionLog) -> None:
    log.note(a_prediction(AT))
    log.write()
    keep(files, QUARTER, AT.date())
    assert len(files.journals("predictions")) == 1
    assert stored(files) == []


def test_broken_lines_are_cut_and_everything_else_is_kept(
    files: PredictionFiles, caplog: pytest.LogCaptureFixture
) -> None:
    records = [a_prediction(AT) for _ in range(3)]
    write(files, *records)
    [path] = files.journals("predictions")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join([lines[0], b"\x00\xff{\n", lines[1], b'{"at": null}\n', lines[2], lines[0][:50]])
    )
    assert files.find(UUID(records[2].prediction_id)) == records[2]
    keep(files, QUARTER, AT.date())
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == ids(records)
    assert "3 broken lines of the journal" in caplog.text


def test_a_full_buffer_drops_records_and_never_waits(
    files: PredictionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked, entered = threading.Event(), threading.Event()

    def write_in_vain(_descriptor: int, _lines: bytes) -> None:
        entered.set()
        blocked.wait(30)

    monkeypatch.setattr(journal, "_write", write_in_vain)
    monkeypatch.setattr(prediction_log, "WRITE_EVERY_SECONDS", 0.01)
    counted: list[str] = []
    monkeypatch.setattr("serving.metrics.count_record", counted.append)
    log = PredictionLog(files, QUARTER, max_waiting_bytes=6_000)
    log.begin()
    log.note(a_prediction())
    assert entered.wait(30)
    for _ in range(50):
        log.note(a_prediction())
    assert counted.count("noted") == log.waiting
    assert counted.count("dropped") == 51 - log.waiting > 30
    blocked.set()
    log.end()
    assert log.waiting == 0


def test_a_disk_that_is_full_for_a_while_loses_nothing(
    files: PredictionFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write_half(descriptor: int, lines: bytes) -> None:
        os.write(descriptor, lines[: len(lines) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    log = PredictionLog(files, QUARTER)
    records = [a_prediction(AT) for _ in range(3)]
    log.note(records[0])
    log.write()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_write", write_half)
        for record in records[1:]:
            log.note(record)
            log.write()
        assert (log.writable, log.waiting) == (False, 2)
        with pytest.raises(ModelUnavailable, match="No space left"):
            log.keep_feedback(some_feedback(records[0], 1.0))
    assert caplog.text.count("the prediction log cannot be written") == 1
    log.end()
    assert log.writable
    [path] = files.journals("predictions")
    assert [json.loads(line)["prediction_id"] for line in path.read_text().splitlines()] == [
        one.prediction_id for one in records
    ]


def test_days_are_deleted_when_they_were_kept_long_enough(files: PredictionFiles) -> None:
    moments = [AT - timedelta(days=days) for days in (90, 89, 0)]
    write(files, *map(a_prediction, moments))
    keep(files, QUARTER, AT.date())
    keep(files, QUARTER, AT.date())
    assert [folder.name for folder in files.days("predictions", "price")] == [
        "day=2025-11-04",
        "day=2026-02-01",
    ]


def test_many_small_files_become_one_with_every_record_once(files: PredictionFiles) -> None:
    records = [a_prediction(AT, model="sentiment") for _ in range(keeping.MOST_SMALL_FILES)]
    for record in records[:-1]:
        write(files, record)
    keep(files, QUARTER, AT.date())
    assert len(stored(files)) == keeping.MOST_SMALL_FILES - 1
    write(files, records[-1])
    keep(files, QUARTER, AT.date())
    [path] = stored(files)
    assert sorted(pq.read_table(path)["prediction_id"].to_pylist()) == ids(records)
    assert files.find(UUID(records[5].prediction_id)) == records[5]


def test_a_merge_that_was_killed_before_it_tidied_doubles_nothing(files: PredictionFiles) -> None:
    records = [a_prediction(AT) for _ in range(3)]
    for record in records[:2]:
        write(files, record)
        keep(files, QUARTER, AT.date())
    before = {path: path.read_bytes() for path in stored(files)}
    tomorrow = AT.date() + timedelta(days=1)
    keep(files, QUARTER, tomorrow)
    for path, data in before.items():
        path.write_bytes(data)  # as if it had been killed just before it deleted them
    assert len(stored(files)) == 3
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == ids(records[:2])
    write(files, records[2])
    keep(files, QUARTER, tomorrow)
    [path] = stored(files)
    assert sorted(pq.read_table(path)["prediction_id"].to_pylist()) == ids(records)


def test_a_process_that_was_killed_between_file_and_journal_doubles_nothing(
    files: PredictionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = a_prediction(AT)
    write(files, record)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            keeping._fold(files, "predictions")
    assert (len(stored(files)), len(files.journals("predictions"))) == (1, 1)
    keep(files, QUARTER, AT.date())
    assert (len(stored(files)), len(files.journals("predictions"))) == (1, 0)
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == [record.prediction_id]


def _killed(path: Path, missing_ok: bool = False) -> None:  # noqa: ARG001  (as Path's own has it)
    if path.suffix == ".jsonl":
        raise KeyboardInterrupt


def test_a_table_of_the_log_has_every_record_once_wherever_it_lies(files: PredictionFiles) -> None:
    old, new = a_prediction(AT - timedelta(days=3)), a_prediction(AT)
    write(files, old, a_prediction(AT, model="sentiment"))
    keep(files, QUARTER, AT.date())
    write(files, new)
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == [
        old.prediction_id,
        new.prediction_id,
    ]
    since = files.table("predictions", "price", since=AT.date())
    assert since["prediction_id"].to_pylist() == [new.prediction_id]
    some = files.table("predictions", "price", columns=["version", "prediction_id"])
    assert some == files.table("predictions", "price").select(["version", "prediction_id"])
    assert files.table("predictions", "recommender").num_rows == 0
