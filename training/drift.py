"""Drift after a publish: each champion's books beside those on offer, kept, shown, and acted on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bookshelf.catalogue import Catalogue, now
from bookshelf.contracts import MODEL_NAMES
from bookshelf.drift import AnswerDrift, DriftWindow, DriftWindows, FeatureDrift, NewWindow
from bookshelf.errors import BookshelfError, FeatureStoreError, NotFound, OrderInProgress
from bookshelf.model_orders import ModelOrders
from bookshelf.settings import Settings
from bookshelf.snapshots import Snapshot
from training.answer_drift import answer_drift
from training.drift_features import compare_tables
from training.drift_log import drift_run, log_window
from training.drift_policy import Policy, reason_to_retrain
from training.drift_predictions import answers, as_told
from training.drift_rows import Champion, champion, learnt_rows, offered_rows
from training.drift_statistics import Limits
from training.duty import Duty

log = logging.getLogger(__name__)

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


def follow_publication(settings: Settings) -> None:
    """What the trainer does after every publication. Raises `BookshelfError` for what was not measured."""
    failed = []
    for outcome in watch_drift(settings, MODEL_NAMES, now()):
        print(outcome, flush=True)  # the trainer writes it into its log
        if outcome.failed:
            failed.append(str(outcome))
    if failed:
        raise BookshelfError("; ".join(failed))


def watch_drift(
    settings: Settings, names: Sequence[str], at: datetime, snapshot_id: int | None = None
) -> Iterator[Outcome]:
    """Compare each model's champion with that publish, and order the retrainings that this calls for.

    Without a snapshot, with every publish since it learnt that was not compared yet, at most as many as a
    decision looks back on. A window on record is not measured again. What goes wrong with one model is its
    outcome, and the others are still measured. Raises `NotFound` for a snapshot that was never published.
    """
    duty = Duty.of(settings)
    watch = _Watch(settings, Catalogue(duty.log.engine), duty, at)
    snapshot = None if snapshot_id is None else watch.published(snapshot_id)
    for name in names:
        try:
            yield from watch.outcomes(name, snapshot)
        except BookshelfError as error:
            yield Outcome(model=name, told=f"not measured: {error}", failed=True)
        # A model that is gone, or of an older make, raises whatever its library does.
        except Exception as error:
            log.exception("the drift of %s could not be measured", name)
            told = f"not measured: {type(error).__name__}: {error}"
            yield Outcome(model=name, told=told, failed=True)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Compares champions with publishes."""

    settings: Settings
    catalogue: Catalogue
    duty: Duty
    at: datetime

    def published(self, snapshot_id: int) -> Snapshot:
        snapshot = self.catalogue.snapshots.get(snapshot_id)
        if snapshot.published_at is None:
            raise NotFound(
                "snapshot", f"snapshot {snapshot.id} is {snapshot.status}, and was never published"
            )
        return snapshot

    def outcomes(self, name: str, snapshot: Snapshot | None) -> Iterator[Outcome]:
        found = champion(self.duty, self.catalogue, name)
        if found is None:
            yield Outcome(model=name, told="no version serves, and there is nothing to compare with")
            return
        if snapshot is not None and found.source not in ("", snapshot.source):
            other = f"snapshot {snapshot.id} is of another source than {found.source}"
            yield Outcome(model=name, told=f"{other}, from which version {found.version} learnt")
            return
        if self.catalogue.snapshot(found.source or None, found.learnt_at) is None:  # it is of a corpus
            when = f"no book was on offer when version {found.version} learnt"
            yield Outcome(model=name, told=f"{when}, and there is nothing to compare with")
            return
        for one in self._to_measure(found) if snapshot is None else [snapshot]:
            yield self._outcome(found, one)

    @property
    def _windows(self) -> DriftWindows:
        return DriftWindows(self.catalogue.engine)

    def _to_measure(self, of: Champion) -> Sequence[Snapshot]:
        """Publishes since it learnt that have no window, the oldest first; the last in any case."""
        size = self.settings.drift_windows
        newest = self.catalogue.snapshots.published(size=size, source=of.source or None)
        if not newest:
            raise FeatureStoreError("no features are published: run `python -m ingestion publish`")
        missing = [
            one
            for one in reversed(newest)
            if one.published_at
            and one.published_at > of.learnt_at
            and self._windows.find(of.name, of.version, one.id) is None
        ]
        return missing or newest[:1]

    def _outcome(self, of: Champion, snapshot: Snapshot) -> Outcome:
        window = self._windows.find(of.name, of.version, snapshot.id)
        known = window is not None
        if window is None:
            window = self._windows.add(self._measured(of, snapshot))
        window, ordered = self._ordered(window)
        return Outcome(model=of.name, told=_told(window, known, ordered), window=window)

    def _measured(self, of: Champion, snapshot: Snapshot) -> NewWindow:
        assert snapshot.published_at is not None
        limits = Limits(psi=self.settings.drift_psi, ks=self.settings.drift_ks)
        reference = learnt_rows(self.settings, of)
        window = offered_rows(self.settings, of, snapshot.published_at)
        before, after = answers(self.settings, of.name, of.version, of.tags, (reference, window))
        compared = compare_tables(reference, window, (before, after), limits)
        usual = as_told(of.name, of.version, reference, before)
        found = NewWindow(
            model=of.name,
            version=of.version,
            snapshot_id=snapshot.id,
            source=of.source,
            published_at=snapshot.published_at,
            reference_at=of.learnt_at,
            measured_at=self.at,
            reference_rows=len(reference),
            window_rows=len(window),
            features=tuple(one.drift for one in compared),
            run_id=drift_run(self.duty.client, self.settings, of.name, of.version, len(reference), limits),
            answers=answer_drift(self.settings, of, snapshot.published_at, usual, limits),
        )
        log_window(self.duty.client, found, compared)
        return found

    def _ordered(self, window: DriftWindow) -> tuple[DriftWindow, str]:
        """The window with the retraining that it gives rise to, if any, and what is to be said of that."""
        policy = Policy.of(self.settings)
        history = self._windows.history(window.model, policy.windows)
        if window.order_id or history[-1].id != window.id:
            return window, ""
        reason = reason_to_retrain(history, policy, self.at)
        if reason is None:
            return window, ""
        try:
            order = ModelOrders(self.catalogue.engine).request(
                "retrain",
                window.model,
                REQUESTER,
                reason,
                self.at,
                # Whoever died between the two would order once more.
                noted=lambda connection, order_id: self._windows.note_order(connection, window.id, order_id),
            )
        except OrderInProgress as error:
            return window, f"; would be trained anew, but {error}"
        return replace(window, order_id=order.id), f"; to be trained anew: {reason}"


def _told(window: DriftWindow, known: bool, ordered: str) -> str:
    violated = [one for one in window.features if one.violated]
    named = ", ".join(_limit_reached(one) for one in violated)
    worst = window.features[0]
    said = (
        f"drifts in {named}"
        if violated
        else f"no drift; furthest is {worst.feature} with PSI {worst.psi:.3f}"
    )
    before = "measured before: " if known else ""
    answered = _answers_told(window.answers)
    return f"{before}version {window.version}, snapshot {window.snapshot_id}: {said}{answered}{ordered}"


def _answers_told(answers: AnswerDrift | None) -> str:
    if answers is None or not answers.questions:
        return ""
    said = f"; {answers.questions:,} questions were answered"
    if answers.drift is not None:
        verb = "drift: " if answers.violated else "no drift: "
        said += f", {verb}{_limit_reached(answers.drift)}"
    if answers.error is not None:
        error = answers.error
        said += f", {error.measure} {error.mean:.4g} of {error.n:,} (baseline {error.baseline:.4g})"
    return said


def _limit_reached(one: FeatureDrift) -> str:
    by_ks = "" if one.ks is None else f", KS {one.ks:.3f} of {one.ks_limit:.2f}"
    return f"{one.feature} (PSI {one.psi:.3f} of {one.psi_limit:.2f}{by_ks})"
