"""What serving keeps in its home, so that it can start while the registry is away: the last champions."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from bookshelf.contracts import MODEL_NAMES, ModelName
from bookshelf.settings import Settings
from serving.appointment import Appointment

log = logging.getLogger(__name__)

#: Puts a version's files into the folder that it is given.
Download = Callable[[Path], object]

_LOCK_SECONDS = 60
# Another worker may be reading one that is no champion, or no champion yet.
_KEPT_SECONDS = 600


def kept_in(settings: Settings) -> Path:
    """The folder of the local copies of that installation."""
    return settings.home.resolve() / "serving"


class LocalCopies:
    """Versions' files and, for each model, which was on duty last; shared by all workers of a home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = folder / "versions"

    def has(self, key: str) -> bool:
        """Whether the files of that version are kept."""
        return (self._versions / key).is_dir()

    def fetch(self, key: str, download: Download, *, anew: bool = False) -> Path:
        """Folder with the files of that version, downloaded unless they are kept; `anew` in any case.

        Whole or not at all: a download that fails, or is killed, leaves things as they were. Raises what
        `download` raises, and `OSError` where the home takes no files.
        """
        target = self._versions / key
        with self._lock():
            if anew or not target.is_dir():
                self._versions.mkdir(parents=True, exist_ok=True)
                new = Path(tempfile.mkdtemp(prefix="new-", dir=self._versions))
                try:
                    download(new)
                    self._remove(target)
                    new.rename(target)
                finally:
                    shutil.rmtree(new, ignore_errors=True)
            os.utime(target)  # in use now
        return target

    def last(self, name: ModelName) -> Appointment | None:
        """The version of that model that was on duty last; None if there was none."""
        try:
            told = json.loads(self._note(name).read_text())
            return Appointment(name, str(told["version"]), str(told["run_id"]), dict(told["tags"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def note(self, appointment: Appointment) -> Appointment | None:
        """Remember that this version is on duty; returns the one that was before, None if it was the same.

        Copies that no model needs any more go. Raises `OSError` where the home takes no files.
        """
        with self._lock():
            before = self.last(appointment.name)
            if before is not None and before.key == appointment.key:
                return None
            file = self._note(appointment.name)
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".new")
            told = {"version": appointment.version, "run_id": appointment.run_id}
            new.write_text(json.dumps(told | {"tags": dict(appointment.tags)}, indent=2))
            new.replace(file)
            self._tidy()
        return before

    def _tidy(self) -> None:
        last = [one for name in MODEL_NAMES if (one := self.last(name)) is not None]
        needed = {key for one in last for key in (one.key, one.encoder_key)}
        for folder in self._versions.iterdir():
            if folder.name not in needed and time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                self._remove(folder)

    def _remove(self, folder: Path) -> None:
        """Take the folder away in one step, so that nobody finds half of it."""
        gone = folder.with_name(f"gone-{folder.name}-{time.monotonic_ns()}")
        try:
            folder.rename(gone)
        except FileNotFoundError:
            return
        shutil.rmtree(gone, ignore_errors=True)

    def _note(self, name: ModelName) -> Path:
        return self._folder / f"{name}.json"

    def _lock(self) -> FileLock:
        """Raises `OSError` (it is a `TimeoutError`) if another process keeps it too long."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder / "lock", timeout=_LOCK_SECONDS)
