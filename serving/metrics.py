"""What is counted besides BentoML's own requests: predictions, who makes them, and of how old features."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bookshelf.contracts import ServedModel

# BentoML names the folder that its workers share their counts in just before the service is made;
# prometheus_client looks for it when it is imported.
if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram, Metric

_LONGEST_REASON = 200
# From a minute to thirty days, finest around the limits.
_AGE_BUCKETS_MINUTES = (1, 60, 360, 720, 1_440, 2_160, 2_880, 4_320, 10_080, 20_160, 43_200)


def count_predictions(name: str, version: str, *, made: int, refused: int) -> None:
    """Add to `bookshelf_predictions_total`, which is summed over all workers."""
    counter = _predictions()
    for outcome, number in (("made", made), ("refused", refused)):
        if number:
            counter.labels(name, version, outcome).inc(number)


def count_swap(name: str, outcome: str) -> None:
    """Add to `bookshelf_model_swaps_total` a version that took another's place, or was refused it."""
    _swaps().labels(name, outcome).inc()


def count_trial(name: str, version: str, role: str, outcome: str, number: int) -> None:
    """Add to `bookshelf_trial_answers_total` what became of so many questions to a version on trial."""
    _tried().labels(name, version, role, outcome).inc(number)


def count_refusal(kind: str, reason: str) -> None:
    """Add to `bookshelf_queue_refused_total` a question that had no turn, and why."""
    _refused().labels(kind, reason).inc()


def note_waiting(kind: str, change: int) -> None:
    """Keep `bookshelf_queue_length`, which is summed over the workers that live."""
    _lengths().labels(kind).inc(change)


def forget_the_dead() -> None:
    """Take from the gauges what workers that were killed had left there, who could not take it themselves."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

    try:
        collector: Any = MultiProcessCollector(CollectorRegistry())  # type: ignore[no-untyped-call]
    except ValueError:  # this process shares its counts with no other
        return
    folder = collector._path  # it alone knows which variable of BentoML's names it
    for file in Path(folder).glob("gauge_live*_*.db"):
        number = file.stem.rpartition("_")[2]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            mark_process_dead(int(number), folder)  # type: ignore[no-untyped-call]


def count_record(outcome: str) -> None:
    """Add a record to `bookshelf_prediction_records_total`: noted, or dropped because too many waited."""
    _records().labels(outcome).inc()


def count_written(size: int) -> None:
    """Add so many bytes to `bookshelf_prediction_log_bytes_total`."""
    _written().inc(size)


def note_compiled(version: str, *, compiled: bool) -> None:
    """Set `bookshelf_price_compiled`: whether that version's compiled form gives its prices."""
    _compiled().labels(version).set(float(compiled))


def observe_age(service: str, view: str, status: str, age_seconds: float | None) -> None:
    """Count one book's values of a view by their status, and note their age where there are any."""
    _statuses().labels(service, view, status).inc()
    if age_seconds is not None:
        _ages().labels(service, view).observe(age_seconds)


def standing_of(
    served: Iterable[ServedModel], *, registry_reachable: bool, records_waiting: int, log_writable: bool
) -> str:
    """Who is on duty, who is refused, and how registry and log are, in Prometheus's text format.

    That is told by the worker that is asked, and not kept in the shared folder, where the versions of a
    worker that was killed would stay.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily

    info = GaugeMetricFamily(
        "bookshelf_model_info", "Versions on duty.", labels=("model", "version", "run_id", "informative")
    )
    refused = GaugeMetricFamily(
        "bookshelf_model_refused_info", "Versions kept off duty.", labels=("model", "version", "reason")
    )
    reachable = GaugeMetricFamily(
        "bookshelf_registry_reachable", "1 while the model registry can be read.", float(registry_reachable)
    )
    waiting = GaugeMetricFamily(
        "bookshelf_prediction_log_waiting", "Records that are not written yet.", float(records_waiting)
    )
    writable = GaugeMetricFamily(
        "bookshelf_prediction_log_writable", "1 while the journal can be written.", float(log_writable)
    )
    for one in served:
        if one.version is not None:
            informative = "" if one.informative is None else str(one.informative).lower()
            info.add_metric([one.name, one.version, one.run_id or "", informative], 1)
        if one.refused is not None:
            refused.add_metric([one.name, one.wanted_version or "", one.refused[:_LONGEST_REASON]], 1)
    registry = CollectorRegistry()
    for family in (info, refused, reachable, waiting, writable):
        registry.register(_Once(family))
    return generate_latest(registry).decode()


class _Once:
    """A collector of one metric that has been collected."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        return [self._metric]


@cache
def _predictions() -> Counter:
    from prometheus_client import Counter

    return Counter(
        "bookshelf_predictions", "Inputs that models have answered.", ("model", "version", "outcome")
    )


@cache
def _swaps() -> Counter:
    from prometheus_client import Counter

    return Counter("bookshelf_model_swaps", "Versions swapped in, or refused.", ("model", "outcome"))


@cache
def _tried() -> Counter:
    from prometheus_client import Counter

    labels = ("model", "version", "role", "outcome")
    return Counter("bookshelf_trial_answers", "Questions to versions on trial.", labels)


@cache
def _refused() -> Counter:
    from prometheus_client import Counter

    return Counter("bookshelf_queue_refused", "Questions that had no turn.", ("kind", "reason"))


@cache
def _lengths() -> Gauge:
    from prometheus_client import Gauge

    told = "Questions that wait for their turn."
    return Gauge("bookshelf_queue_length", told, ("kind",), multiprocess_mode="livesum")


@cache
def _records() -> Counter:
    from prometheus_client import Counter

    return Counter("bookshelf_prediction_records", "Records for the prediction log.", ("outcome",))


@cache
def _written() -> Counter:
    from prometheus_client import Counter

    return Counter("bookshelf_prediction_log_bytes", "Written to the journals of the prediction log.")


@cache
def _compiled() -> Gauge:
    from prometheus_client import Gauge

    return Gauge(
        "bookshelf_price_compiled",
        "1 where a version's compiled form prices few books, 0 where scikit-learn does.",
        ("version",),
        multiprocess_mode="livemin",
    )


@cache
def _statuses() -> Counter:
    from prometheus_client import Counter

    return Counter(
        "bookshelf_feature_status", "Online values that answers needed.", ("service", "view", "status")
    )


@cache
def _ages() -> Histogram:
    from prometheus_client import Histogram

    return Histogram(
        "bookshelf_feature_age_seconds",
        "Time since the shop last confirmed the online values that answers were made from.",
        ("service", "view"),
        buckets=[60 * minutes for minutes in _AGE_BUCKETS_MINUTES],
    )
