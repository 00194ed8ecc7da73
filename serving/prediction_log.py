"""The prediction log of one process: a bounded buffer that answers drop their records into."""

from __future__ import annotations

from threading import Lock

from bookshelf.prediction import PredictionRecord
from serving import metrics

#: Texts of records that wait to be written: some seconds of the busiest service, should the disk be slow.
MAX_WAITING_BYTES = 32 * 2**20
# Of a record besides its texts.
_RECORD_BYTES = 500


class PredictionLog:
    """Keeps records until they are written. A record that finds the buffer full is dropped and counted."""

    def __init__(self, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: list[PredictionRecord] = []
        self._waiting_bytes = 0
        self._lock = Lock()  # held for a few assignments, never while anything is written

    def note(self, record: PredictionRecord) -> None:
        """Remember the record, unless the buffer is full. Never waits for the disk, and never raises."""
        size = _size(record)
        with self._lock:
            noted = self._waiting_bytes + size <= self._max_waiting_bytes
            if noted:
                self._waiting.append(record)
                self._waiting_bytes += size
        metrics.count_record("noted" if noted else "dropped")

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._waiting)


def _size(record: PredictionRecord) -> int:
    return _RECORD_BYTES + len(record.inputs) + len(record.features or "") + len(record.answer)
