"""Which books are on offer now, as the catalogue says; asked of it at most once a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bookshelf.catalogue import Catalogue, on_offer
from bookshelf.database import reading
from bookshelf.tables import versions

log = logging.getLogger(__name__)

_ASK_AGAIN = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Offer:
    """The ids of the books on offer at one revision of the catalogue, ascending."""

    revision: int
    book_ids: NDArray[np.int64]


class OnOffer:
    """The offer of the newest revision; of an earlier one for as long as the catalogue cannot be read."""

    def __init__(self, open_catalogue: Callable[[], Catalogue]) -> None:
        self._open_catalogue = open_catalogue
        self._known: Offer | None = None
        self._asked_at = -_ASK_AGAIN

    async def now(self) -> Offer | None:
        """What is on offer; None where that was never known, or nothing was ever published."""
        if time.monotonic() - self._asked_at >= _ASK_AGAIN:
            if self._known is not None:
                self._asked_at = time.monotonic()  # the others need not ask too, nor wait for the answer
            self._known = await asyncio.to_thread(self._read)
            self._asked_at = time.monotonic()
        return self._known

    def _read(self) -> Offer | None:
        try:
            catalogue = self._open_catalogue()
            snapshot = catalogue.snapshot()
            if snapshot is None or snapshot.revision is None:
                return None
            if self._known is not None and self._known.revision == snapshot.revision:
                return self._known
            offered = select(versions.c.book_id).where(on_offer(snapshot.published_at))
            with reading(catalogue.engine) as connection:
                book_ids = connection.execute(offered.order_by(versions.c.book_id)).scalars().all()
        except SQLAlchemyError as error:
            log.warning("the catalogue cannot be read, books that left are not known: %s", error)
            return self._known
        return Offer(snapshot.revision, np.array(book_ids, dtype=np.int64))
