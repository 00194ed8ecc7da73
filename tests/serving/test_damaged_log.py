"""The prediction log with damaged files, or files taken away at a bad moment: what is whole is kept."""

from __future__ import annotations

import asyncio
import fcntl
import threading
from pathlib import Path
from uuid import UUID

import pytest

from bookshelf.errors import ModelUnavailable
from bookshelf.prediction_files import PredictionFiles
from serving import journal, prediction_log
from serving.journal import Journal
from serving.keeping import keep
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import (
    AT,
    QUARTER,
    a_prediction,
    ids,
    some_feedback,
    stored,
    write,
)


@pytest.fixture
def files(tmp_path: Path) -> PredictionFiles:
    return PredictionFiles(tmp_path)


def test_a_journal_that_was_taken_away_before_it_was_locked_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = fcntl.flock, list[Path]()

    def keeper_comes_first(descriptor: int, how: int) -> None:
        if not taken:
            [path] = tmp_path.iterdir()
            path.unlink()  # empty and without a lock, it passed for complete
            taken.append(path)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", keeper_comes_first)
    Journal(tmp_path).append(b"{}\n")
    [written] = tmp_path.iterdir()
    assert (taken != [written], written.read_bytes()) == (True, b"{}\n")


def test_a_line_of_other_types_is_left_out_and_holds_up_nothing(
    files: PredictionFiles, caplog: pytest.LogCaptureFixture
) -> None:
    records = [a_prediction(AT), a_prediction(AT)]
    write(files, *records)
    [path] = files.journals("predictions")
    path.write_bytes(b'{"prediction_id": 5, "at": "then", "model": "price"}\n[]\n\n' + path.read_bytes())
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == ids(records)
    keep(files, QUARTER, AT.date())
    assert files.journals("predictions") == []
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == ids(records)
    assert "3 broken lines of the journal" in caplog.text


def test_a_file_that_is_no_parquet_is_set_aside_and_the_others_are_merged(
    files: PredictionFiles, caplog: pytest.LogCaptureFixture
) -> None:
    records = [a_prediction(AT), a_prediction(AT)]
    for record in records:
        write(files, record)
        keep(files, QUARTER, AT.date())
    broken = stored(files)[0].with_name("half.parquet")
    broken.write_bytes(stored(files)[0].read_bytes()[:-20])
    log = PredictionLog(files, QUARTER)
    log.keep_feedback(some_feedback(records[0], 1.0))
    log.end()
    tomorrow = AT.date().replace(month=3)
    keep(files, QUARTER, tomorrow)
    assert files.journals("feedback") == []
    assert len(stored(files)) == 1
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == ids(records)
    assert (broken.exists(), broken.with_suffix(".unreadable").exists()) == (False, True)
    assert "half.parquet is set aside" in caplog.text


def test_beside_a_file_that_cannot_be_read_others_are_found_and_the_rest_is_not_known(
    files: PredictionFiles,
) -> None:
    record = a_prediction(AT)
    write(files, record)
    keep(files, QUARTER, AT.date())
    stored(files)[0].with_name("a.parquet").write_bytes(b"nonsense")
    log = PredictionLog(files, QUARTER)
    assert asyncio.run(log.find(UUID(record.prediction_id))) == record
    with pytest.raises(ModelUnavailable, match=r"a\.parquet of the log cannot be read"):
        asyncio.run(log.find(UUID(a_prediction(AT).prediction_id)))
    with pytest.raises(ModelUnavailable, match=r"a\.parquet of the log cannot be read"):
        files.table("predictions", "price")


def test_the_writing_thread_outlives_what_nobody_foresaw(
    files: PredictionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, write, failed = threading.Event(), journal._write, threading.Event()

    def fail_once(descriptor: int, lines: bytes) -> None:
        if not failed.is_set():
            write(descriptor, lines[:7])
            failed.set()
            raise MemoryError
        write(descriptor, lines)
        written.set()

    monkeypatch.setattr(journal, "_write", fail_once)
    monkeypatch.setattr(prediction_log, "WRITE_EVERY_SECONDS", 0.01)
    log = PredictionLog(files, QUARTER)
    log.begin()
    record = a_prediction(AT)
    log.note(record)
    assert written.wait(120)
    log.end()
    assert log.writable
    assert files.table("predictions", "price")["prediction_id"].to_pylist() == [record.prediction_id]
