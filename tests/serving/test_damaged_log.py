"""The prediction log when files are damaged, or taken away at the wrong moment: what is whole is kept and found."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from bookshelf.prediction_files import PredictionFiles
from serving import journal
from serving.journal import Journal
from serving.keeping import keep
from tests.serving.test_prediction_log import (
    AT,
    QUARTER,
    a_prediction,
    ids,
    write,
)


@pytest.fixture
def files(tmp_path: Path) -> PredictionFiles:
    return PredictionFiles(tmp_path)


def test_a_journal_that_was_taken_away_before_it_was_locked_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = fcntl.flock, []

    def keeper_comes_first(descriptor: int, how: int) -> None:
        if not taken:
            [path] = tmp_path.iterdir()
            path.unlink()  # empty and without a lock, it passed for complete
            taken.append(path)
        lock(descriptor, how)

    monkeypatch.setattr(journal.fcntl, "flock", keeper_comes_first)
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
