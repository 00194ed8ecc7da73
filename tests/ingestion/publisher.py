"""A publisher of features that takes no time, for tests of what comes before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bookshelf.catalogue import Catalogue
from bookshelf.errors import FeatureStoreError
from bookshelf.settings import Settings


@dataclass(frozen=True)
class Report:
    """What a publisher says of its work."""

    rows_written: int = 21
    texts_encoded: int = 7


class Publisher:
    """Counts how often features are published, and marks them as published as the real one does.

    While it is `broken` it fails as a full store would.
    """

    def __init__(self) -> None:
        self.published: list[int] = []
        self.broken = False

    def __call__(self, catalogue: Catalogue, _settings: Settings, at: datetime) -> Report:
        if self.broken:
            raise FeatureStoreError("the online store is full")
        snapshot = catalogue.snapshot()
        assert snapshot is not None
        self.published.append(snapshot.id)
        catalogue.snapshots.mark_features_published(snapshot.id, at)
        return Report()
