"""What follows a published snapshot by itself: the export, and the features."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bookshelf.catalogue import Catalogue
from bookshelf.settings import Settings
from ingestion.export import export_books


class FeatureReport(Protocol):
    """What a publisher of features says of its work; its text is fit to be shown to a user."""

    @property
    def rows_written(self) -> int: ...

    @property
    def texts_encoded(self) -> int: ...


#: What brings the features of all that is published into the feature store.
Publish = Callable[[Catalogue, Settings, datetime], FeatureReport]


def export_catalogue(catalogue: Catalogue, settings: Settings) -> None:
    """Write what is on offer to the export's file."""
    export_books(catalogue.stream_books(), settings.export_csv)


def features_are_due(catalogue: Catalogue) -> bool:
    """Whether something was published whose features are not: by hand, or by a process that died."""
    snapshot = catalogue.snapshot()
    return snapshot is not None and snapshot.features_published_at is None
