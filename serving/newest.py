"""The catalogue's newest snapshot, as last heard of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue

log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0


class NewestSnapshot:
    """Looked up by a thread of its own, so that no answer waits for the catalogue."""

    def __init__(self, open_catalogue: Callable[[], Catalogue]) -> None:
        self._open_catalogue = open_catalogue
        #: None before the first publish, and until the catalogue was first read.
        self.id: int | None = None

    def follow(self, stop: Event) -> None:
        """Look again and again until told to stop."""
        self.look()
        while not stop.wait(_LOOK_EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Ask the catalogue; what was known stays while it cannot be read."""
        try:
            snapshot = self._open_catalogue().snapshot()
        except SQLAlchemyError as error:
            log.debug("the catalogue cannot be read: %s", error)  # others, who need it to answer, warn
            return
        self.id = None if snapshot is None else snapshot.id
