"""The prediction log of one process: a bounded buffer, and the threads that bring it to disk and keep it."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from threading import Event, Lock, Thread
from uuid import UUID

from pydantic_core import to_json

from bookshelf.catalogue import now
from bookshelf.errors import ModelUnavailable
from bookshelf.prediction import FeedbackRecord, PredictionRecord, Record, as_fields, moment_of
from bookshelf.prediction_files import PredictionFiles
from serving import metrics
from serving.journal import Journal
from serving.keeping import keep

log = logging.getLogger(__name__)

#: Texts of records that wait to be written: some seconds of the busiest service, should the disk be slow.
MAX_WAITING_BYTES = 32 * 2**20
WRITE_EVERY_SECONDS = 0.5
KEEP_EVERY_SECONDS = 10.0

# Of a record besides its texts.
_RECORD_BYTES = 500
# Another worker may have made it, and writes it within this.
_NOT_WRITTEN_YET = timedelta(seconds=3)
_LOOK_AGAIN_SECONDS, _LOOKS = 0.1, 11


class PredictionLog:
    """Keeps records until they are written. A record that finds the buffer full is dropped and counted."""

    def __init__(
        self, files: PredictionFiles, retention: timedelta, max_waiting_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self.files = files
        self._retention = retention
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting: list[PredictionRecord] = []
        self._writing: list[PredictionRecord] = []
        self._bytes = 0  # of both
        self._lock = Lock()  # held for a few assignments, never while anything is written
        self._journal = Journal(files.folder("predictions") / "journal")
        self._feedback = Journal(files.folder("feedback") / "journal")
        self._ended = Event()
        self._threads = [
            Thread(target=self._write_on, name="prediction-log", daemon=True),
            Thread(target=self._keep_on, name="prediction-log-keeper", daemon=True),
        ]
        #: Whether the last write succeeded.
        self.writable = True

    def begin(self) -> None:
        """Write what is noted from now on, and what was noted before."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Write what still waits, and let go of the journals; a thread that writes is waited for."""
        self._ended.set()
        if self._threads[0].is_alive():
            self._threads[0].join()
        self.write()
        self._journal.close()
        self._feedback.close()

    def note(self, record: PredictionRecord) -> None:
        """Remember the record, unless the buffer is full. Never waits for the disk, and never raises."""
        size = _size(record)
        with self._lock:
            noted = self._bytes + size <= self._max_waiting_bytes
            if noted:
                self._waiting.append(record)
                self._bytes += size
        metrics.count_record("noted" if noted else "dropped")

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""
        return len(self._writing) + len(self._waiting)

    def write(self) -> None:
        """Write all that waits to the journal; it goes on waiting if that fails."""
        with self._lock:
            self._writing += self._waiting
            self._waiting = []
        if self._writing:
            lines = b"".join(map(_line, self._writing))
            try:
                self._journal.append(lines)
            except OSError as error:
                self._note_writable(False, error)
                return
            self._note_writable(True, None)
            metrics.count_written(len(lines))
            written = sum(map(_size, self._writing))
            with self._lock:
                self._writing = []
                self._bytes -= written
        self._journal.close_if_due()
        self._feedback.close_if_due()

    async def find(self, prediction_id: UUID) -> PredictionRecord | None:
        """The prediction with that id; one so new that its worker may not have written it is waited for."""
        made_at = moment_of(prediction_id)
        if made_at is None:
            return None
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            found = self._not_written(prediction_id) or await asyncio.to_thread(
                self.files.find, prediction_id
            )
            if found is not None or abs(now() - made_at) > _NOT_WRITTEN_YET:
                return found
        return None

    def keep_feedback(self, record: FeedbackRecord) -> None:
        """Write the feedback at once. Raises `ModelUnavailable` if it cannot be kept."""
        try:
            self._feedback.append(_line(record))
        except OSError as error:
            raise ModelUnavailable(f"feedback cannot be kept now: {error.strerror}") from error

    def _not_written(self, prediction_id: UUID) -> PredictionRecord | None:
        wanted = str(prediction_id)
        with self._lock:
            pending = [*self._writing, *self._waiting]
        return next((one for one in pending if one.prediction_id == wanted), None)

    def _write_on(self) -> None:
        while not self._ended.wait(WRITE_EVERY_SECONDS):
            try:
                self.write()
            # Whatever nobody foresaw, such as memory running out: what waits is tried again.
            except Exception as error:  # noqa: BLE001
                self._note_writable(False, error)

    def _keep_on(self) -> None:
        while True:
            try:
                keep(self.files, self._retention, now().date())
            except OSError as error:
                log.warning("the prediction log cannot be kept in order: %s", error)
            # Whatever nobody foresaw, such as a file that is no Parquet: answers go on, and so does the log.
            except Exception:
                log.exception("keeping the prediction log in order failed")
            if self._ended.wait(KEEP_EVERY_SECONDS):
                return

    def _note_writable(self, writable: bool, error: Exception | None) -> None:
        if writable != self.writable:
            told = "can be written again" if writable else f"cannot be written: {error!r}"
            log.warning("the prediction log %s", told)
        self.writable = writable


def _line(record: Record) -> bytes:
    return to_json(as_fields(record)) + b"\n"


def _size(record: PredictionRecord) -> int:
    return _RECORD_BYTES + len(record.inputs) + len(record.features or "") + len(record.answer)
