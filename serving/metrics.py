"""What is counted besides BentoML's own request counts and durations: predictions, and who makes them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from bookshelf.contracts import ServedModel

# BentoML names the folder that its workers share their counts in just before the service is made;
# prometheus_client looks for it when it is imported.
if TYPE_CHECKING:
    from prometheus_client import Counter, Metric


def count_predictions(name: str, version: str, *, made: int, refused: int) -> None:
    """Add to `bookshelf_predictions_total`, which is summed over all workers."""
    counter = _predictions()
    for outcome, number in (("made", made), ("refused", refused)):
        if number:
            counter.labels(name, version, outcome).inc(number)


def model_info(served: Iterable[ServedModel]) -> str:
    """`bookshelf_model_info` in Prometheus's text format: 1 for each model and version on duty.

    It is told from what is on duty and not kept in the shared folder, where the versions of a worker
    that was killed would stay.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily

    labels = ("model", "version", "run_id", "informative")
    family = GaugeMetricFamily("bookshelf_model_info", "Versions on duty.", labels=labels)
    for one in served:
        informative = "" if one.informative is None else str(one.informative).lower()
        family.add_metric([one.name, one.version, one.run_id, informative], 1)
    registry = CollectorRegistry()
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
