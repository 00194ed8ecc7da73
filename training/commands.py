"""The commands of `python -m training`: what each does, and the lines it says."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from typing import Any

from bookshelf.contracts import MODEL_NAMES
from bookshelf.settings import Settings
from features.schema import PRICE_SERVICE
from training.fitted import Fitted

#: Exit status where at least one version was refused.
REFUSED = 3


def params_type(name: str) -> type[Any]:
    """The parameters of that model's training. Imports its module, which may take seconds."""
    found: type[Any] = getattr(import_module(f"training.{name}"), f"{name.capitalize()}Params")
    return found


def train(name: str, settings: Settings, params: Any, as_of: datetime, source: str) -> None:
    """Fit, judge and register one model on what was known at `as_of`, and say how good it is.

    `source` names whose books it learns from, "" everybody's; the run has it as parameter.
    """
    from training.registry import describe, register  # MLflow, which no help text needs
    from training.runs import model_run, tracking_client

    started = time.monotonic()
    # The run is there before the features are read, so that Feast notes in it what it gave out, and a
    # training that fails is seen to have failed.
    with model_run(tracking_client(settings), settings, name):
        fitted = _fit(name, settings, params, as_of, source or None)
        fitted = replace(
            fitted,
            params={**fitted.params, "source": source},
            tags={"source": source, **fitted.tags},  # the fit knows better where all books are of one source
            metrics={**fitted.metrics, "fit_seconds": time.monotonic() - started},
        )
        print(f"{name}: {len(fitted.dataset):,} rows from {fitted.dataset_source}")
        if verdict := fitted.tags.get("verdict"):
            print(f"  {verdict}")
        print(f"  {describe(fitted)}")
        registered = register(fitted, settings)
    print(f"  registered as version {registered.version} ({time.monotonic() - started:.1f} s)", flush=True)


def promote(names: Sequence[str], settings: Settings, version: str | None) -> int:
    """Send a version of each model to its gate; 0 if all serve now, `REFUSED` if one may not."""
    from training.promote import promote as judge

    decisions = [judge(name, settings, version) for name in names]
    for decision in decisions:
        print(decision)
    return 0 if all(decision.promoted for decision in decisions) else REFUSED


def status(settings: Settings, as_json: bool) -> None:
    """Say what is registered and what serves."""
    from training.status import model_statuses

    found = model_statuses(settings)
    if as_json:
        print(json.dumps([one.model_dump() for one in found]))
        return
    for one in found:
        score = f"{one.metric} {one.score:.4g} {one.unit}, baseline {one.baseline:.4g} {one.unit}"
        known = " (uninformative)" if one.informative is False else ""
        serving = f"version {one.champion} serves" if one.champion else "none serves"
        print(f"{one.name} version {one.version}: {score}{known}; {one.promotion or 'not judged'}; {serving}")
    for name in sorted(set(MODEL_NAMES) - {one.name for one in found}):
        print(f"{name}: no version")


def _fit(name: str, settings: Settings, params: Any, as_of: datetime, source: str | None) -> Fitted:
    if name == "price":
        from training.dataset import load_training_set
        from training.price import fit_price

        return _with_encoder(
            fit_price(load_training_set(settings, PRICE_SERVICE, as_of, source), params), settings
        )
    fit = getattr(import_module(f"training.{name}"), f"fit_{name}")
    fitted: Fitted = fit(settings, params, as_of, source)
    return fitted


def _with_encoder(fitted: Fitted, settings: Settings) -> Fitted:
    """The price model with the encoder named whose vectors it reads, if it reads any."""
    if not fitted.model.reads_vectors:
        return fitted
    from features.embedding import Encoder  # seconds of imports
    from training.registry import FINGERPRINT_TAG

    fingerprint = Encoder.load(settings.encoder).fingerprint
    return replace(fitted, tags={**fitted.tags, FINGERPRINT_TAG: fingerprint})
