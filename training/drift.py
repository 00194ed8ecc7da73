"""Drift after a publish: each champion's books beside those on offer, kept, shown, and acted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlflow import MlflowClient

from bookshelf.catalogue import Catalogue
from bookshelf.drift import DriftWindow, DriftWindows, NewWindow
from bookshelf.errors import BookshelfError, FeatureStoreError, NotFound, OrderInProgress
from bookshelf.model_orders import ModelOrders
from bookshelf.settings import Settings
from bookshelf.snapshots import Snapshot
from training.drift_features import compare_tables
from training.drift_log import drift_run, log_window
from training.drift_policy import Policy, reason_to_retrain
from training.drift_predictions import answers
from training.drift_rows import Champion, champion, learnt_rows, offered_rows
from training.drift_statistics import Limits
from training.runs import tracking_client

#: Who asks for a retraining, in its order.
REQUESTER = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one model: its window, or None and why; `failed` where there should be one."""

    model: str
    told: str
    window: DriftWindow | None = None
    failed: bool = False

    def __str__(self) -> str:
        return f"{self.model}: {self.told}"


def watch_drift(
    settings: Settings, names: Sequence[str], at: datetime, snapshot_id: int | None = None
) -> Iterator[Outcome]:
    """Measure each model's champion against that publish, the last one by default, and order retrainings.

    A window that is on record is not measured again, but its order is asked for if it should have been.
    What goes wrong with one model is its outcome, and the others are still measured. Raises `NotFound` or
    `FeatureStoreError` for a snapshot that cannot be measured.
    """
    catalogue = Catalogue.open(settings.catalogue_url)
    snapshot = _published(catalogue, snapshot_id)
    client = tracking_client(settings)
    for name in names:
        try:
            yield _Watch(settings, catalogue, client, snapshot, at).outcome(name)
        except BookshelfError as error:
            yield Outcome(model=name, told=f"not measured: {error}", failed=True)


def _published(catalogue: Catalogue, snapshot_id: int | None) -> Snapshot:
    snapshot = catalogue.snapshot() if snapshot_id is None else catalogue.snapshots.get(snapshot_id)
    if snapshot is None:
        raise FeatureStoreError("the catalogue is empty: run `python -m ingestion scrape` first")
    if snapshot.published_at is None:
        raise NotFound("snapshot", f"snapshot {snapshot.id} is {snapshot.status}, and was never published")
    return snapshot


@dataclass(frozen=True, slots=True)
class _Watch:
    """Measures the champions of one snapshot."""

    settings: Settings
    catalogue: Catalogue
    client: MlflowClient
    snapshot: Snapshot
    at: datetime

    def outcome(self, name: str) -> Outcome:
        found = champion(self.client, self.catalogue, name)
        if found is None:
            return Outcome(model=name, told="no version serves, and there is nothing to compare with")
        if found.source and found.source != self.snapshot.source:
            other = f"snapshot {self.snapshot.id} is of another source than {found.source}"
            return Outcome(model=name, told=f"{other}, from which version {found.version} learnt")
        windows = DriftWindows(self.catalogue.engine)
        window = windows.find(name, found.version, self.snapshot.id)
        known = window is not None
        if window is None:
            window = windows.add(self._measured(found))
        window, ordered = self._ordered(windows, window)
        return Outcome(model=name, told=_told(window, known, ordered), window=window)

    def _measured(self, of: Champion) -> NewWindow:
        assert self.snapshot.published_at is not None
        limits = Limits(psi=self.settings.drift_psi, ks=self.settings.drift_ks)
        reference, window = (
            learnt_rows(self.settings, of),
            offered_rows(self.settings, of, self.snapshot.published_at),
        )
        before, now = answers(self.settings, of.name, of.version, of.tags, (reference, window))
        compared = compare_tables(reference, window, (before, now), limits)
        found = NewWindow(
            model=of.name,
            version=of.version,
            snapshot_id=self.snapshot.id,
            source=of.source,
            published_at=self.snapshot.published_at,
            reference_at=of.learnt_at,
            measured_at=self.at,
            reference_rows=len(reference),
            window_rows=len(window),
            features=tuple(one.drift for one in compared),
            run_id=drift_run(self.client, self.settings, of.name, of.version, len(reference), limits),
        )
        log_window(self.client, found, compared)
        return found

    def _ordered(self, windows: DriftWindows, window: DriftWindow) -> tuple[DriftWindow, str]:
        """The window with the retraining that it gives rise to, if any, and what is to be said of that."""
        policy = Policy.of(self.settings)
        history = windows.history(window.model, policy.windows)
        if window.order_id or history[-1].id != window.id:
            return window, ""
        reason = reason_to_retrain(history, policy, self.at)
        if reason is None:
            return window, ""
        try:
            order = ModelOrders(self.catalogue.engine).request(
                "retrain", window.model, REQUESTER, reason, self.at
            )
        except OrderInProgress as error:
            return window, f"; would be trained anew, but {error}"
        return windows.note_order(window.id, order.id), f"; to be trained anew: {reason}"


def _told(window: DriftWindow, known: bool, ordered: str) -> str:
    violated = [one for one in window.features if one.violated]
    named = ", ".join(f"{one.feature} (PSI {one.psi:.3f}, limit {one.psi_limit:.2f})" for one in violated)
    worst = window.features[0]
    said = (
        f"drifts in {named}"
        if violated
        else f"no drift; furthest is {worst.feature} with PSI {worst.psi:.3f}"
    )
    before = "measured before: " if known else ""
    return f"{before}version {window.version}, snapshot {window.snapshot_id}: {said}{ordered}"
